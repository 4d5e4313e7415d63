"""Any history of writing, sealing, compacting, purging and restoring: every event is there once.

``FILTERWATCH_HISTORIES=500`` tries more.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from made_up_school import NOON, School

from filterwatch.archive import manifest
from filterwatch.clock import ManualClock
from filterwatch.journal import writing

DAYS = [date(2026, 11, day) for day in (15, 16, 17)]
STREAMS = st.sampled_from([("squid", "s1"), ("squid", "s2"), ("dns", "s1")])


class Histories(RuleBasedStateMachine):
    """The model is ``School.written``: what was ever journalled less what was purged."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.school = School(self.folder, ManualClock(NOON), segment_events=25)
        self.large = writing.ROWS_FOR_PARQUET, manifest.ROLL_BYTES
        writing.ROWS_FOR_PARQUET, manifest.ROLL_BYTES = 8, 2000
        self.purged_until = DAYS[0]

    @rule(count=st.integers(1, 12), stream=STREAMS, day=st.sampled_from(DAYS))
    def write(self, count, stream, day):
        self.school.write(count, source=stream[0], stream=stream[1], day=day)
        self.school.clock.move(timedelta(minutes=7))

    @rule()
    def merge(self):
        self.school.journal.merge(at_least=2)

    @rule(minutes=st.sampled_from([0, 15, 60]))
    def seal(self, minutes):
        self.school.seal(seal_after=timedelta(minutes=minutes))

    @rule(before=st.sampled_from(DAYS))
    def compact(self, before):
        assert [] == self.school.compact(before=before)[1]

    @rule(before=st.sampled_from(DAYS), hold=st.sets(st.sampled_from(DAYS), max_size=1))
    def purge(self, before, hold):
        self.school.seal()  # what is purged is what is sealed: else events of that day would come back later
        self.school.purge(before, hold=hold)

    @rule()
    def restart(self):
        self.school.journal.close()
        self.school.journal = self.school.open()

    @precondition(lambda self: not list(self.folder.glob("*.backup-*")))
    @rule()
    def back_up(self):
        self.school.journal.backup()
        self.copied = {one.stream + one.source: one.offset for s in ("squid", "dns") for one in self.at(s)}

    @precondition(lambda self: list(self.folder.glob("*.backup-*")))
    @rule()
    def restore(self):
        """The journal is lost; its copy takes its place and the logs are read again up to where they were."""
        reached = [one for source in ("squid", "dns") for one in self.at(source)]
        self.school.journal.close()
        (self.folder / "journal.db").write_bytes(b"lost" * 2000)
        days = dict(self.school.written)
        self.school.journal = self.school.open()
        for one in reached:
            now = {there.stream: there.offset for there in self.at(one.source)}.get(one.stream, 0)
            for offset in range(now, one.offset, 10):
                day = days.get((one.source, one.stream, offset))
                self.school.write(1, source=one.source, stream=one.stream, day=day or DAYS[0])
                if day is None:  # purged before: sealed once, so it stays away
                    del self.school.written[one.source, one.stream, offset]

    def at(self, source):
        return self.school.journal.checkpoints(source)

    @invariant()
    def every_event_is_there_once(self):
        self.school.assert_whole()

    @invariant()
    def days_can_be_asked_for(self):
        found = self.school.scan(start=DAYS[1], end=DAYS[1])
        assert sum(day == DAYS[1] for day in self.school.written.values()) == len(found)

    def teardown(self):
        writing.ROWS_FOR_PARQUET, manifest.ROLL_BYTES = self.large
        self.school.journal.close()
        shutil.rmtree(self.folder)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=int(os.environ.get("FILTERWATCH_HISTORIES", "12")), stateful_step_count=14, deadline=None
)
