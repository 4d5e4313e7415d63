from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterwatch import lists
from filterwatch.errors import ConfigurationError
from filterwatch.events import CATEGORY_BIT
from filterwatch.lists import pages

GAMBLING, BYPASS, VPN, CSAM = (CATEGORY_BIT[word] for word in ("gambling", "bypass", "bypass.vpn", "csam"))
LABELS = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?\Z")
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))


def write(directory: Path, name: str, *lines: str) -> Path:
    path = directory / f"{name}.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def index_of(directory: Path) -> lists.CategoryIndex:
    return lists.prepare(directory, directory / "lists.index")


def bits(index: lists.CategoryIndex, *hosts: str | None) -> list[int]:
    return index.lookup(pl.Series(hosts, dtype=pl.String)).to_list()


def url_bits(index: lists.CategoryIndex, *urls: str) -> list[int]:
    hosts = [url.removeprefix("http://").partition("/")[0].partition("?")[0] for url in urls]
    return index.lookup_urls(pl.Series(hosts), pl.Series(urls)).to_list()


def test_a_range_of_addresses_speaks_of_every_address_in_it(tmp_path):
    write(tmp_path, "vpn", "# category: bypass", "# kind: vpn", "198.51.100.0/24", "2001:db8:1::/48", "203.0.113.7/32")
    index = index_of(tmp_path)
    assert bits(index, "198.51.100.0", "198.51.100.255", "2001:db8:1:2::3", "203.0.113.7") == [BYPASS | VPN] * 4
    assert (
        bits(index, "198.51.101.0", "198.51.99.255", "2001:db8:2::", "203.0.113.8", "198.51.100.0.example") == [0] * 5
    )


def test_the_longest_of_several_ranges_wins_and_an_allowed_one_cancels(tmp_path):
    write(tmp_path, "vpn", "# category: bypass", "# kind: vpn", "198.51.0.0/16", "@@198.51.100.0/24", "198.51.100.7")
    index = index_of(tmp_path)
    assert bits(index, "198.51.1.1", "198.51.100.1", "198.51.100.7") == [BYPASS | VPN, 0, BYPASS | VPN]
    said = [(one.entry, one.mode, one.used) for one in index.entries("198.51.100.1")]
    assert said == [("198.51.100.0/24", "allow", True), ("198.51.0.0/16", "range", False)]


@pytest.mark.parametrize("wide", ["0.0.0.0/0", "10.0.0.0/7", "::/0", "2000::/3", "198.51.100.0/33"])
def test_a_range_that_is_too_wide_or_none_is_refused(tmp_path, wide):
    write(tmp_path, "vpn", "# category: gambling", wide)
    with pytest.raises(ConfigurationError, match="not a host name"):
        index_of(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ranges=st.lists(
        st.one_of(
            st.builds(lambda a, n: ip_network((a, n), strict=False), st.ip_addresses(v=4), st.integers(8, 32)),
            st.builds(
                lambda a, n: ip_network((a, n), strict=False), st.ip_addresses(network="2000::/3"), st.integers(16, 128)
            ),
        ),
        min_size=1,
        max_size=5,
    ),
    data=st.data(),
)
def test_ranges_answer_as_ipaddress_does(tmp_path_factory, ranges, data):
    directory = tmp_path_factory.mktemp("ranges")
    write(directory, "vpn", "# category: gambling", *map(str, ranges))
    index = index_of(directory)
    edges = [str(edge) for one in ranges for edge in (one[0], one[-1])]
    others = [str(one) for one in data.draw(st.lists(st.ip_addresses(), max_size=5))]
    hosts = [host for host in edges + others if not getattr(ip_address(host), "ipv4_mapped", None)]
    held = [any(ip_address(host) in one for one in ranges) for host in hosts]
    assert [answer == GAMBLING for answer in bits(index, *hosts)] == held


def test_a_page_speaks_of_itself_and_what_goes_on_from_it_at_a_boundary(tmp_path):
    write(tmp_path, "gambling", "# category: gambling", "www.sites.example/view/Casino", "shop.example/?id=7")
    index = index_of(tmp_path)
    listed = ["/view/casino", "/view/casino/", "/VIEW/casino/a", "/view/c%61sino?x=1", "/view//casino#a"]
    assert url_bits(index, *(f"http://sites.example{path}" for path in listed)) == [GAMBLING] * 5
    assert url_bits(index, "http://a.sites.example/view/casino", "http://shop.example/?id=7&a=b") == [GAMBLING] * 2
    others = ["/", "/view", "/view/casinos", "/view/casino.html", "/a/view/casino"]
    assert url_bits(index, *(f"http://sites.example{path}" for path in others)) == [0] * 5
    assert bits(index, "sites.example", "shop.example") == [0, 0]
    hosts = pl.Series(["sites.example", "a.sites.example", "other.example", None])
    assert index.has_pages(hosts).to_list() == [True, True, False, False]
    page = index.entries("sites.example", "http://sites.example/view/casino/7")
    assert page == [lists.Entry("gambling", "gambling", "sites.example/view/casino", "page", used=True)]


DOTTED = [
    ("/r/./x", "/r/x"),
    ("/a/../r/x", "/r/x"),
    ("/r/%2e/x", "/r/x"),
    ("/a/%2E%2e/r/.%2E/r/x", "/r/x"),
    ("/a//../r/x", "/a/r/x"),
    ("/../../r/x", "/r/x"),
    ("/r/x/y/..", "/r/x"),
    ("/r/x/.", "/r/x"),
    ("/r/x/..?q=/a/../b", "/r/?q=/a/../b"),
    ("/r/.x/..y/z...", "/r/.x/..y/z..."),
    ("/?../x", "/?../x"),
    ("/" * 4_000 + "r/x", "/r/x"),
    ("/..", ""),
]


@pytest.mark.parametrize(("typed", "page"), DOTTED)
def test_dots_in_a_path_are_resolved_as_browsers_do(tmp_path, typed, page):
    assert pages.path_of(f"http://a.example{typed}") == page
    if page:
        write(tmp_path, "gambling", "# category: gambling", f"a.example{typed}")
        index = index_of(tmp_path)
        asked = [f"http://a.example{path}" for path in (typed, page, page + "/more", page + "s")]
        assert url_bits(index, *asked) == [GAMBLING, GAMBLING, GAMBLING, 0]


@given(st.text("ab./?%2eE", max_size=30))
def test_a_path_in_its_one_form_keeps_no_dot_segment(path):
    tidied = pages.path_of(f"a.example/{path}")
    assert not {".", ".."} & set(tidied.partition("?")[0].split("/")) or "%" in path
    assert pages.path_of(f"a.example/x/../{path}") == tidied


def test_an_allowed_page_is_nearer_than_its_listed_host(tmp_path):
    write(tmp_path, "gambling", "# category: gambling", "sites.example", "@@sites.example/view/help")
    index = index_of(tmp_path)
    assert url_bits(index, "http://sites.example/view/help/me", "http://sites.example/view") == [0, GAMBLING]
    [allowed, block] = index.entries("sites.example", "http://sites.example/view/help/me")
    assert (allowed.mode, block.used) == ("allow", False)


def test_an_allowed_name_in_a_list_cancels_its_category_and_one_set_aside_gives_nothing(tmp_path):
    write(tmp_path, "gambling", "# category: gambling", "a.example", "@@=b.a.example", "?nhs.example", "@@*.c.example")
    write(tmp_path, "vpn", "# category: bypass", "# kind: vpn", "b.a.example", "c.example")
    index = index_of(tmp_path)
    assert bits(index, "a.example", "b.a.example", "x.b.a.example") == [GAMBLING, BYPASS | VPN, GAMBLING | BYPASS | VPN]
    assert bits(index, "nhs.example", "www.nhs.example") == [0, 0]
    [entry] = index.entries("www.nhs.example")
    assert (entry.mode, entry.used) == ("set aside", False)


def test_an_entry_of_a_members_list_is_never_shown(tmp_path):
    path = write(tmp_path, "iwf", "never-shown.example", "host.example/never/shown")
    path.chmod(0o600)
    index = lists.prepare([lists.members(path, "csam", "urls")], tmp_path / "lists.index")
    assert bits(index, "never-shown.example") == [CSAM]
    assert url_bits(index, "http://host.example/never/shown/7") == [CSAM]
    said = index.entries("never-shown.example") + index.entries("host.example", "host.example/never/shown")
    assert "never" not in repr(said)
    assert b"never-shown" not in (tmp_path / "lists.index").read_bytes()


def test_a_members_list_that_others_may_read_or_with_a_wrong_line_is_refused_without_showing_it(tmp_path):
    path = write(tmp_path, "iwf", "fine.example", "never shown")
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        lists.members(path, "csam", "domains")
    path.chmod(0o600)
    with pytest.raises(ConfigurationError) as caught:
        lists.prepare([lists.members(path, "csam", "domains")], tmp_path / "lists.index")
    assert ":2:" in str(caught.value)
    assert "never" not in str(caught.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=30, unique=True), sub=LABELS, prefix=LABELS)
def test_every_listed_name_and_all_below_it_are_found_and_none_that_merely_ends_alike(
    tmp_path_factory, names, sub, prefix
):
    directory = tmp_path_factory.mktemp("law")
    write(directory, "gambling", "# category: gambling", *names)
    index = index_of(directory)
    assert bits(index, *names, *(f"{sub}.{name}" for name in names)) == [GAMBLING] * (2 * len(names))
    alike = [f"{prefix}{name}" for name in names]
    held = [any(f".{host}".endswith(f".{name}") for name in names) for host in alike]
    assert [bit != 0 for bit in bits(index, *alike)] == held
