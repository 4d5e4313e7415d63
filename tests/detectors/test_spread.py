from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.detectors import spread
from filterwatch.events import complete

TEN = int(datetime(2026, 11, 17, 10, tzinfo=UTC).timestamp()) // 60


def rates(events: pl.DataFrame, start: int = TEN - 600, end: int = TEN + 600) -> dict[int, int]:
    moved = spread.transfers(pl, events, start * spread.MICROSECONDS, end * spread.MICROSECONDS)
    booked = spread.booked(*spread.summed(pl, moved), start=start, end=end).sort("minute")
    return {minute - TEN: down for minute, down, _ in booked.iter_rows()}


def test_a_transfer_within_a_minute_is_booked_in_that_minute(frame):
    assert rates(frame({"at": 30, "lasted": 20, "bytes_in": 700})) == {0: 700}


def test_a_ten_minute_tunnel_is_spread_evenly_over_its_minutes(frame):
    assert rates(frame({"at": 600, "lasted": 600, "bytes_in": 6000})) == dict.fromkeys(range(10), 600)


def test_a_tunnel_that_begins_and_ends_within_minutes_has_parts_in_the_first_and_last(frame):
    # 10:00:30 to 10:02:30, 120 bytes a minute
    assert rates(frame({"at": 150, "lasted": 120, "bytes_in": 240})) == {0: 60, 1: 120, 2: 60}


def test_of_a_tunnel_over_the_edge_of_the_window_only_the_part_inside_counts(frame):
    events = frame({"at": 300, "lasted": 600, "bytes_in": 6000})  # 09:55 to 10:05
    assert rates(events, start=TEN) == dict.fromkeys(range(5), 600)
    assert rates(events, end=TEN) == dict.fromkeys(range(-5, 0), 600)
    [inside] = spread.transfers(pl, events).select(
        down=spread.inside(pl, "down", TEN * spread.MICROSECONDS, (TEN + 60) * spread.MICROSECONDS)
    )["down"]
    assert inside == 3000


def test_a_transfer_that_ends_on_the_full_minute_leaves_nothing_in_the_next(frame):
    assert rates(frame({"at": 60, "lasted": 60, "bytes_in": 600})) == {0: 600}


def test_bytes_that_the_filter_answered_itself_or_another_line_counts_never_crossed_the_link(frame):
    events = frame(
        {"bytes_in": 5000, "action": "blocked"},
        {"bytes_in": 5000, "action": "auth_required"},
        {"bytes_in": 5000, "counted": False},
        {"bytes_in": None},
        {"bytes_in": 7, "action": None, "counted": None},
    )
    assert sum(rates(events).values()) == 7


def test_a_duration_of_a_hundred_years_costs_no_more_than_the_window(frame):
    events = frame({"at": 0, "lasted": 3_000_000_000, "bytes_in": 50_000_000_000})
    inside = rates(events, start=TEN - 10, end=TEN)
    assert len(inside) == 10
    assert max(inside.values()) == 1000


def test_a_person_is_meant_only_where_surely_known(frame):
    events = frame(
        {"identity": "authenticated"}, {"identity": "lease"}, {"identity": "address"}, {"identity": None},
        {"identity": "address", "device": None},
    )  # fmt: skip
    assert events.select(**spread.users(pl)).rows() == [
        ("amy", True), ("amy", True), ("cb-1", False), ("cb-1", False), ("10.1.0.1", False)
    ]  # fmt: skip


transfer = st.fixed_dictionaries(
    {
        "end": st.integers(0, 7_200_000_000),
        "span": st.integers(0, 7_200_000_000),
        "bytes_in": st.integers(0, 10**12),
        "who": st.sampled_from("abc"),
    }
)


def as_events(transfers: list[dict]) -> pl.DataFrame:
    zero = TEN * spread.MICROSECONDS
    rows = pl.DataFrame(
        {
            "time": [zero + t["end"] for t in transfers],
            "started": [zero + t["end"] - t["span"] for t in transfers],
            "bytes_in": [t["bytes_in"] for t in transfers],
            "person": [t["who"] for t in transfers],
        }
    ).with_columns(pl.col("time", "started").cast(pl.Datetime("us", "UTC")))
    return complete(rows)


def per_person(events: pl.DataFrame) -> pl.DataFrame:
    parts = spread.summed(pl, spread.transfers(pl, events), "person")
    return spread.booked(*parts, "person", start=0, end=2**31 - 1).sort("person", "minute")


@settings(max_examples=60, deadline=None)
@given(st.lists(transfer, min_size=1, max_size=30), st.randoms())
def test_every_byte_is_booked_once_and_the_order_of_lines_does_not_matter(transfers, random):
    booked = per_person(as_events(transfers))
    assert booked["down"].sum() == sum(t["bytes_in"] for t in transfers)
    assert booked["down"].min() is None or booked["down"].min() >= 0
    random.shuffle(transfers)
    assert per_person(as_events(transfers)).equals(booked)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=40),
    st.integers(2, 6),
    st.integers(1, 100),
)
def test_a_sustained_minute_lies_in_a_window_that_reaches_the_limit(amounts, width, limit):
    windows = [range(n, n + width) for n in range(len(amounts) - width + 1)]
    good = [
        w for w in windows
        if sum(amounts[i] for i in w) >= limit * width and min(amounts[i] for i in w) >= limit / 2
    ]  # fmt: skip
    expected = [any(n in w for w in good) for n in range(len(amounts))]
    found = pl.DataFrame({"down": amounts}).select(spread.rolling("down", limit, width))["down"].to_list()
    assert found == expected
