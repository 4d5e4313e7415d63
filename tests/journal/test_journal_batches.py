"""Frames as blobs: whatever is packed comes out again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_lines import batch, events
from polars.testing import assert_frame_equal

from filterwatch.events import ACTIONS, EVENT_SCHEMA, complete
from filterwatch.journal import JournalDamaged, gather
from filterwatch.journal import batches as blobs

TEXT = st.none() | st.text(max_size=12) | st.sampled_from(["same", "same again"])
ROW = st.fixed_dictionaries({
    "time": st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    "user": TEXT, "url": TEXT, "host": TEXT,
    "status": st.none() | st.integers(0, 599),
    "bytes_in": st.none() | st.integers(-(2**62), 2**62),
    "action": st.none() | st.sampled_from(ACTIONS),
    "categories": st.none() | st.lists(st.sampled_from(["games", "adult"]), max_size=2),
    "local_date": st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    "counted": st.none() | st.booleans(),
})  # fmt: skip


@pytest.mark.parametrize("rows_for_parquet", [1, 10_000])
@given(st.lists(st.lists(ROW, min_size=1, max_size=8), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_events_come_back_as_they_were(rows_for_parquet, frames):
    made = []
    for rows in frames:
        schema = {name: EVENT_SCHEMA[name] for name in rows[0]}
        made.append(pl.DataFrame(rows, schema=schema).with_columns(line_offset=pl.int_range(pl.len(), dtype=pl.Int64)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blobs, "ROWS_FOR_PARQUET", rows_for_parquet)
        packed = [blobs.pack(frame) for frame in made]

    assert {"parquet" if rows_for_parquet == 1 else "ipc"} == {one.codec for one in packed}
    assert_frame_equal(pl.concat([complete(frame) for frame in made]), gather(packed))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_the_local_time_of_day_follows_from_its_minute_and_the_instant(moment):
    started = pl.Series([moment]).dt.replace_time_zone("UTC")
    local = started.dt.convert_time_zone("Europe/London")
    minute = local.dt.hour().cast(pl.Int16) * 60 + local.dt.minute()
    frame = pl.DataFrame({"started": started, "local_minute": minute, "line_offset": [0]})

    assert [local.dt.time()[0]] == gather([blobs.pack(frame)])["local_time"].to_list()


def test_columns_that_say_nothing_or_one_thing_cost_nothing():
    many = complete(pl.concat([events(n * 100, 100) for n in range(60)]))
    with_more = many.with_columns(source=pl.lit("squid"), stream=pl.lit("s" * 60), device_class=pl.lit("individual"))

    assert blobs.pack(with_more).constants.count(":") > 4
    assert abs(len(blobs.pack(with_more).data) - len(blobs.pack(many).data)) < 100


def test_columns_that_are_no_event_columns_stay_behind():
    packed = blobs.pack(events(0, 2).with_columns(category_bits=pl.lit(7, dtype=pl.UInt64), nothing=pl.lit(None)))

    assert EVENT_SCHEMA == gather([packed]).schema


@pytest.mark.parametrize(
    "change",
    [
        "events = zeroblob(length(events))",
        "rows = 3",
        "codec = 'parquet'",
        "committed = committed + 1",
        "last_time = 2e15",
    ],
)
def test_a_damaged_batch_is_noticed_before_it_is_believed(journal, change):
    journal.commit(batch(0, 2))
    journal._db.execute(f"update batch set {change}")

    with pytest.raises(JournalDamaged, match=r"batch \d+ is damaged; restart ingest"):
        journal.batches()


def test_a_batch_of_an_older_version_is_read_with_todays_words():
    fewer = pl.Enum(ACTIONS[:2])
    frame = pl.DataFrame({"action": ["blocked"], "line_offset": [0]}, schema_overrides={"action": fewer})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blobs, "STORED_SCHEMA", pl.Schema({**blobs.STORED_SCHEMA, "action": fewer}))
        old = blobs.pack(frame)

    assert EVENT_SCHEMA["action"] == gather([old, blobs.pack(events(1, 1))]).schema["action"]


def test_many_rows_are_told_apart_by_time_and_none_is_lost():
    frame = events(0, 5000).with_columns(time=pl.col("time") + timedelta(microseconds=7))
    packed = blobs.pack(frame)

    assert ("parquet", 5000) == (packed.codec, packed.rows)
    assert_frame_equal(complete(frame).drop("local_time"), gather([packed]).drop("local_time"))
