"""Addresses in their one spelling; URLs without the credentials they leak, on every path alike."""

from __future__ import annotations

import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.decoders.reading import address
from filterwatch.decoders.redact import redact
from filterwatch.decoders.tables import KNOWN, Lookup, looked_up
from filterwatch.decoders.url import authority, plain_authorities, without_credentials, without_secrets


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("::FFFF:a00:7", "10.0.0.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::10.0.0.7", "::a00:7"),
        ("10.0.0.07", None),
        ("10.1", None),
    ],
)
def test_one_device_has_one_address_however_a_socket_writes_it(text, found):
    assert address(text) == found


@given(st.lists(st.from_regex(r"(error:)?[a-zA-Z0-9._:@\[\]-]{0,20}(:[0-9]{0,7})?", fullmatch=True), max_size=30))
def test_many_authorities_are_those_of_one_alone(texts):
    texts += ["10.0.0.7", "10.0.0.7:443", "www.site.example:443", "7.site.example:65536", "1.2.3.04", "3com.example"]
    made, sure = plain_authorities(pl.Series(texts, dtype=pl.String))
    told = {text: row for text, row, known in zip(texts, zip(*made, strict=True), sure, strict=True) if known}
    assert told == {text: tuple(authority(text)) for text in told}
    assert {"www.site.example:443", "7.site.example:65536", "3com.example"} <= told.keys()


def test_texts_looked_up_at_once_mean_what_each_alone_means():
    texts = [f"www{n}.site.example:{n}" for n in range(300)] + ["10.0.0.7", "[2001:DB8::1]:443", "odd one", ""]
    columns = {"host": pl.String(), "port": pl.Int32(), "ip": pl.String()}

    def read(text):
        return None if " " in text else tuple(authority(text))

    frame = pl.DataFrame({"whom": [*texts, *reversed(texts)]})
    alone = looked_up(frame, [Lookup("whom", read, columns)])
    assert looked_up(frame, [Lookup("whom", read, columns, plain_authorities)]).equals(alone)
    assert alone[KNOWN].sum() == len(frame) - 2


LEAKS = {
    "https://h.example/?u=https%3A%2F%2Fann%3Asecret7%40x.example%2F": "https://h.example/?u=https%3A%2F%2F***%40x.example%2F",
    "https://h.example/?u=ftp%3a%2f%2fann%3As%20e7%40cret%40x": "https://h.example/?u=ftp%3a%2f%2f***%40x",
    "https://h.example/?password=secret7&u=http%3A%2F%2Fann%40x": "https://h.example/?password=***&u=http%3A%2F%2F***%40x",
}
KEPT = [
    "https://h.example/?u=https%3A%2F%2Fx.example%2F%40ann",
    "https://h.example/?u=https%3A%2F%2Fx.example%3Fmail%3Dann%40school.example",
    "https://h.example/?u=https%3A%2F%2Fx.example&mail=ann%40school.example",
    "https://h.example/?mail=ann%40school.example",
]


@pytest.mark.parametrize(("url", "cut"), [*LEAKS.items(), *((url, url) for url in KEPT)])
def test_credentials_of_an_encoded_url_are_cut_and_nothing_else(url, cut):
    assert without_credentials(url) == cut
    assert without_secrets(pl.Series([url])).to_list() == [cut]
    assert redact(url.encode()) == cut.encode()


pieces = st.sampled_from(["%3A%2F%2F", "%3a", "%2F", "%40", "%25", "%3F", "%", "&", "a", "4", "password=", "http", " "])


@settings(deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_both_paths_cut_the_same_and_once_is_enough(url):
    cut = without_credentials(url)
    assert without_secrets(pl.Series([url])).to_list() == [cut]
    assert without_credentials(cut) == cut


@pytest.mark.parametrize("piece", ["%3A%2F%2F", "%3A%2F%2Fa", "%25", "a%20", "password="])
def test_a_very_long_url_costs_no_more_than_its_length(piece):
    began = time.process_time()
    without_credentials("%3A%2F%2F" + piece * (65_536 // len(piece)))
    assert time.process_time() - began < 0.5
