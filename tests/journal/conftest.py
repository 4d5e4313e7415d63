"""What the tests of the journal share."""

from __future__ import annotations

import pytest
from made_up_lines import NOON

from filterwatch.clock import ManualClock
from filterwatch.journal import Journal, Settings


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def journal(tmp_path, clock):
    with Journal.open(
        tmp_path / "journal.db", writer=True, clock=clock, settings=Settings(quarantine_lines=5)
    ) as opened:
        yield opened
