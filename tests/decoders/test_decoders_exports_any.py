"""Exports of any columns, order and delimiter, and rows with anything in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import pytest
from decoding import LONDON, batch, decode, exactly, whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from filterwatch.decoders import line_decoder, make

HEADER = "Time,Username,Source IP,URL,Category,Action,Policy"
ROW = "13/11/2026 09:00:01,y9.sam,10.20.4.17,https://casino.example/slots,Gambling,Blocked,Year 9"

CELL = st.text(st.sampled_from("abc ,;|\t\"'é=&/"), max_size=12)
NAMES: Mapping[str, Sequence[str]] = {
    "time": ["Time", "Date/Time", "TIMESTAMP", "event_time"],
    "user": ["User Name", "username", "Login"],
    "client_ip": ["Client IP", "source_ip", "IP Address"],
    "url": ["URL", "Requested URL", "web address"],
    "filter_category": ["Category", "Categories", "URL category"],
    "action": ["Action", "Decision", "filter result"],
    "nothing": ["Group", "Building"],
}


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, str]]:
    """Rows by event column."""
    return [
        {
            "time": f"{draw(st.integers(1, 28)):02}/11/2026 {draw(st.integers(0, 23)):02}:15:00",
            "user": draw(st.sampled_from(["sam", "kim,lee", 'the "fox"', "Zoë", "a;b|c"])),
            "client_ip": draw(st.sampled_from(["10.0.0.1", "2001:db8::7"])),
            "url": "http://a.example/" + draw(st.sampled_from(["", "x?y=1,2", "a;b|c=d"])),
            "filter_category": draw(CELL).strip(),
            "action": draw(st.sampled_from(["Allowed", "Denied", "Wibble"])),
            "nothing": draw(CELL).strip(),
        }
        for _ in range(draw(st.integers(1, 6)))
    ] + [
        dict.fromkeys(NAMES, "x") | {"time": "13/11/2026 09:00:00", "client_ip": "10.0.0.9", "url": "http://b.example/"}
    ]


def written(
    table: Sequence[Mapping[str, str]], names: Mapping[str, str], order: Sequence[str], delimiter: str
) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow([names[column] for column in order])
    writer.writerows([row[column] for column in order] for row in table)
    return file.getvalue().encode()


@given(st.data(), tables())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_order_of_columns_their_spelling_and_the_delimiter_do_not_matter(
    data: st.DataObject, table: list[dict[str, str]]
) -> None:
    found = []
    for few in (0, 1_000):
        names = {column: data.draw(st.sampled_from(several)) for column, several in NAMES.items()}
        order = data.draw(st.permutations(list(NAMES)))
        text = written(table, names, order, data.draw(st.sampled_from(",;|\t")))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(line_decoder, "FEW", few)
            decoded = decode("export", *text.removesuffix(b"\n").split(b"\n"))
        assert not len(decoded.rejected), decoded.rejected.rows()
        found.append(whole(decoded.events))

    assert_frame_equal(found[0], found[1])
    assert found[0]["user"].to_list() == [row["user"] for row in table]
    assert found[0]["url"].to_list() == [row["url"] for row in table]


NASTY = [
    b'"',
    b'""',
    b",",
    b";",
    b"\t",
    b"\r",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b" ",
    b"=",
    b"sep=,",
    b"\x1f",
    b"13/11/2026",
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_fast_path_says_what_the_exact_path_says_of_rows_behind_a_header(
    delimiter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0)
    header, row = (text.replace(",", delimiter).encode() for text in (HEADER, ROW))

    @given(st.lists(st.tuples(st.integers(0, len(row)), st.sampled_from(NASTY), st.integers(0, 3)), max_size=12))
    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(changes: list[tuple[int, bytes, int]]) -> None:
        odd = [row[:at] + piece * (1 + cut % 2) + row[at + cut :] for at, piece, cut in changes]
        given_lines = batch([header, row, row, row, *odd])
        fast = make("export", {}, zone=LONDON).decode(given_lines)
        exact = exactly(make("export", {}, zone=LONDON), given_lines)

        assert_frame_equal(whole(fast.events), whole(exact.events))
        assert_frame_equal(fast.rejected, exact.rejected)
        assert_frame_equal(fast.skipped, exact.skipped)

    agree()
