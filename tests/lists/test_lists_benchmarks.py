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


HOSTS = "host\tclass\tsection\n" + "".join(
    f"{host}\t{kind}\t{brand}\n"
    for host, kind, brand in [
        ("math-fun.duckdns.org", "unblocker", "One"),
        ("schoology.joes-pizza.com", "unblocker", "Link Dump"),
        ("a1.joes-pizza.com", "unblocker", "Link Dump"),
        ("skylight.bobs-cars.com", "unblocker", "Two"),
        ("www.plain-cars.com", "unblocker", "Two"),
        ("poki.com", "games", "Two"),
    ]
)


def test_the_reach_of_each_signal_and_its_cost_are_counted(tmp_path, monkeypatch, capsys):
    (tmp_path / "hosts").write_text(HOSTS)
    (tmp_path / "urls").write_text("url\tclass\nhttps://a1.joes-pizza.com/uv/uv.bundle.js\tunblocker\n")
    (tmp_path / "benign").write_text("tenant.vendor.com\nwww.bbc.co.uk\nexample.com\nbins.cardiff.gov.uk\n")
    rules, urls, benign = str(ROOT / "rules"), str(tmp_path / "urls"), str(tmp_path / "benign")
    arguments = ["unblockers", str(tmp_path / "hosts"), "--urls", urls, "--rules", rules, "--benign", benign]
    monkeypatch.setattr(sys, "argv", [*arguments, "--without", "duckdns.org"])
    assert unblockers.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["all", "read", "held", "out", "without", "domains", "ordinary"]
    assert lines[1].split()[0] == "5"
    assert lines[1].split()[-1] == "4"
    told = {line[:46].strip(): [line[46:57].strip(), line[101:].strip()] for line in lines[2:]}
    assert told["link like a web proxy's"] == ["20.0%", "0"]
    assert told["alert by name or list"] == ["40.0%", "0"]
    assert told["or beside one that alerts"] == ["80.0%", "1 (1 in 4)"]
    assert told["used: 12 minutes there: alert"] == ["60.0%", "0"]
    assert told["used: 12 minutes there: alert or hint"] == ["80.0%", "1 (1 in 4)"]
    assert told["used: 12 minutes, after a block: alert"] == ["80.0%", "1 (1 in 4)"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--as", "gov.uk=org.uk"])
    assert unblockers.main() == 0
    assert capsys.readouterr().out.splitlines()[1].split()[-1] == "1"


def test_operators_stay_together_whatever_the_order():
    brands = {"a.one.com": "X", "b.two.com": "X", "c.two.com": "Link Dump", "d.six.com": "Link Dump", "e.one.com": "Y"}
    first = unblockers.halves(brands)
    again = unblockers.halves(dict(reversed(brands.items())))
    assert [set(part) for part in first] == [set(part) for part in again]
    together = {"a.one.com", "b.two.com", "c.two.com", "e.one.com"}
    assert any(together <= set(part) for part in first)
