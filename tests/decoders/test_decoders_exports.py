"""Exports are read by the names of their columns, whatever their order, delimiter and encoding."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from decoding import LONDON, batch, decode
from polars.testing import assert_frame_equal

from filterwatch.decoders import line_decoder, make
from filterwatch.decoders.decoded import Decoded
from filterwatch.decoders.exports.words import words
from filterwatch.errors import ConfigurationError

HEADER = "Time,Username,Source IP,URL,Category,Action,Policy"
ROW = "13/11/2026 09:00:01,y9.sam,10.20.4.17,https://casino.example/slots,Gambling,Blocked,Year 9"


def lines(*texts: str) -> list[bytes]:
    return [text.encode() for text in texts]


def rows(decoded: Decoded) -> list[dict[str, object]]:
    return [
        {key: value for key, value in row.items() if value is not None and key != "line"}
        for row in decoded.events.rows(named=True)
    ]


def one(*texts: str, **options: object) -> dict[str, object]:
    decoded = decode("export", *lines(*texts), **options)
    assert len(decoded.events) == 1, (decoded.rejected.rows(), decoded.skipped.rows())
    return rows(decoded)[0]


def why(*texts: str, **options: object) -> str:
    decoded = decode("export", *lines(*texts), **options)
    assert not len(decoded.events)
    return str(decoded.rejected["why"][-1])


def test_columns_are_known_by_their_names() -> None:
    assert one(HEADER, ROW) == {
        "time": datetime(2026, 11, 13, 9, 0, 1, tzinfo=UTC), "kind": "http", "user": "y9.sam",
        "client_ip": "10.20.4.17", "url": "https://casino.example/slots", "host": "casino.example",
        "filter_category": "Gambling", "action": "blocked", "filter_rule": "Year 9",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "time"),
    [
        (["13/11/2026 09:00:01", "05/11/2026 09:00:00"], datetime(2026, 11, 5, 9, tzinfo=UTC)),
        (["11/13/2026 9:00:01 AM", "5/11/2026 9:00:00 AM"], datetime(2026, 5, 11, 8, tzinfo=UTC)),
        (["2026-11-05T09:00:00Z", "2026-11-05 09:00:00"], datetime(2026, 11, 5, 9, tzinfo=UTC)),
        (["05 November 2026 09:00:00"], datetime(2026, 11, 5, 9, tzinfo=UTC)),
        (["5-Nov-26 09:00"], datetime(2026, 11, 5, 9, tzinfo=UTC)),
        (["1793869200"], datetime(2026, 11, 5, 9, tzinfo=UTC)),
        (["13.11.26, 09:00", "5.11.26, 09:00"], datetime(2026, 11, 5, 9, tzinfo=UTC)),
    ],
)
def test_the_way_a_time_is_written_is_told_by_all_times_of_the_head(texts: list[str], time: datetime) -> None:
    decoded = decode("export", *lines("Time;URL", *(f'"{text}";http://a.example/' for text in texts)))

    assert decoded.events["time"][-1] == time


def test_dates_that_may_be_of_two_months_are_refused_with_the_option_that_helps() -> None:
    header, row = "Time,URL", "05/11/2026 09:00:00,http://a.example/"

    assert "dates: day_first" in why(header, row)
    assert one(header, row, dates="day_first")["time"] == datetime(2026, 11, 5, 9, tzinfo=UTC)
    assert one(header, row, dates="month_first")["time"] == datetime(2026, 5, 11, 8, tzinfo=UTC)


def test_a_row_behind_the_head_that_contradicts_the_order_of_dates_is_rejected_and_not_read_the_other_way() -> None:
    decoded = decode("export", *lines(HEADER, *[ROW] * 30, ROW.replace("13/11", "11/13")))

    assert len(decoded.events) == 30
    assert decoded.rejected.rows() == [(31, "export: no time that can be read")]


def test_a_column_called_utc_holds_times_in_utc_and_others_the_zone_of_the_site() -> None:
    row = "13/07/2026 09:00:00,http://a.example/"

    assert one("Time,URL", row)["time"] == datetime(2026, 7, 13, 8, tzinfo=UTC)
    assert one("Timestamp (UTC),URL", row)["time"] == datetime(2026, 7, 13, 9, tzinfo=UTC)
    assert one("Time (local),URL", row)["time"] == datetime(2026, 7, 13, 8, tzinfo=UTC)
    decoded = make("export", {"zone": "Europe/Paris"}, zone=LONDON).decode(batch(lines("Date/Time GMT,URL", row)))
    assert decoded.events["time"][0] == datetime(2026, 7, 13, 7, tzinfo=UTC)


def test_a_count_in_another_unit_is_not_taken_for_bytes() -> None:
    event = one("Time,URL,Size (KB)", "13/11/2026 09:00:00,http://a.example/,12")

    assert "bytes_in" not in event


def test_a_date_and_a_time_of_day_may_stand_in_two_columns() -> None:
    assert one("Date,Time,Website", "13/11/2026,9:05 PM,casino.example")["time"] == datetime(
        2026, 11, 13, 21, 5, tzinfo=UTC
    )


def test_dates_without_a_time_of_day_are_not_taken_for_midnight() -> None:
    assert "column of the time" in why("Date,URL", "13/11/2026,http://a.example/")


@pytest.mark.parametrize("few", [0, 1_000])
def test_titles_totals_and_repeated_headers_are_skipped(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", few)
    decoded = decode(
        "export",
        *lines("Web report for Example School", "", HEADER, ROW, HEADER, ",,,,,,", "Total,,,,,,2", "Page 1 of 1"),
    )

    assert decoded.events["line"].to_list() == [3]
    assert dict(decoded.skipped.rows()) == {
        0: "the head of the file", 1: "the head of the file", 2: "the head of the file",
        4: "the names of the columns again", 5: "an empty row", 6: "a title or a total", 7: "a title or a total",
    }  # fmt: skip


@pytest.mark.parametrize("few", [0, 1_000])
def test_a_record_over_several_lines_is_rejected_and_so_is_a_row_with_a_cell_too_many(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_decoder, "FEW", few)
    decoded = decode(
        "export",
        *lines(HEADER, ROW, '13/11/2026 09:00:01,"y9.sam', 'x",10.20.4.17,http://a.example/,,Allowed,', ROW + ",more"),
    )

    assert decoded.events["line"].to_list() == [1]
    assert [text.split(": ")[1] for text in decoded.rejected["why"]] == [
        "a quote is left open", "a quote is left open", "more cells than columns",
    ]  # fmt: skip


def test_what_excel_writes_around_a_table_is_understood() -> None:
    decoded = decode(
        "export",
        "\ufeffsep=;".encode(),
        *lines("Zeit;x".replace("Zeit", "Time").replace("x", "User;URL")),
        "13/11/2026 09:00:00;Zoë;http://a.example/".encode("cp1252"),
        b'13/11/2026 09:00:00;"M ""Mick"" O\'Neill";http://a.example/',
    )

    assert decoded.events["user"].to_list() == ["Zoë", 'M "Mick" O\'Neill']


def test_a_file_in_utf_16_is_refused_with_how_to_convert_it() -> None:
    data = f"{HEADER}\r\n{ROW}\r\n".encode("utf-16")

    decoded = decode("export", *data.split(b"\n"))

    assert not len(decoded.events)
    assert all("iconv -f UTF-16" in text for text in decoded.rejected["why"])


def test_encoding_may_be_named() -> None:
    row = ROW.replace("y9.sam", "Zo\u00eb").encode()

    assert rows(decode("export", HEADER.encode(), row, encoding="utf-8"))[0]["user"] == "Zoë"
    assert rows(decode("export", HEADER.encode(), row, encoding="cp1252"))[0]["user"] == "ZoÃ«"


def test_a_column_is_believed_only_where_its_texts_bear_it_out() -> None:
    event = one(
        "Time,Client,Source,Website,Domain,Status,Result,Size",
        "13/11/2026 09:00:00,laptop-7,10.0.0.5,casino.example/slots,casino.example,403,Denied,12 KB",
    )

    assert (event["client_ip"], event["status"], event["action"]) == ("10.0.0.5", 403, "blocked")
    assert event["url"] == "casino.example/slots"
    assert "bytes_in" not in event


def test_the_domain_of_an_account_and_the_name_of_a_device_are_no_host_that_was_asked_for() -> None:
    header, row = (
        "Time,User,Domain,Hostname,URL",
        "13/11/2026 09:00:00,sam,SCHOOL,laptop-7.school.lan,http://a.example/",
    )

    assert one(header, row)["host"] == "a.example"
    assert "URL, host" in why("Time,User,Domain", "13/11/2026 09:00:00,sam,SCHOOL")


def test_a_path_gets_its_host_from_the_column_beside_it() -> None:
    event = one("Time,Host,URI,Scheme", "13/11/2026 09:00:00,a.example,/x?y=1,https")

    assert event["url"] == "https://a.example/x?y=1"


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("Allowed", "allowed"), ("BLOCKED", "blocked"), ("Denied", "blocked"), ("Filtered", "blocked"),
        ("Soft blocked", "blocked"), ("Warned", "blocked"), ("Warned and continued", "allowed"),
        ("Overridden", "allowed"), ("Not blocked", "allowed"), ("Not allowed", "blocked"), ("Redirected", "rewritten"),
        ("Blocked by policy", "blocked"), ("Escalated", "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_the_words_of_a_verdict_are_data(word: str, action: str) -> None:
    assert one("Time,URL,Action", f"13/11/2026 09:00:00,http://a.example/,{word}")["action"] == action


def test_words_of_ones_own_win_over_the_shipped_ones() -> None:
    texts = "Time,URL,Action", "13/11/2026 09:00:00,http://a.example/,Flagged"

    assert one(*texts)["action"] == "allowed"
    assert one(*texts, verdicts={"blocked": "flagged"})["action"] == "blocked"


def test_yes_and_no_under_blocked_are_a_verdict() -> None:
    texts = [
        "Time,URL,Blocked",
        "13/11/2026 09:00:00,http://a.example/,No",
        "13/11/2026 09:00:00,http://a.example/,Yes",
    ]

    assert [row["action"] for row in rows(decode("export", *lines(*texts)))] == ["allowed", "blocked"]


def test_without_a_column_of_verdicts_the_action_is_not_known() -> None:
    assert "action" not in one("Time,URL", "13/11/2026 09:00:00,http://a.example/")


def test_columns_may_be_named_where_the_file_does_not() -> None:
    options = {"header": False, "columns": ["Time", "User", "", "URL"]}

    assert one("13/11/2026 09:00:00|sam|x|http://a.example/", **options)["user"] == "sam"
    assert "name them with the option `columns`" in why("13/11/2026 09:00:00,x", header=False)
    assert "`columns`" in why("a,b", "13/11/2026 09:00:00,x")


def test_names_a_person_gives_win_and_are_found_in_any_spelling() -> None:
    event = one(
        "Wann,Wer,Wo,User",
        "13/11/2026 09:00:00,sam,casino.example,other",
        time=[{"from": "wann", "as": "%d/%m/%Y %H:%M:%S"}],
        fields={"user": "WER", "host": "Wo"},
    )

    assert (event["user"], event["host"]) == ("sam", "casino.example")
    assert "no column is called 'Nirgends'" in why(HEADER, ROW, fields={"host": "Nirgends"})
    assert "URL, host" in why(HEADER, ROW, guess=False, time=[{"from": "Time", "as": "%d/%m/%Y %H:%M:%S"}])


def test_no_reason_quotes_the_file() -> None:
    secret = "casino.example"

    for text in (HEADER, ROW, f"Time,URL\n{secret},{secret}", f"a,{secret}"):
        decoded = decode("export", *text.encode().split(b"\n"))
        assert secret not in " ".join(decoded.rejected["why"])


def test_json_lines_and_key_value_are_read_by_the_same_names() -> None:
    event = one(HEADER, ROW)
    names = ["timestamp", "username", "source_ip", "url", "category", "action", "policy"]
    cells = dict(zip(names, ROW.split(","), strict=True))

    assert one(json.dumps(cells)) == event
    assert one(" ".join(f'{name}="{text}"' for name, text in cells.items())) == event
    assert one(";".join(f"{name}={text}" for name, text in cells.items())) == event


def test_a_decoder_that_begins_in_the_middle_reads_the_head_from_the_file(tmp_path: Path) -> None:
    text = "\n".join(["Report", HEADER, ROW, ROW.replace("13/11", "05/11"), ""]).encode()
    plain, packed = tmp_path / "export.csv", tmp_path / "export.csv.gz"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text))
    begins = text.index(b"05/11")

    for path in (plain, packed):
        later = replace(batch([text[begins:-1]]), first_offset=begins, path=str(path))
        decoded = make("export", {}, zone=LONDON).decode(later)
        assert decoded.events["time"].to_list() == [datetime(2026, 11, 5, 9, 0, 1, tzinfo=UTC)]

    gone = replace(batch([text[begins:-1]]), first_offset=begins, path=str(tmp_path / "gone.csv"))
    assert len(make("export", {}, zone=LONDON).decode(gone).rejected) == 1


def test_a_short_first_batch_is_read_by_the_head_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    early = ROW.replace("13/11", "05/11")
    path.write_text(f"{HEADER}\n{early}\n{ROW}\n")

    decoded = make("export", {}, zone=LONDON).decode(replace(batch(lines(HEADER, early)), path=str(path)))

    assert decoded.events["time"].to_list() == [datetime(2026, 11, 5, 9, 0, 1, tzinfo=UTC)]


def test_batches_of_any_size_give_the_same_events() -> None:
    texts = lines("Report", HEADER, *[ROW, ROW.replace("casino", "dice")] * 40)
    data = b"".join(line + b"\n" for line in texts)
    at_once = make("export", {}, zone=LONDON).decode(batch(texts)).events.drop("line")
    decoder, parts, offset = make("export", {}, zone=LONDON), [], 0
    for start in range(0, len(texts), 7):
        piece = b"".join(line + b"\n" for line in texts[start : start + 7])
        parts.append(decoder.decode(replace(batch([]), data=piece, first_offset=offset)).events.drop("line"))
        offset += len(piece)

    assert offset == len(data)
    assert_frame_equal(pl.concat(parts, how="diagonal"), at_once, check_column_order=False)


def test_an_unknown_option_is_a_mistake_with_its_name() -> None:
    with pytest.raises(ConfigurationError, match="delimeter"):
        make("export", {"delimeter": ";"}, zone=LONDON)


def test_every_name_of_a_column_has_one_meaning() -> None:
    for product in ("export", *words().products):
        meanings = words().meanings(product)
        own = words().products[product].columns if product != "export" else {}
        assert {meaning for meaning, _ in meanings.values()} <= {*words().columns}
        assert set(own) <= {*words().columns}
