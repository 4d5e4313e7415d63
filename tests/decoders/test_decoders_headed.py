"""Lines whose columns a header names, and the dialects of pairs that firewalls write."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from decoding import LONDON, batch

from filterwatch.decoders import line_decoder
from filterwatch.decoders.convert import CONVERSIONS
from filterwatch.decoders.decoded import Decoder
from filterwatch.decoders.families import keyvalue
from filterwatch.decoders.headed import format_of_map
from filterwatch.decoders.maps import FieldMap
from filterwatch.lines import LineBatch

HEADED = {
    "format": "table",
    "title": "A table",
    "comment": "#",
    "kind": "http",
    "shapes": [
        {"family": "delimited", "separator": " ", "header": "#Fields: ", "needs": ["client"]},
        {"family": "delimited", "separator": " ", "begins": r"\d+\.", "columns": ["client", "host"]},
    ],
    "time": [{"from": ["date", "time"], "as": "%Y-%m-%d %H:%M:%S", "utc": True}],
    "fields": {
        "client_ip": "client",
        "url": {"from": "path", "host": "host", "query": "query", "scheme": "port"},
        "host": "host",
    },
}


def decoder(map_: Mapping[str, object] = HEADED) -> Decoder:
    one = format_of_map(FieldMap.model_validate(map_))
    return one.make("table", one.options(), LONDON)


def hosts(made: Decoder, lines: LineBatch) -> list[tuple[int, str | None]]:
    return made.decode(lines).events.select("line", "host").rows()


@pytest.fixture(params=["fast", "exact"], autouse=True)
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0 if request.param == "fast" else 1_000)


def test_each_header_names_the_columns_of_the_lines_behind_it() -> None:
    lines = [b"#Fields: client host", b"192.0.2.1 a.example", b"#Fields: host client", b"b.example 192.0.2.2"]

    decoded = decoder().decode(batch(lines))

    assert decoded.events.select("line", "host", "client_ip").rows() == [
        (1, "a.example", "192.0.2.1"),
        (3, "b.example", "192.0.2.2"),
    ]
    assert decoded.skipped["line"].to_list() == [0, 2]


def test_a_header_counts_for_later_batches_of_its_stream_alone() -> None:
    made = decoder()
    made.decode(batch([b"#Fields: host client"], stream="one"))

    assert hosts(made, batch([b"a.example 192.0.2.1"], stream="one")) == [(0, "a.example")]
    assert hosts(made, batch([b"192.0.2.1 b.example"], stream="two")) == [(0, "b.example")]


@pytest.mark.parametrize("packed", [False, True])
def test_a_decoder_that_begins_in_the_middle_of_a_file_reads_the_header_from_it(
    tmp_path: Path, *, packed: bool
) -> None:
    data = b"#Software: a proxy\n#Fields: host client\na.example 192.0.2.1\n"
    path = tmp_path / ("access.log.gz" if packed else "access.log")
    path.write_bytes(gzip.compress(data) if packed else data)
    later = replace(batch([b"b.example 192.0.2.2"]), path=str(path), first_offset=len(data))

    assert hosts(decoder(), later) == [(0, "b.example")]


def test_a_header_behind_the_place_where_reading_began_is_not_looked_at(tmp_path: Path) -> None:
    first, rest = b"192.0.2.1 a.example\n", b"#Fields: host client\n"
    path = tmp_path / "access.log"
    path.write_bytes(first * 2 + rest)
    later = replace(batch([b"192.0.2.1 a.example"]), path=str(path), first_offset=len(first))

    assert hosts(decoder(), later) == [(0, "a.example")]


def test_times_of_a_log_that_writes_utc_are_utc_in_summer_too() -> None:
    lines = [b"#Fields: date time client host", b"2026-07-01 10:00:00 192.0.2.1 a.example"]

    assert decoder().decode(batch(lines)).events["time"].to_list() == [datetime(2026, 7, 1, 10, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("query", "url"),
    [(b"?q=cats", "http://a.example/s?q=cats"), (b"q=cats", "http://a.example/s?q=cats"), (b"-", "http://a.example/s")],
)
def test_a_query_that_stands_apart_is_put_behind_its_path(query: bytes, url: str) -> None:
    lines = [b"#Fields: client host path query port", b"192.0.2.1 a.example /s " + query + b" 80"]

    assert decoder().decode(batch(lines)).events["url"].to_list() == [url]


def test_a_header_that_names_absurdly_many_columns_is_none() -> None:
    lines = [b"#Fields: " + b"a " * 600, b"192.0.2.1 a.example"]

    assert hosts(decoder(), batch(lines)) == [(1, "a.example")]


PAIRS = {
    "format": "pairs",
    "title": "Pairs",
    "kind": "flow",
    "shapes": [
        {"family": "keyvalue", "behind": r"\[x@1 ", "ends": r"\]", "separator": ";", "equals": ":", "needs": ["src"]}
    ],
    "fields": {"client_ip": "src", "dest_ip": "dst", "filter_rule": "rule"},
}


def test_a_message_lies_between_what_opens_and_what_closes_it() -> None:
    line = b'<1>1 - gw - [x@1 src:"192.0.2.1"; dst:"192.0.2.9"; rule:"a; b"]'

    events = decoder(PAIRS).decode(batch([line] * 40)).events

    assert events.select("client_ip", "dest_ip", "filter_rule").unique().rows() == [("192.0.2.1", "192.0.2.9", "a; b")]


def test_pairs_with_blanks_behind_their_separator_are_read_at_once() -> None:
    texts = pl.Series(['src:"192.0.2.1"; dst:"192.0.2.9"; rule:""'] * 40)
    cut = keyvalue.make(";", ":")
    assert cut.fast is not None

    got = cut.fast(texts, ["src", "dst", "rule"])

    assert got["sure"].all()
    assert got.drop("sure").row(0, named=True) == cut.exact(texts[0])


def test_an_open_value_ends_where_a_bracket_opens() -> None:
    cut = keyvalue.make(open_values=True, brackets=True)

    assert cut.exact("event=closed action=drop [message=Too low. Dropping zone=Z ][conn sent=4.52 K ]") == {
        "event": "closed",
        "action": "drop",
        "message": "Too low. Dropping",
        "zone": "Z",
        "sent": "4.52 K",
    }


@pytest.mark.parametrize("text", ["001122AABBCC", "0011.22aa.bbcc", "0011-22aa-bbcc", "00-11-22-AA-BB-CC"])
def test_hardware_addresses_are_read_however_their_bytes_are_apart(text: str) -> None:
    asked = CONVERSIONS["mac"].exact
    assert asked is not None
    assert asked(text) == ("00:11:22:aa:bb:cc",)
