"""Hosts have one form, however they are written."""

import csv
from pathlib import Path

import polars as pl
import pytest
from growth import LONGEST, too_dear
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.enrich.hosts import LONGEST_NAME, host_of, is_address, looks_like, normal_host, normal_name

CASES = list(
    csv.DictReader(
        Path(__file__).with_name("cases.tsv").read_text("utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE
    )
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["input"][:60])
def test_an_odd_way_to_write_a_host_gives_its_one_form(case):
    assert host_of(case["input"]) == (case["host"] or None)


def test_a_column_of_hosts_gives_the_same_as_one_by_one():
    inputs = [case["input"] for case in CASES]
    assert normal_host(pl.Series("host", inputs)).to_list() == [case["host"] or None for case in CASES]


def test_a_dns_name_is_no_url():
    asked = [
        "a/b.tunnel.example",
        r"x\032y.tunnel.example",
        r"a\.b@c#d.tunnel.example.",
        "?.example",
        "A.Example",
        None,
    ]
    read = ["_.tunnel.example", "_.tunnel.example", "_._.tunnel.example", "_.example", "a.example", None]
    assert normal_name(pl.Series("query", asked)).to_list() == read
    assert normal_host(pl.Series(asked)).to_list()[0] == "a", "in a URL the slash ends the host"


def test_null_stays_null_and_the_name_of_the_column_stays():
    out = normal_host(pl.Series("host", ["a.com", None, "B.com", ""], dtype=pl.String))
    assert out.to_list() == ["a.com", None, "b.com", None]
    assert out.name == "host"


@pytest.mark.parametrize(
    "text",
    ["0x", "0x.0x.0x.0x", "1_0.1", "00000000000000000000000000000001", "4294967296", "1.2.3.256", "08.1", "1.-1.1.1"],
)
def test_a_number_is_an_address_or_nothing_but_never_a_name(text):
    found = host_of(text)
    assert found is None or is_address(found)


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("http://fac\tebook.com/\n", "facebook.com"),
        ("https:facebook.com", "facebook.com"),
        ("HTTPS:/facebook.com/x", "facebook.com"),
        ("http:\\\\\\facebook.com\\x", "facebook.com"),
        ("https:////ann:pass@facebook.com:443", "facebook.com"),
        ("wss:/facebook.com", "facebook.com"),
        ("http://bbc.co.uk@evil.example", "evil.example"),
        ("http://bbc.co.uk%40evil.example", None),
        ("http://bbc.co.uk\\@evil.example", "bbc.co.uk"),
        ("http://bbc.co.uk#@evil.example", "bbc.co.uk"),
        ("http:8080", "http"),
        ("https:443", "https"),
        ("https:///", None),
        ("http://fac%2565book.com/", None),
        ("http://%66%61cebook.com:80/", "facebook.com"),
        ("http://[::ffff:7f00:1]/", "127.0.0.1"),
        ("http://[64:ff9b::185.220.101.7]:443/", "185.220.101.7"),
        ("64:ff9b::b9dc:6507", "185.220.101.7"),
        ("64:ff9b:1::b9dc:6507", "64:ff9b:1::b9dc:6507"),
        ("http://[fe80::1%25eth0]/", "fe80::1"),
        ("http://[::1", None),
        ("http://127.1.:80", "127.0.0.1"),
        ("http://\uff11\uff12\uff17\u3002\uff11", "127.0.0.1"),
    ],
)
def test_what_a_browser_would_ask_is_what_is_read(typed, host):
    assert host_of(typed) == host


def test_a_zone_of_an_ipv6_address_is_left_out():
    assert host_of("fe80::1%eth0") == "fe80::1"


PIECES = [
    "http:", "https://", "//", "\\", "@", ":", ":80", "[", "]", "[::1]", "::ffff:", "64:ff9b::", "%25eth0", "?", "#",
    "%", "%2e", "%2F", "%C3%A9", "%00", ".", "..", "\u3002", "\uff0e", "-", "--", "_", "com", "co.uk", "facebook",
    "0", "0x7f", "0177", "1", "256", "4294967295", "1.2.3.4", "xn--", "xn--80ak6aa92e", "xn--bcher-kva", "x" * 64,
    "f\u0430", "\uff46", "\u2460", "\u00df", "\u1e9e", "\u0130", "\u0131", "\u03c2", "a\u0301", "\u00ad", "\u200b",
    "\u200d", "\ufeff", "\u0338", "\u05d0", "\u0660", "\t", "\n", " ", "\x00", "\ud800",
]  # fmt: skip
"""What hosts are dressed up with."""

hostile = (
    st.text(max_size=80)
    | st.text(alphabet=".:/@[]%\\0x1fa-_é。\x00 ", max_size=80)
    | st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
)


@settings(deadline=None)
@given(hostile)
def test_no_text_raises_and_the_form_is_its_own_form(text):
    found = host_of(text)
    if found is not None:
        assert found == found.lower()
        assert len(found) <= LONGEST_NAME
        assert host_of(found) == found


@pytest.mark.parametrize("head", ["", "http://", "http://["])
def test_a_very_long_text_costs_no_more_than_its_length(head):
    pieces = [*PIECES, "\uff41.", "%41", "\ufdfa", "a?", "1:"]
    long = (head + piece * (LONGEST // len(piece.encode("utf-8", "surrogatepass"))) for piece in pieces)
    assert too_dear(host_of, long) == []


@settings(deadline=None)
@given(st.lists(hostile | st.from_regex(r"[a-z0-9_.-]{0,40}", fullmatch=True) | st.none(), max_size=20))
def test_a_column_agrees_with_the_exact_reading_on_any_text(texts):
    texts = [text if text is None else text.encode("utf-8", "replace").decode() for text in texts]
    column = pl.Series("host", texts, dtype=pl.String)
    assert normal_host(column).to_list() == [None if text is None else host_of(text) for text in texts]


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("https://f\u0430cebook.com/", "facebook.com"),
        ("xn--80ak6aa92e.com", "apple.com"),
        ("https://y\u043eutube.com/", "youtube.com"),
        ("b\u00fccher.example", None),
        ("stra\u00dfe.example", None),
        ("xn--.com", None),
        ("facebook.com", None),
        ("10.0.0.1", None),
    ],
)
def test_a_look_alike_is_told_of_and_stays_a_name_of_its_own(typed, seen):
    host = host_of(typed)
    if host is None:
        assert seen is None
        return
    assert looks_like(host) == seen
    assert host != seen


@settings(deadline=None)
@given(st.lists(hostile, max_size=8))
def test_the_one_form_of_a_name_is_its_own_form(texts):
    names = pl.Series("query", [text.encode("utf-8", "replace").decode() for text in texts], dtype=pl.String)
    once = normal_name(names)
    assert normal_name(once).to_list() == once.to_list()


@settings(deadline=None)
@given(hostile)
def test_no_name_upsets_the_search_for_look_alikes(text):
    if (found := host_of(text)) is not None:
        looks_like(found)
