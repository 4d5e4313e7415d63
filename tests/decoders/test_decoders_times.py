"""Years that are not written, the hour that a clock shows twice and the one it skips."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from decoding import LONDON, batch, decode
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.decoders import line_decoder, make
from filterwatch.decoders.screen import Lines
from filterwatch.decoders.stamps import days, read_stamp, read_stamps
from filterwatch.decoders.times import settle

ASK = b" dnsmasq[811]: query[A] x.test from 10.0.0.7"


def times(*stamps: str, read_at: datetime, zone: ZoneInfo = LONDON, **options: object) -> list[str]:
    lines = [stamp.encode() + ASK for stamp in stamps]
    found = decode("dnsmasq", *lines, read_at=read_at, zone=zone, **options).events["time"].to_list()
    return [time.strftime("%Y-%m-%d %H:%M:%S") for time in found]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize(
    ("stamp", "read_at", "time"),
    [
        ("Dec 31 23:59:58", "2027-01-01T00:00:01", "2026-12-31 23:59:58"),
        ("Jan  1 00:00:01", "2026-12-31T23:59:59", "2027-01-01 00:00:01"),
        ("Nov 22 02:02:24", "2026-11-22T02:02:25", "2026-11-22 02:02:24"),
        ("Feb 29 12:00:00", "2028-03-01T00:00:00", "2028-02-29 12:00:00"),
        ("Feb 29 12:00:00", "2027-03-01T00:00:00", "2028-02-29 12:00:00"),
        ("Feb 29 12:00:00", "2025-03-01T00:00:00", "2024-02-29 12:00:00"),
        ("Feb 29 12:00:00", "2101-03-01T00:00:00", "2104-02-29 12:00:00"),
        ("Feb 28 12:00:00", "2027-03-01T00:00:00", "2027-02-28 12:00:00"),
        ("Mar  1 12:00:00", "2027-03-02T00:00:00", "2027-03-01 12:00:00"),
        ("Jul  1 12:00:00", "2026-07-02T00:00:00", "2026-07-01 11:00:00"),
    ],
)
def test_a_year_that_is_not_written_is_the_nearest(
    stamp: str, read_at: str, time: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_decoder, "FEW", few)

    assert times(stamp, read_at=at(read_at)) == [time]


def test_a_year_can_be_given() -> None:
    stamps = ("Jan  1 00:00:01", "Dec 31 23:59:58")

    assert times(*stamps, read_at=at("2027-06-01"), year=2024) == ["2024-01-01 00:00:01", "2024-12-31 23:59:58"]


def test_the_hour_that_comes_twice_keeps_the_order_of_the_lines() -> None:
    stamps = [f"Oct 25 {hour:02}:{minute:02}:00" for hour in (0, 1, 1, 2) for minute in (0, 30)]

    found = times(*stamps, read_at=at("2026-10-25T09:00:00"))

    assert found == [f"2026-10-{day} {time}:00" for day, time in (
        (24, "23:00"), (24, "23:30"), (25, "00:00"), (25, "00:30"),
        (25, "01:00"), (25, "01:30"), (25, "02:00"), (25, "02:30"),
    )]  # fmt: skip


def test_the_order_is_kept_from_batch_to_batch_of_a_stream_and_not_between_streams() -> None:
    decoder = make("dnsmasq", {}, zone=LONDON)
    read_at = at("2026-10-25T09:00:00")

    def time(stamp: str, stream: str) -> str:
        return str(decoder.decode(batch([stamp.encode() + ASK], read_at, stream)).events["time"][0])[11:16]

    assert time("Oct 25 01:50:00", "a") == "00:50"
    assert time("Oct 25 01:10:00", "b") == "00:10"
    assert time("Oct 25 01:10:00", "a") == "01:10"
    assert time("Oct 25 01:09:30", "a") == "01:09", "a little out of order is no second turn"


def test_a_daemon_started_in_the_hour_that_comes_twice_believes_its_own_clock() -> None:
    assert times("Oct 25 01:30:00", read_at=at("2026-10-25T01:30:01")) == ["2026-10-25 01:30:00"]
    assert times("Oct 25 01:30:00", read_at=at("2026-10-25T00:30:01")) == ["2026-10-25 00:30:00"]


def test_a_time_that_no_clock_showed_is_read_by_the_offset_before_and_counted() -> None:
    decoded = decode("dnsmasq", b"Mar 29 01:30:00" + ASK, read_at=at("2026-03-29T09:00:00"))

    assert str(decoded.events["time"][0]) == "2026-03-29 01:30:00+00:00"
    assert decoded.counts["times_in_gap"] == 1


def test_the_zone_of_a_source_is_used() -> None:
    paris, kolkata = ZoneInfo("Europe/Paris"), ZoneInfo("Asia/Kolkata")

    assert times("Nov 22 02:00:00", read_at=at("2026-11-22T09:00:00"), zone=paris) == ["2026-11-22 01:00:00"]
    assert times("Nov 22 02:00:00", read_at=at("2026-11-22T09:00:00"), zone=kolkata) == ["2026-11-21 20:30:00"]


def test_the_option_zone_wins_over_the_sites() -> None:
    found = make("dnsmasq", {"zone": "Europe/Paris"}, zone=LONDON).decode(batch([b"Nov 22 02:00:00" + ASK]))

    assert str(found.events["time"][0]) == "2026-11-22 01:00:00+00:00"


def test_a_line_without_any_time_happened_when_it_was_read() -> None:
    decoded = decode(
        "netfilter", b"*Blocked* IN=eth0 OUT= SRC=10.0.0.7 DST=192.0.2.1", read_at=at("2026-11-22T09:00:00")
    )

    assert str(decoded.events["time"][0]) == "2026-11-22 09:00:00+00:00"


EPOCH, FIRST, LAST = (datetime(year, 1, 1) for year in (1970, 2020, 2040))  # noqa: DTZ001 - wall time


@given(st.datetimes(FIRST, LAST), st.sampled_from(["Europe/London", "Australia/Lord_Howe"]))
@settings(max_examples=150, deadline=None)
def test_a_wall_clock_is_read_as_python_reads_it(wall: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    us = (wall - EPOCH) // timedelta(microseconds=1)

    found = settle(np.array([us]), np.array([1], np.uint8), zone, at("2041-01-01"), None, None)

    moment = wall.replace(tzinfo=zone)
    assert found.us[0] == int((moment.astimezone(UTC) - at("1970-01-01")) / timedelta(microseconds=1))


@given(st.dates(date(1970, 1, 1), date(2199, 12, 31)))
def test_days_are_counted_as_python_counts_them(day: date) -> None:
    assert int(days(day.year, day.month, day.day)) == (day - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    "text",
    [
        "Nov 22 02:02:24 x", "Nov  2 02:02:24 x", "<13>Nov 22 02:02:24 x", "<13> Nov 22 02:02:24 x",
        "Nov 31 02:02:24 x",
        "Nov 22 25:02:24 x", "2026-11-22T02:02:24Z x", "2026-11-22T02:02:24.123+01:00 x",
        "2026-11-22T02:02:24.123456-0130 x",
        "2026-11-22 02:02:24,5 x", "2026-02-29T02:02:24Z x", "2028-02-29T02:02:24Z x", "2026-11-22T02:02:24+15:00 x",
        "<13>1 2026-11-22T02:02:24.123456Z gw x", "9999-11-22T02:02:24Z x", "2026-11-22T02:02:24.1234567Z x", "x", "",
    ],
)  # fmt: skip
def test_both_readers_of_stamps_agree(text: str) -> None:
    one, many = read_stamp(text), read_stamps(Lines(text.encode() + b"\n"))

    if many.found[0]:
        assert one is not None
        assert (one[0].us, one[0].clock, one[1]) == (many.us[0], many.clock[0], many.body[0])


def test_the_common_stamps_are_read_by_the_fast_reader() -> None:
    stamps = ("Nov 22 02:02:24", "<13>Nov  2 02:02:24", "2026-11-22T02:02:24Z", "<1>1 2026-11-22T02:02:24.123456+01:00")
    lines = Lines("".join(f"{stamp} x\n" for stamp in stamps).encode())

    assert read_stamps(lines).found.all()
