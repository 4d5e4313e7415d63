"""Hosts have one form, however they are written."""

import csv
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterwatch.enrich.hosts import LONGEST_NAME, host_of, is_address, looks_like, normal_host

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


def test_a_zone_of_an_ipv6_address_is_left_out():
    assert host_of("fe80::1%eth0") == "fe80::1"


hostile = st.text(max_size=80) | st.text(alphabet=".:/@[]%\\0x1fa-_é。\x00 ", max_size=80)


@given(hostile)
def test_no_text_raises_and_the_form_is_its_own_form(text):
    found = host_of(text)
    if found is not None:
        assert found == found.lower()
        assert len(found) <= LONGEST_NAME
        assert host_of(found) == found


@given(st.lists(hostile | st.from_regex(r"[a-z0-9_.-]{0,40}", fullmatch=True) | st.none(), max_size=20))
def test_a_column_agrees_with_the_exact_reading_on_any_text(texts):
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


@given(hostile)
def test_no_name_upsets_the_search_for_look_alikes(text):
    if (found := host_of(text)) is not None:
        looks_like(found)
