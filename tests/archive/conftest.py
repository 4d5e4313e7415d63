"""What the tests of the archive share."""

from __future__ import annotations

import pytest
from made_up_school import NOON, School

from filterwatch.clock import ManualClock


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def school(tmp_path, clock):
    made = School(tmp_path, clock, segment_events=100)
    yield made
    made.journal.close()
