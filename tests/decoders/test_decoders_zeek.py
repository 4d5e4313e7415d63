"""Zeek's logs: the header is state, wherever a decoder begins."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from decoding import LONDON, READ_AT, SEEDS, decode

from filterwatch.decoders import line_decoder, make
from filterwatch.lines import Checkpoint, LineBatch

HEADER = [b"#separator \\x09", b"#set_separator\t,", b"#empty_field\t(empty)", b"#unset_field\t-", b"#path\tdns"]
FIELDS = b"#fields\tquery\tts\tsrc\tanswers"
TYPES = b"#types\tstring\ttime\taddr\tvector[string]"
LINE = b"www.example.org\t1795313057.305988\t10.1.2.3\t203.0.113.7,alias\\x2cone"
WHEN = datetime(2026, 11, 22, 2, 4, 17, 305988, UTC)


def _batch(path: Path, data: bytes, first: int) -> LineBatch:
    end = first + len(data)
    return LineBatch("source", "s", data, first, end, str(path), READ_AT, Checkpoint("source", "s", end))


@pytest.mark.parametrize("few", [0, 1000])
def test_columns_stand_where_the_header_says(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", few)
    events = decode("zeek_dns", *HEADER, FIELDS, TYPES, LINE, b"a.example\t1795313057.305988\t10.1.2.4\t-").events
    assert events["query"].to_list() == ["www.example.org", "a.example"]
    assert events["client_ip"].to_list() == ["10.1.2.3", "10.1.2.4"]
    assert events["answer"].to_list() == ["203.0.113.7, alias,one", None]
    assert events["time"].to_list() == [WHEN, WHEN]


@pytest.mark.parametrize("few", [0, 1000])
def test_a_header_in_the_middle_holds_from_there_on(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", few)
    lines = [
        *HEADER,
        FIELDS,
        TYPES,
        LINE,
        b"#fields\tts\tsrc_ip\tquery",
        b"1795313058.5\t10.1.2.9\tb.example",
        b"#close",
    ]
    decoded = decode("zeek_dns", *lines)
    assert decoded.events["line"].to_list() == [7, 9]
    assert decoded.events["client_ip"].to_list() == ["10.1.2.3", "10.1.2.9"]
    assert decoded.skipped["line"].to_list() == [0, 1, 2, 3, 4, 5, 6, 8, 10]


def test_other_separators_and_signs_are_taken_from_the_header() -> None:
    header = [b"#separator \\x7c", b"#set_separator|;", b"#empty_field|nil", b"#unset_field|?"]
    names, line = b"#fields|ts|id.orig_h|query|answers", b"1795313057.305988|10.1.2.3|?|a;b"
    events = decode("zeek_dns", *header, names, b"#types|time|addr|string|set[string]", line).events
    assert events["answer"].to_list() == ["a, b"]
    assert events["client_ip"].to_list() == ["10.1.2.3"]


@pytest.mark.parametrize("restarted", [True, False])
def test_a_batch_from_the_middle_of_a_file_is_read_by_the_header_of_the_file(tmp_path: Path, restarted: bool) -> None:  # noqa: FBT001
    path = tmp_path / "dns.log"
    head = b"\n".join([*HEADER, FIELDS, TYPES, LINE]) + b"\n"
    path.write_bytes(head + LINE + b"\n")
    decoder = make("zeek_dns", {}, zone=LONDON)
    if not restarted:
        decoder.decode(_batch(path, head, 0))
        path.unlink()
    events = decoder.decode(_batch(path, LINE + b"\n", len(head))).events
    assert events["client_ip"].to_list() == ["10.1.2.3"]


def test_without_a_header_the_columns_that_zeek_writes_by_default_hold(tmp_path: Path) -> None:
    lines = [line for line in SEEDS["zeek_dns"] if line.startswith(b"179")]
    decoder = make("zeek_dns", {}, zone=LONDON)
    data = b"\n".join([*lines, lines[0].rpartition(b"\t")[0].rpartition(b"\t")[0], b"too\tfew"]) + b"\n"
    decoded = decoder.decode(_batch(tmp_path / "gone.log", data, 4711))
    assert decoded.events["query"].to_list() == ["www.example.org", "blocked.example", "www.example.org"]
    assert decoded.rejected["line"].to_list() == [3]


def test_a_password_is_never_kept_and_the_access_point_is_not_the_client() -> None:
    for name in ("zeek_http", "zeek_radius"):
        events = decode(name, *SEEDS[name]).events
        assert b"hidden" not in str(events.to_dicts()).encode()
        assert b"secret" not in str(events.to_dicts()).encode()
    assert "10.1.0.2" not in decode("zeek_radius", *SEEDS["zeek_radius"]).events["client_ip"].to_list()
