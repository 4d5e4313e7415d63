"""The two commands that judge lists of hosts."""

from __future__ import annotations

import lzma
import sys
from pathlib import Path

import pytest

from benchmarks import overblock, recall, unblockers
from filterwatch.lists import CategoryIndex

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


LISTED = """  {id}: {{title: Some list, address: "https://x.example", category: {category}, format: {format},
    licence: MIT, credit: somebody, homepage: "https://x.example", at_least: 2{more}}}
"""


@pytest.fixture
def at_hand(tmp_path):
    (tmp_path / "plain").write_text("bet1.example\nshop.bet2.example\nclinic.nhs.uk\n198.51.100.0/24\nx.org/a%20b\n")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "domains.xz").write_bytes(lzma.compress(b"odd.example\nxbet1.example\n203.0.113.7\n"))
    (tmp_path / "tree" / "urls").write_text("site.example/~odd/\n")
    (tmp_path / "resolved").write_text("chat.example\nfull:one.example\nregexp:^x\n")
    listed = [
        LISTED.format(id="plain", category="gambling", format="domains", more=", trust: low"),
        LISTED.format(id="tree", category="games", format="squidguard", more=", archive: tar.gz, pick: odd"),
        LISTED.format(id="resolved", category="chat", format="v2fly", more=", archive: tar.gz, pick: chat"),
        LISTED.format(id="bad", category="chat", format="domains", more=""),
    ]
    (tmp_path / "more.yaml").write_text("lists:\n" + "".join(listed))
    return tmp_path


def rows(capsys):
    told = capsys.readouterr().out.splitlines()
    return {
        line.split()[0]: [int(cell) for cell in line.split()[1:]] for line in told if line[40:].strip()[:1].isdigit()
    }


def test_recall_finds_what_lists_at_hand_name_and_nothing_that_ends_alike(at_hand, monkeypatch, capsys):
    given = [f"{name}={at_hand / name}" for name in ("plain", "tree", "resolved")]
    known = ["--catalogue", str(at_hand / "more.yaml"), "--rules", str(ROOT / "rules")]
    monkeypatch.setattr(sys, "argv", ["recall", *given, *known])
    assert recall.main() == 0
    # entries, wrong, left out, aside; names and missed; below and missed; alike; others and missed
    assert rows(capsys) == {
        "plain": [5, 0, 0, 1, 2, 0, 2, 0, 0, 4, 0],
        "tree": [4, 0, 0, 0, 2, 0, 2, 0, 0, 4, 0],
        "resolved": [2, 0, 1, 0, 2, 0, 1, 0, 0, 0, 0],
    }


def test_recall_tells_what_the_index_misses_or_gives_wrongly_and_what_is_refused(at_hand, monkeypatch, capsys):
    (at_hand / "bad").write_text("google.com\nchat.example\ntalk.example\n")
    given = [f"{name}={at_hand / name}" for name in ("plain", "bad")]
    known = ["--catalogue", str(at_hand / "more.yaml"), "--rules", str(ROOT / "rules")]
    monkeypatch.setattr(sys, "argv", ["recall", *given, *known])
    assert recall.main() == 1
    assert "bad: refused: it holds google.com" in capsys.readouterr().out
    right = CategoryIndex.lookup

    def wrong(index, hosts):
        return right(index, hosts.str.replace("^xbet1", "bet1").str.replace("bet2", "bet3"))

    monkeypatch.setattr(CategoryIndex, "lookup", wrong)
    monkeypatch.setattr(sys, "argv", ["recall", given[0], *known])
    assert recall.main() == 1
    assert rows(capsys)["plain"] == [5, 0, 0, 1, 2, 1, 2, 1, 1, 4, 0]


def test_ordinary_sites_are_asked_of_lists_as_fetched(at_hand, monkeypatch, capsys):
    (at_hand / "hosts").write_text("www.bet1.com\nwww.bbc.co.uk\n")
    fetched = at_hand / "fetched"
    fetched.write_text("".join(f"0.0.0.0 bet{n}.com\n" for n in range(1_000)))
    options = ["--rules", str(ROOT / "rules"), "--fetched", f"sinfonietta-gambling={fetched}"]
    monkeypatch.setattr(sys, "argv", ["overblock", str(at_hand / "hosts"), *options])
    assert overblock.main() == 1
    assert "hosts\twww.bet1.com\tgambling\tsinfonietta-gambling\tbet1.com" in capsys.readouterr().out
