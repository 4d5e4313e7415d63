"""The made-up school that says how often the detector of strange sites speaks."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np

from benchmarks import strange_school

ROOT = Path(__file__).parents[2]


def test_a_small_school_is_told_of_unblockers_and_hardly_of_anything_else(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(strange_school, "PIECES", 100)
    (tmp_path / "lists").mkdir()  # names alone: lists of sites cost seconds and say nothing of these
    shutil.copy(ROOT / "rules" / "lists" / "names.yaml", tmp_path / "lists")
    (tmp_path / "hosts").write_text("".join(f"tenant.vendor{n}.com\nwww.shop{n}.co.uk\n" for n in range(200)))
    (tmp_path / "bad").write_text("skylight.duckdns.org\nmath-fun.duckdns.org\nx7.joes-pizza.lol\n")
    for more in ([], ["--dns"]):
        arguments = ["--unblockers", str(tmp_path / "bad"), "--pupils", "60", "--staff", "10", "--days", "6"]
        command = ["strange_school", str(tmp_path / "hosts"), "--rules", str(tmp_path), *arguments, *more]
        monkeypatch.setattr(sys, "argv", command)
        assert strange_school.main() == 0
        head, day, cost, state, telling = capsys.readouterr().out.splitlines()
        assert head.split()[0] == "day"
        number, _, _, wrong, hints, used, by_name, alerts, weak = map(int, day.replace(",", "").split())
        assert number == 6
        assert used >= 10
        assert by_name + alerts + weak >= 0.7 * used
        assert wrong <= 3
        assert hints <= 20
        assert cost.endswith("us of processor an event")
        assert telling.endswith("ms to tell what is remembered")
        assert state.startswith("state: ")


def test_the_same_seed_makes_the_same_day():
    hosts = [f"www.shop{n}.co.uk" for n in range(100)]
    one, other = (strange_school.world(hosts, np.random.default_rng(3)) for _ in range(2))
    assert one.hosts == other.hosts
    people = {"pupils": 20, "staff": 2}
    days = [strange_school.day(of, 1, people, np.random.default_rng(4), ()) for of in (one, other)]
    assert days[0].equals(days[1])
    assert days[0]["time"].is_sorted()
