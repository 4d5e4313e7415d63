"""What a technician installs: units that are hardened, rules that fire when they should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from filterwatch.metrics import Metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def run(*command: str | Path, cwd: Path = DEPLOY) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.e2e
@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: prometheus)")
def test_the_prometheus_rules_are_valid_and_fire_when_they_should():
    run("promtool", "check", "rules", "filterwatch.rules.yml", cwd=DEPLOY / "prometheus")
    run("promtool", "test", "rules", "filterwatch.test.yml", cwd=DEPLOY / "prometheus")


@pytest.mark.e2e
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_no_unit_is_exposed_above_two(unit):
    said = run("systemd-analyze", "security", "--offline=true", unit)

    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])
    assert exposure <= 2.0


def test_every_metric_that_a_rule_asks_for_exists():
    known = {f"{metric.name}{'_total' if metric.type == 'counter' else ''}" for metric in Metrics().registry.collect()}
    asked = set(re.findall(r"filterwatch_\w+", (DEPLOY / "prometheus" / "filterwatch.rules.yml").read_text()))

    assert asked <= known
