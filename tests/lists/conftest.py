"""What the tests of fetched lists share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from list_bench import Bench
from list_server import serving


@pytest.fixture(scope="module")
def running():
    with serving() as server:
        yield server


@pytest.fixture
def server(running):
    running.answers.clear()
    running.asked.clear()
    running.callers.clear()
    return running


@pytest.fixture
def bench(server, tmp_path):
    return Bench(server, tmp_path)
