from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterwatch import lists
from filterwatch.events import SIGNAL_BIT
from filterwatch.lists.names import Names

SHIPPED = Path(__file__).parents[2] / "rules" / "lists"


@pytest.fixture(scope="module")
def names() -> Names:
    loaded = Names.load(SHIPPED)
    assert loaded is not None
    return loaded


@pytest.mark.parametrize(
    ("host", "word"),
    [
        ("math-homework.duckdns.org", "bypass.unblocker"),
        ("schoology.joes-pizza.com", "bypass.unblocker"),
        ("rammerhead-3.example.net", "bypass.unblocker"),
        ("3f9qk2zt.192.0.2.7.nip.io", "bypass.unblocker"),
        ("myhouse.duckdns.org", "unusual_name"),
        ("math.joes-pizza.com", "unusual_name"),
        ("k2x9-8080.csb.app", "unusual_name"),
        ("skylight.joes-pizza.com", "stray_name"),
        ("joes-pizza.com", ""),
        ("www.joes-pizza.com", ""),
        ("shop2.joes-pizza.com", ""),
        ("vpn.joes-pizza.com", ""),
        ("app.schoology.com", ""),
        ("mathhomework.wordpress.com", ""),
        ("math-homework.contoso.sch.uk", ""),
        ("unblock.example.gov.uk", ""),
        ("duckdns.org", ""),
        # What costs next to nothing is registered to be thrown away: odd by itself, and read with its words.
        ("joes-pizza.lol", "stray_name"),
        ("www.snorlax-cave.site", "unusual_name"),
        ("math.joes-pizza.buzz", "bypass.unblocker"),
        ("shop.joes-pizza.online", "stray_name"),
        ("mathsworld.co.uk", ""),
        ("d3f9qk2z7t.duckdns.org", "bypass.unblocker"),
        # Where machines write names, their shape says nothing: every second site has its pictures below cloudfront.net.
        ("d1a2b3c4d5e6f7.cloudfront.net", "stray_name"),
        ("my-long-asset-prefix-7.b-cdn.net", "stray_name"),
        ("schoology.b-cdn.net", "bypass.unblocker"),
        ("selenite.global.ssl.fastly.net", "unusual_name"),
        ("9c2f7d41-11aa-4b9f-8d33-0f1e2d3c4b5a.janeway.replit.dev", "unusual_name"),
        ("new-program-17245465.codehs.me", "unusual_name"),
        ("api3-normal-c-lf.joes-pizza.com", "unusual_name"),
        ("f6c942b5-50ac-4c31-9328-5f2b9ee2f62f.joes-pizza.com", "unusual_name"),
        # Words that businesses' machines have too.
        ("imgproxy.joes-pizza.com", "unusual_name"),
        ("oob-vpn-lon.joes-pizza.com", "unusual_name"),
        ("vpn-joe.duckdns.org", "bypass.unblocker"),
        ("freewebproxy.com", "bypass.unblocker"),
        ("a67f.67a1.joes-pizza.com", "stray_name"),
        ("localhost", ""),
        ("maths-printer.school.local", ""),
        ("games.fileserver.lan", ""),
        ("192.0.2.7", ""),
        ("2001:db8::7", ""),
    ],
)
def test_signs_in_a_name_add_up(names, host, word):
    assert names.word(host) == word


def test_a_suffix_that_strangers_get_names_under_is_never_enough(names):
    kinds = names.settings
    for suffix in (*kinds.dynamic, *kinds.sandbox, *kinds.delivery):
        assert names.word(f"skylight.{suffix}") in {"unusual_name", "stray_name"}, suffix


def test_no_shape_below_a_sandbox_or_a_delivery_network_is_an_unblocker_by_itself(names):
    shapes = (
        "d1a2b3c4d5e6f7",
        "k2x9z0-8080",
        "a-name-of-many-words",
        "bcdfghjkl",
        "c5284879-8684-42a2-95ea-31519db59631",
    )
    for suffix in (*names.settings.sandbox, *names.settings.delivery):
        assert {names.word(f"{shape}.{suffix}") for shape in shapes} <= {"unusual_name", "stray_name"}, suffix


def test_bits_say_what_stands_above_a_name(names):
    hosts = ["myhouse.duckdns.org", "k2x9.192.0.2.7.nip.io", "d1a2.cloudfront.net", "skylight.joes-pizza.com", "x.test"]
    bits = names.lookup(pl.Series(hosts)).tolist()
    assert [bool(one & SIGNAL_BIT["free_name"]) for one in bits] == [True, True, False, False, False]
    assert [bool(one & SIGNAL_BIT["platform_name"]) for one in bits] == [False, False, True, False, False]


def index_of(folder: Path, *own: str) -> lists.CategoryIndex:
    (folder / "own.txt").write_text("".join(f"{line}\n" for line in own))
    return lists.prepare(SHIPPED, folder / "index", own=[folder / "own.txt"])


def test_a_name_counts_where_no_list_speaks(tmp_path):
    index = index_of(tmp_path, "# category: bypass", "# mode: allow", "math-club.duckdns.org")
    hosts = pl.Series(["math-club.duckdns.org", "math-fun.duckdns.org", "nordvpn.com", "myhouse.duckdns.org"])
    bits = index.lookup(hosts).to_list()
    assert [lists.words(one) for one in bits] == [
        [],
        ["bypass", "bypass.unblocker"],
        ["bypass", "bypass.vpn"],
        [],
    ]
    assert [bool(one & SIGNAL_BIT["unusual_name"]) for one in bits] == [False, False, False, True]
    [entry] = index.entries("math-fun.duckdns.org")
    assert (entry.category, entry.list, entry.used) == ("bypass.unblocker", "names", True)
    assert "math" in entry.entry
    assert [one.used for one in index.entries("math-club.duckdns.org") if one.list == "names"] == [False]


def test_an_index_that_takes_another_s_place_judges_names_too(tmp_path):
    index = index_of(tmp_path, "# category: games", "chess.example")
    lists.compile(SHIPPED, tmp_path / "newer")
    (tmp_path / "newer").replace(tmp_path / "index")
    newer = index.latest()
    assert newer is not index
    assert newer.lookup(pl.Series(["math-fun.duckdns.org"])).item() != 0


@given(st.text(alphabet="ab-._1é\x00", max_size=40))
def test_no_name_breaks_it(host):
    loaded = Names.load(SHIPPED) if not _LOADED else _LOADED[0]
    assert loaded is not None
    _LOADED[:] = [loaded]
    loaded.word(host)


_LOADED: list[Names] = []


def test_many_names_are_told_as_each_alone(names):
    said = names.settings
    words = (*said.telling, *said.service, *said.bait, *said.playful, *said.brands, *said.ordinary, "3f9qk2zt")
    ends = ("joes-pizza.com", "pizza.xyz", said.dynamic[0], said.sandbox[0], said.delivery[0], "blogspot.com", "com")
    hosts = [f"{prefix}{word.strip('^$')}.{end}" for word in words for end in ends for prefix in ("", "www.", "x")]
    alone = [names._bits(names.signs(host)) for host in hosts]
    assert names.lookup(pl.Series(hosts)).tolist() == alone
