"""The two commands that judge lists of hosts."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import overblock, unblockers

ROOT = Path(__file__).parents[2]


def test_ordinary_sites_and_wrong_ones_are_told_apart(tmp_path, monkeypatch, capsys):
    (tmp_path / "hosts").write_text("# sites\nWWW.BBC.co.uk, x\nnordvpn.com\nnordvpn.com\nmath-fun.duckdns.org\n\n")
    arguments = ["overblock", str(tmp_path / "hosts"), "--rules", str(ROOT / "rules")]
    monkeypatch.setattr(sys, "argv", arguments)
    assert overblock.main() == 1
    told = capsys.readouterr().out.splitlines()
    assert "hosts\tnordvpn.com\tbypass-vpn\tbypass-vpn\tnordvpn.com" in told
    assert "hosts\tmath-fun.duckdns.org\tbypass-unblocker\tnames\tbait math, dynamic duckdns.org" in told
    assert "hosts: 2 of 3 sites above low (1 in 2)" in told


def test_the_reach_of_each_signal_is_counted(tmp_path, monkeypatch, capsys):
    (tmp_path / "hosts").write_text("math-fun.duckdns.org\nschoology.joes-pizza.com\nskylight.joes-pizza.com\n")
    monkeypatch.setattr(sys, "argv", ["unblockers", str(tmp_path / "hosts"), "--rules", str(ROOT / "rules")])
    assert unblockers.main() == 0
    told = {line[:28].strip(): line[28:].split() for line in capsys.readouterr().out.splitlines()[2:]}
    assert told["rules above low"] == ["2", "66.7%", "2", "100.0%"]
    assert told["or a sibling of one"] == ["3", "100.0%", "2", "100.0%"]
    assert told["name: stray_name"] == ["1", "33.3%", "1", "50.0%"]
