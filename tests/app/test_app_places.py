"""Where the configuration is looked for, by somebody who may not look there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from filterwatch.app.places import DEFAULT
from filterwatch.cli import main


@pytest.fixture(autouse=True)
def closed(monkeypatch):
    """Let nobody look below the folder of the configuration: tests may run as root."""
    found = Path.stat

    def stat(path, **more):
        if DEFAULT.parent in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return found(path, **more)

    monkeypatch.setattr(Path, "stat", stat)


@pytest.mark.parametrize(
    "words",
    [["explain", "bet.test"], ["rules", "list"], ["doctor"], ["alert", "list"], ["lists", "catalogue"]],
    ids=" ".join,
)
def test_who_may_not_look_for_the_configuration_is_told_what_to_do(monkeypatch, capsys, words):
    monkeypatch.setattr(sys, "argv", ["filterwatch", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{DEFAULT}: may not be read by this account")
    assert "sudo -u filterwatch" in said
    assert "--config" in said


def test_doctor_looks_into_logs_all_the_same(monkeypatch, capsys, tmp_path):
    (tmp_path / "some.log").write_text("nothing that is known\n")
    monkeypatch.setattr(sys, "argv", ["filterwatch", "doctor", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "may not be read by this account" in said.err
    assert "Formats of your own are not looked for." in said.err
    assert "No log was found" in said.out
