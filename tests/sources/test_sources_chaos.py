"""Faults T1 to T6, T10 and T19 in random order, by seed, on file systems of both kinds."""

import tempfile
from pathlib import Path

import pytest
from chaos import history

from filterwatch.sources import whereabouts


def test_no_history_loses_a_line_or_stores_one_twice():
    for seed in range(100):
        history(seed)


def test_nor_does_one_where_inodes_are_reused_and_have_no_generation(monkeypatch):
    monkeypatch.setattr(whereabouts, "generation", lambda _descriptor: None)
    for seed in range(1000, 1100):
        history(seed)


def test_nor_does_one_in_memory(monkeypatch):
    if not Path("/dev/shm").is_dir():
        pytest.skip("no tmpfs at /dev/shm")
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
    for seed in range(2000, 2050):
        history(seed)
