import os

import pytest

from filterwatch.records.files import make_once
from filterwatch.records.opening import read_secret


def test_a_full_disk_leaves_no_half_secret_that_later_starts_would_refuse(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as faulty:
        faulty.setattr(os, "fsync", full)
        with pytest.raises(Exception, match="free disk space"):
            read_secret(tmp_path / "secret")
    assert list(tmp_path.iterdir()) == []
    assert len(read_secret(tmp_path / "secret")) >= 32


def test_what_is_there_already_stays_as_it_is(tmp_path):
    make_once(tmp_path / "key", b"first", 0o600)
    make_once(tmp_path / "key", b"second", 0o600)
    assert (tmp_path / "key").read_bytes() == b"first"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
