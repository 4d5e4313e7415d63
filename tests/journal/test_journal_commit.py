"""One batch and all that came of it: in the journal wholly or not at all, and never twice."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from made_up_lines import LINE, NOON, batch, detection, events
from polars.testing import assert_frame_equal

from filterwatch.detections import none
from filterwatch.events import DETECTION_SCHEMA, EVENT_SCHEMA, complete
from filterwatch.journal import AlreadyJournalled, Commit, Counts, Journal, evidence, gather
from filterwatch.lines import Checkpoint, Gap, LineBatch


def journalled(journal):
    return gather(journal.batches())


def offsets(journal):
    return journalled(journal)["line_offset"].to_list()


def test_events_come_back_as_they_were_with_every_column(journal):
    journal.commit(batch(0, 20))

    expected = complete(events(0, 20)).with_columns(
        source=pl.lit("squid"), stream=pl.lit("file-1"), local_time=pl.col("started").dt.time()
    )
    assert_frame_equal(expected, journalled(journal))
    assert EVENT_SCHEMA == journalled(journal).schema


def test_a_checkpoint_moves_with_its_batch(journal):
    journal.commit(batch(0, 20))
    journal.commit(batch(20, 5))

    assert [Checkpoint("squid", "file-1", 250, {"path": "/var/log/squid/access.log"})] == journal.checkpoints("squid")
    assert [] == journal.checkpoints("dns")


def test_a_batch_that_is_journalled_already_is_refused_and_changes_nothing(journal):
    journal.commit(batch(0, 20), batch(0, 20, stream="file-2"))

    for again in (batch(0, 20), batch(19, 5), batch(10, 30)):
        with pytest.raises(
            AlreadyJournalled, match=r"source squid: lines \d+ to \d+ of stream file-1 are journalled up"
        ):
            journal.commit(batch(20, 3, stream="file-2"), again)

    assert 40 == len(journalled(journal))
    assert 200 == journal.checkpoints("squid")[1].offset


def test_a_checkpoint_may_learn_a_new_path_without_lines_but_never_go_back(journal):
    journal.commit(batch(0, 20))
    moved = Checkpoint("squid", "file-1", 200, {"path": "access.log.1"})
    journal.commit(Commit(NOON, moved))

    assert [moved] == journal.checkpoints("squid")
    with pytest.raises(AlreadyJournalled):
        journal.commit(Commit(NOON, Checkpoint("squid", "file-1", 190)))


def test_several_batches_commit_in_one_transaction(journal):
    number = journal.commit(batch(0, 3), batch(0, 4, source="dns", stream="dns-1"), batch(3, 5))

    assert 12 == len(journalled(journal))
    assert number == journal.batches()[-1].number
    assert [80, 40] == [journal.checkpoints(source)[0].offset for source in ("squid", "dns")]


def test_events_that_nothing_could_tell_apart_are_a_mistake_of_ours(journal):
    nowhere = events(0, 2).with_columns(line_offset=pl.Series([0, None], dtype=pl.Int64))

    for wrong in (batch(0, 2, events=nowhere), batch(5, 2, events=events(0, 2)), Commit(NOON, events=events(0, 2))):
        with pytest.raises(ValueError, match="events"):
            journal.commit(wrong)
    assert (0, 0, None) == journal.waiting()


def test_detections_come_in_order_and_from_where_the_reader_stopped(journal):
    journal.commit(batch(0, 9, detections=pl.concat([detection(n) for n in range(5)])))
    journal.commit(Commit(NOON, detections=detection(7, rule="filter_off", line_offset=None, stream=None)))

    first = journal.detections(limit=4)
    rest = journal.detections(after=first["position"][-1])

    assert [f"{n:032x}" for n in (0, 1, 2, 3)] == first["id"].to_list()
    assert [f"{n:032x}" for n in (4, 7)] == rest["id"].to_list()
    assert_frame_equal(detection(7, rule="filter_off", line_offset=None, stream=None), rest[1:].drop("position"))
    assert {**DETECTION_SCHEMA, "position": pl.Int64} == dict(rest.schema)
    assert 0 == len(journal.detections(after=rest["position"][-1]))


def test_the_line_behind_a_detection_is_kept_without_its_credentials(journal):
    lines = LineBatch(
        "squid", "file-1", b"line one\nGET pw=x\nthe last\n", 100, 127, "p", NOON, Checkpoint("squid", "s", 127)
    )
    found = pl.concat([detection(0, id=name, line_offset=at) for name, at in (("a", 109), ("b", 50), ("c", None))])
    other = detection(0, id="d", line_offset=109, source="dns")
    kept = evidence(lines, pl.concat([found, other]), lambda line: line.replace(b"pw=x", b"pw=-"))
    journal.commit(Commit(NOON, detections=kept))

    assert {"a": b"GET pw=-"} == journal.raw_lines(["a", "b", "c", "d", "nobody"])
    assert 0 == len(evidence(lines, none(), bytes.upper))


def test_only_state_that_changed_is_written(journal):
    journal.commit(batch(0, 1, state={"enrich": b"one", "bypass": b"same"}))
    writes = []
    journal._db.set_trace_callback(lambda said: writes.append(said) if "into state" in said else None)
    journal.commit(batch(1, 1, state={"enrich": b"two", "bypass": b"same"}))
    journal.commit(batch(2, 1, state={"enrich": b"two", "bypass": b"same"}))

    assert {"enrich": b"two", "bypass": b"same"} == journal.state()
    assert 1 == len(writes)


def test_undecodable_lines_are_kept_newest_first_and_all_counted(journal):
    def quarantined(first, count):
        rows = [(n * LINE, LINE, "squid: expected 10 fields", b"\x00\xff line") for n in range(first, first + count)]
        return pl.DataFrame(rows, schema=["line_offset", "line_length", "why", "raw"], orient="row")

    journal.commit(batch(0, 3, events=pl.DataFrame(), quarantined=quarantined(0, 3), counts=Counts(3, 0, 3)))
    journal.commit(batch(3, 4, events=pl.DataFrame(), quarantined=quarantined(3, 4), counts=Counts(4, 0, 4)))
    journal.commit(
        batch(0, 1, source="dns", events=pl.DataFrame(), quarantined=quarantined(0, 1), counts=Counts(1, 0, 1))
    )

    kept = journal.quarantine()

    assert [20, 30, 40, 50, 60, 0] == kept["line_offset"].to_list()
    assert b"\x00\xff line" == kept["raw"][0]
    assert [1, 7] == journal.totals()["rejected"].to_list()


def test_gaps_are_kept_as_they_were_noticed(journal):
    lost = Gap("squid", "file-0", 70, None, NOON, "access.log.3 was deleted before it was read")
    maybe = Gap("squid", "file-1", None, None, NOON + timedelta(seconds=1), "copytruncate", certain=False)
    journal.commit(batch(0, 1, gaps=(lost, maybe)))

    found = journal.gaps()

    assert [lost, maybe] == [Gap(**row) for row in found.drop("position").iter_rows(named=True)]
    assert 1 == len(journal.gaps(after=found["position"][0]))


def test_each_source_is_counted_and_its_silence_can_be_told(journal):
    journal.commit(batch(0, 5, counts=Counts(9, 5, 3, 1)))
    journal.commit(batch(9, 2, counts=Counts(2, 2)))
    journal.commit(Commit(NOON + timedelta(hours=1), Checkpoint("squid", "file-1", 110)))

    row = journal.totals().row(0, named=True)

    assert ["squid", 11, 7, 3, 1] == [row[name] for name in ("source", "lines", "events", "rejected", "skipped")]
    assert (NOON, NOON + timedelta(seconds=10)) == (row["first_time"], row["last_time"])
    assert {"squid": NOON + timedelta(seconds=11)} == journal.sources_last_spoke()


def test_events_are_counted_by_local_hour(journal):
    journal.commit(batch(0, 10, events=events(0, 10, at=NOON - timedelta(seconds=4))))
    journal.commit(batch(10, 1, events=events(10, 1, at=NOON)))

    assert [("squid", date(2026, 11, 17), 11, 4), ("squid", date(2026, 11, 17), 12, 7)] == journal.hours(
        date(2026, 11, 1), date(2026, 11, 30)
    ).rows()


def test_streams_that_are_gone_are_forgotten(journal):
    journal.commit(batch(0, 1), batch(0, 1, stream="file-2"), batch(0, 1, source="dns"))
    journal.forget("squid", ["file-1"])

    assert ["file-2"] == [one.stream for one in journal.checkpoints("squid")]
    assert 1 == len(journal.checkpoints("dns"))


def test_what_was_kept_long_enough_is_deleted(tmp_path, clock):
    with Journal.open(tmp_path / "journal.db", writer=True, clock=clock) as journal:
        rejected = pl.DataFrame({"line_offset": [0], "line_length": [3], "why": ["w"], "raw": [b"raw"]})
        raw = detection(0).with_columns(raw=pl.lit(b"raw"))
        journal.commit(batch(0, 1, detections=raw, quarantined=rejected))

        assert {"quarantine": 0, "raw": 0, "detection": 0} == journal.purge()
        clock.move(timedelta(days=31))
        assert {"quarantine": 1, "raw": 1, "detection": 0} == journal.purge()
        clock.move(timedelta(days=60))
        assert {"quarantine": 0, "raw": 0, "detection": 1} == journal.purge()


def test_a_batch_made_from_a_pass_counts_what_was_skipped():
    lines = LineBatch("squid", "s", b"one\ntwo\n#\n", 0, 10, "p", NOON, Checkpoint("squid", "s", 10))
    rejected = pl.DataFrame({"line_offset": [4], "line_length": [3], "why": ["w"], "raw": [b"two"]})
    made = Commit.of(lines, events(0, 1), none(), rejected, state={"a": b"b"})

    assert Counts(3, 1, 1, 1) == made.counts
    assert (0, lines.checkpoint, {"a": b"b"}) == (made.first_offset, made.checkpoint, made.state)


def test_small_batches_are_put_together_without_a_reader_noticing(journal):
    for n in range(10):
        journal.commit(batch(n, 1), batch(n, 1, source="dns"))
    before, last = journalled(journal), journal.batches()[-1].number

    assert 20 == journal.merge(at_least=20)
    assert_frame_equal(before, journalled(journal))
    assert [last] == [one.number for one in journal.batches()]
    assert 0 == journal.merge(at_least=20)
    assert journal.commit(batch(10, 1)) > last


def test_batches_that_do_not_stand_together_stay_apart(journal, monkeypatch):
    monkeypatch.setattr("filterwatch.journal.writing.ROWS_FOR_PARQUET", 5)
    for first, count in ((0, 1), (1, 1), (2, 7), (9, 1), (10, 1), (11, 1)):
        journal.commit(batch(first, count))

    assert 3 == journal.merge(at_least=3)
    assert list(range(0, 120, LINE)) == offsets(journal)
    assert [1, 1, 7, 3] == [one.packed.rows for one in journal.batches()]
