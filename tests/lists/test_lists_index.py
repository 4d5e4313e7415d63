from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterwatch import lists
from filterwatch.events import CATEGORY_BIT, CATEGORY_WORDS
from filterwatch.lists.sieve import Sieve

GAMBLING, BYPASS, VPN = CATEGORY_BIT["gambling"], CATEGORY_BIT["bypass"], CATEGORY_BIT["bypass.vpn"]
GAMES, ADULT = CATEGORY_BIT["games"], CATEGORY_BIT["adult"]


def write(directory: Path, name: str, *lines: str) -> Path:
    path = directory / f"{name}.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def index_of(directory: Path) -> lists.CategoryIndex:
    return lists.prepare(directory, directory / "lists.index")


def bits(index: lists.CategoryIndex, *hosts: str | None) -> list[int]:
    return index.lookup(pl.Series(hosts, dtype=pl.String)).to_list()


def test_a_name_on_a_list_stands_for_itself_and_everything_below(tmp_path):
    write(tmp_path, "gambling", "# category: gambling", "bet365.com")
    index = index_of(tmp_path)
    assert bits(index, "bet365.com", "www.bet365.com", "a.b.bet365.com") == [GAMBLING] * 3


@pytest.mark.parametrize("host", ["notbet365.com", "bet365.com.example.org", "bet365.co", "com", "", "bet365", None])
def test_names_that_only_look_like_a_listed_one_have_no_category(tmp_path, host):
    write(tmp_path, "gambling", "# category: gambling", "bet365.com")
    assert bits(index_of(tmp_path), host) == [0]


def test_a_whole_top_level_domain_can_be_listed(tmp_path):
    write(tmp_path, "gambling", "# category: gambling", "casino")
    assert bits(index_of(tmp_path), "casino", "www.royal.casino", "casino.com") == [GAMBLING, GAMBLING, 0]


def test_an_exact_entry_speaks_of_one_host_and_a_starred_one_of_all_below_it(tmp_path):
    write(tmp_path, "gambling", "# category: gambling", "=one.example", "*.two.example")
    index = index_of(tmp_path)
    assert bits(index, "one.example", "a.one.example") == [GAMBLING, 0]
    assert bits(index, "two.example", "a.two.example", "b.a.two.example") == [0, GAMBLING, GAMBLING]


def test_categories_of_all_parents_unite_and_a_bypass_kind_brings_bypass(tmp_path):
    write(tmp_path, "vpn", "# category: bypass", "# kind: vpn", "vpn.example.com")
    write(tmp_path, "games", "# category: games", "example.com")
    write(tmp_path, "more", "# category: gambling", "example.com")
    index = index_of(tmp_path)
    assert bits(index, "uk.vpn.example.com", "example.com") == [BYPASS | VPN | GAMES | GAMBLING, GAMES | GAMBLING]


def test_the_nearer_of_allow_and_block_wins_and_at_the_same_name_allow(tmp_path):
    write(tmp_path, "gambling", "# category: gambling", "example.com", "bad.good.example.com", "same.org")
    write(tmp_path, "exceptions", "# category: all", "# mode: allow", "good.example.com", "same.org")
    index = index_of(tmp_path)
    assert bits(index, "www.example.com", "good.example.com", "www.good.example.com") == [GAMBLING, 0, 0]
    assert bits(index, "very.bad.good.example.com", "same.org") == [GAMBLING, 0]


def test_an_allow_list_of_one_category_leaves_the_others(tmp_path):
    write(tmp_path, "games", "# category: games", "school.example")
    write(tmp_path, "vpn", "# category: bypass", "# kind: vpn", "school.example")
    write(tmp_path, "own-vpn", "# category: bypass", "# mode: allow", "school.example")
    assert bits(index_of(tmp_path), "school.example") == [GAMES]


def test_an_address_is_only_itself(tmp_path):
    write(tmp_path, "gambling", "# category: gambling", "192.0.2.7", "2001:DB8:0::1", "7", "0.2.7")
    index = index_of(tmp_path)
    assert bits(index, "192.0.2.7", "1.192.0.2.7", "192.0.2.8", "2001:db8::1", "2001:db8::2") == [
        GAMBLING, 0, 0, GAMBLING, 0,
    ]  # fmt: skip
    assert bits(index, "10.0.2.7", "a.7") == [0, 0]


def test_comments_case_blanks_and_windows_line_ends_do_not_matter(tmp_path):
    path = tmp_path / "gambling.txt"
    path.write_bytes(
        b"\xef\xbb\xbf# category: gambling\r\n\r\n  Bet365.COM  # a bookmaker\r\nwilliamhill.com.\r\nend.example"
    )
    assert bits(index_of(tmp_path), "bet365.com", "williamhill.com", "end.example") == [GAMBLING] * 3


def test_names_longer_than_dns_allows_are_looked_up_by_their_parents(tmp_path):
    write(tmp_path, "gambling", "# category: gambling", "bet365.com")
    long = ".".join(["x" * 60] * 8)
    assert bits(index_of(tmp_path), f"{long}.bet365.com", f"{'y' * 400}.bet365.com", "." * 300) == [
        GAMBLING,
        GAMBLING,
        0,
    ]


def test_no_lists_and_no_hosts_are_fine(tmp_path):
    index = lists.prepare([], tmp_path / "lists.index")
    assert bits(index, "bet365.com") == [0]
    assert index.lookup(pl.Series([], dtype=pl.String)).dtype == pl.UInt64
    assert index.entries("bet365.com") == []


def test_explain_names_the_list_the_entry_and_what_was_cancelled(tmp_path):
    write(tmp_path, "casinos", "# category: gambling", "nhs.uk", "clinic.nhs.uk")
    write(tmp_path, "proxies", "# category: bypass", "# kind: web_proxy", "*.nhs.uk")
    write(tmp_path, "exceptions", "# category: gambling", "# mode: allow", "clinic.nhs.uk")
    assert index_of(tmp_path).entries("www.clinic.nhs.uk") == [
        lists.Entry("gambling", "exceptions", "clinic.nhs.uk", "allow", used=True),
        lists.Entry("gambling", "casinos", "clinic.nhs.uk", "suffix", used=False),
        lists.Entry("gambling", "casinos", "nhs.uk", "suffix", used=False),
        lists.Entry("bypass.web_proxy", "proxies", "nhs.uk", "children", used=True),
    ]


def test_what_the_school_lists_itself_is_cancelled_only_by_its_own_allow_list(tmp_path):
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    shipped.mkdir()
    own.mkdir()
    write(shipped, "exceptions", "# category: all", "# mode: allow", "example.org")
    write(shipped, "games", "# category: games", "play.example.org", "play.example.com")
    write(own, "own-games", "# category: games", "example.org")
    write(
        own,
        "own-exceptions",
        "# category: games",
        "# mode: allow",
        "maths.example.org",
        "example.com",
        "play.example.com",
    )
    index = lists.prepare(shipped, tmp_path / "lists.index", own=[own])
    assert bits(index, "example.org", "maths.example.org", "play.example.com") == [GAMES, 0, 0]
    assert [(entry.list, entry.used) for entry in index.entries("www.example.org")] == [
        ("exceptions", True),
        ("own-games", True),
    ]


LABELS = st.sampled_from(["a", "b", "xn--p1ai", "_dns", "com", "uk", "co", "7x", "bet-365"])
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
MARKS = st.sampled_from(["", "=", "*."])
LISTS = st.lists(
    st.tuples(
        st.sampled_from(["gambling", "games", "bypass.vpn", "adult"]),
        st.booleans(),
        st.booleans(),
        st.lists(st.tuples(MARKS, NAMES), max_size=6),
    ),
    max_size=5,
)
"""Lists as (category, allow, own, entries)."""


def naive(host: str, all_lists: list[tuple[str, bool, bool, list[tuple[str, str]]]]) -> int:
    """Walk the names of *host* upwards, one list at a time."""
    answer = 0
    silenced = {True: 0, False: 0}
    labels = host.split(".")
    for depth in range(len(labels)):
        name = ".".join(labels[depth:])
        for allow in (True, False):
            for category, allows, own, entries in all_lists:
                held = any(entry == name and mark != ("*." if depth == 0 else "=") for mark, entry in entries)
                if allows != allow or not held:
                    continue
                family = category.split(".")[0]
                if allow:
                    bits_of = sum(bit for word, bit in CATEGORY_BIT.items() if word.split(".")[0] == family)
                    silenced[False] |= bits_of
                    silenced[True] |= bits_of if own else 0
                else:
                    answer |= (CATEGORY_BIT[category] | CATEGORY_BIT[family]) & ~silenced[own]
    return answer


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(all_lists=LISTS, hosts=st.lists(NAMES, min_size=1, max_size=20))
def test_the_index_answers_as_a_walk_over_the_lists_would(tmp_path_factory, all_lists, hosts):
    directory = tmp_path_factory.mktemp("lists")
    paths: dict[bool, list[Path]] = {True: [], False: []}
    for number, (category, allow, own, entries) in enumerate(all_lists):
        family, _, kind = category.partition(".")
        head = [f"# category: {family}"] + ([f"# kind: {kind}"] if kind and not allow else [])
        names = [mark + name for mark, name in entries]
        paths[own].append(write(directory, f"list{number}", *head, *(["# mode: allow"] if allow else []), *names))
    index = lists.prepare(paths[False], directory / "lists.index", own=paths[True])
    assert bits(index, *hosts) == [naive(host, all_lists) for host in hosts]
    for host in hosts:
        used = {entry.category for entry in index.entries(host) if entry.used and entry.mode != "allow"}
        families = used | {word.partition(".")[0] for word in used}
        assert set(lists.words(bits(index, host)[0])) == families


def test_every_category_word_has_a_bit_that_comes_back(tmp_path):
    words = [word for word in CATEGORY_WORDS if word != "csam"]
    for word in words:
        family, _, kind = word.partition(".")
        write(
            tmp_path,
            word,
            f"# category: {family}",
            *([f"# kind: {kind}"] if kind else []),
            f"{word}.example".replace("_", "-"),
        )
    index = index_of(tmp_path)
    for word in words:
        family = word.partition(".")[0]
        expected = [family, word] if family != word else [word]
        if family == "bypass":
            assert set(lists.words(bits(index, f"{word}.example".replace("_", "-"))[0])) >= set(expected)
        else:
            assert lists.words(bits(index, f"{word}.example".replace("_", "-"))[0]) == expected


@pytest.mark.parametrize("count", [0, 7, 1_000, 300_000])
def test_every_key_passes_the_sieve_and_few_others_do(count):
    random = np.random.default_rng(3)
    keys = np.unique(random.integers(0, 1 << 64, count, dtype=np.uint64))
    sieve = Sieve(io.BytesIO(b"header" + keys.astype("<u8").tobytes()), 6, len(keys))
    assert len(sieve.passes(keys)) == len(keys)
    others = random.integers(0, 1 << 64, 20_000, dtype=np.uint64)
    assert len(sieve.passes(others)) < 0.12 * len(others)


def test_the_sieve_is_the_same_wherever_the_file_is_cut(monkeypatch):
    keys = np.sort(np.random.default_rng(3).integers(0, 1 << 64, 5_000, dtype=np.uint64))
    file = io.BytesIO(keys.astype("<u8").tobytes())
    whole = Sieve(file, 0, len(keys))
    monkeypatch.setattr("filterwatch.lists.sieve._BLOCK", 64)
    assert (Sieve(file, 0, len(keys))._bytes == whole._bytes).all()
