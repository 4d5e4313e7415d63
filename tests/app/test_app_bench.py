"""filterwatch replay --against: what other rules would have done, told by rule."""

from __future__ import annotations

import json
import random
import shutil
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from typer.testing import CliRunner

from filterwatch import archive, records
from filterwatch.alerts import Settings
from filterwatch.alerts.settings import Grouping
from filterwatch.app import bench, bench_archive
from filterwatch.app.bench_alerts import Weights, estimate
from filterwatch.app.bench_archive import archived, days_asked
from filterwatch.app.places import shipped
from filterwatch.app.replay import Asked, settled
from filterwatch.app.settings import load
from filterwatch.cli import make_app
from filterwatch.clock import SystemClock
from filterwatch.errors import FilterwatchError
from filterwatch.events import DETECTION_SCHEMA, EVENT_SCHEMA, TIME
from filterwatch.journal import Commit, Counts, Journal
from filterwatch.lines import Checkpoint
from filterwatch.pipeline import Pass

records.setup(":memory:", "a secret for tests")

from filterwatch.alerts.desk import Desk  # noqa: E402
from filterwatch.alerts.grouping import sessions  # noqa: E402
from filterwatch.records.opening import open_registers  # noqa: E402

VPN = "1795600{:03}.000    120 10.10.1.{} TCP_TUNNEL/200 5000 CONNECT {}:443 pupil{} HIER_DIRECT/192.0.2.7 -\n"
CONFIG = """
site: replay
state: state
sources: [{name: squid, format: squid, path: access.log}]
people: {ranges: [{net: 10.10.0.0/16, group: pupils}]}
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
"""
MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


@pytest.fixture
def school(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(CONFIG)
    lines = [
        VPN.format(n * 83, n % 3, host, n % 3) for n, host in enumerate(["nordvpn.com", "x.test", "www.bet365.com"] * 4)
    ]
    (tmp_path / "access.log").write_text("".join(lines))
    ours, other = tmp_path / "ours", tmp_path / "other"
    (ours / "lists").mkdir(parents=True)
    (ours / "lists" / "gambling.txt").write_text("# category: gambling\nbet365.com\n")
    (ours / "lists" / "vpn.txt").write_text("# category: bypass\n# kind: vpn\nnordvpn.com\n")
    for name in ("gambling", "bypass-vpn"):
        shutil.copy(shipped("rules") / f"{name}.yaml", ours)
    shutil.copytree(ours, other)
    (other / "bypass-vpn.yaml").unlink()
    gambling = (other / "gambling.yaml").read_text()
    (other / "gambling.yaml").write_text(gambling.replace("level: medium", "level: high"))
    news = gambling.replace("id: gambling", "id: own").replace("categories: [gambling]", "host: x.test")
    (other / "own.yaml").write_text(news)
    return tmp_path


def run(school, *words):
    config = str(school / "filterwatch.yaml")
    command = ["replay", "--config", config, "--rules", str(school / "ours"), *map(str, words)]
    return CliRunner().invoke(make_app(), command, catch_exceptions=False)


def test_the_same_rules_change_nothing(school):
    done = run(school, school / "access.log", "--against", school / "ours")
    assert done.exit_code == 0
    assert "Nothing differs." in done.stdout


def test_added_removed_and_changed_detections_are_counted_by_rule(school):
    out = school / "diff.jsonl"
    done = run(school, school / "access.log", "--against", school / "other", "--output", out)

    rows = {line.split()[0]: line.split()[1:4] for line in done.stdout.splitlines() if line}
    assert done.exit_code == 1
    assert rows["bypass-vpn"] == ["0", "4", "0"]
    assert rows["own"] == ["4", "0", "0"]
    assert rows["gambling"] == ["0", "0", "4"]
    assert "medium >  " in done.stdout  # high on the next line
    assert max(map(len, done.stdout.splitlines())) <= 80
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert {(one["rule"], one["change"], one["level_before"]) for one in written} == {
        ("bypass-vpn", "removed", None),
        ("own", "added", None),
        ("gambling", "changed", "medium"),
    }
    assert (out.stat().st_mode & 0o777) == 0o600


def test_the_table_names_nobody_and_samples_show_hosts_that_link_nowhere(school):
    plain = run(school, school / "access.log", "--against", school / "other").stdout
    shown = run(school, school / "access.log", "--against", school / "other", "--samples", "2").stdout
    for told in (plain, shown):
        assert "pupil1" not in told
        assert "10.10.1" not in told
    assert "nordvpn" not in plain
    assert shown.count("removed 25 Nov") == 2
    assert "nordvpn[.]com" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_the_longest_names_of_rules_are_readable_as_a_whole_at_80_columns(school):
    names = sorted((path.stem for path in shipped("rules").glob("*.yaml")), key=len)[-12:]
    text = (school / "ours" / "gambling.yaml").read_text().replace("level: medium", "level: critical")
    for name in names:
        (school / "other" / f"{name}.yaml").write_text(text.replace("id: gambling", f"id: {name}"))
        ours = (school / "ours" / "gambling.yaml").read_text().replace("id: gambling", f"id: {name}")
        (school / "ours" / f"{name}.yaml").write_text(ours)
    told = run(school, school / "access.log", "--against", school / "other").stdout
    column = [line.partition(" ")[0] for line in told.splitlines() if line]
    assert all(name in "".join(column) for name in names)
    assert {"eating_disorder-", "someone_elses_login", "searches"} <= set(column)
    assert told.count("critical") == len(names)
    assert max(map(len, told.splitlines())) <= 80


def test_samples_of_a_comparison_are_refused_where_nothing_is_compared(school):
    with pytest.raises(FilterwatchError, match=r"--samples .*; name these with --against DIR, or leave --samples out"):
        run(school, school / "access.log", "--samples", "2")


def journalled(school):
    """Put the log's events into the journal; return the state directory."""
    asked = Asked(school / "filterwatch.yaml", school / "ours", sources=[f"squid={school / 'access.log'}"])
    known = asked.school()
    inputs = asked.inputs(known)
    work = Pass({one.source: one.feed for one in inputs}, known.enrichment(), known.bench())
    events = pl.concat(list(settled(work, inputs))).drop("line")
    state = load(school / "filterwatch.yaml").state
    state.mkdir()
    with Journal.open(state / "journal.db", writer=True, clock=SystemClock()) as journal:
        at = Checkpoint("squid", events["stream"][0], 10_000)
        journal.commit(Commit(MONDAY, at, 0, events, counts=Counts(12, 12)))
    return state


def test_last_week_is_judged_again_straight_from_the_archive(school):
    state = journalled(school)

    words = ("--from", "2026-11-25", "--to", "2026-11-25")
    done = run(school, *words, "--against", school / "other")
    rows = {line.split()[0]: line.split()[1:4] for line in done.stdout.splitlines() if line}
    assert done.exit_code == 1
    assert (rows["bypass-vpn"], rows["own"]) == (["0", "4", "0"], ["4", "0", "0"])
    assert "by rules and detectors" in done.stderr
    again = run(school, *words)
    held = [json.loads(line)["rule"] for line in again.stdout.splitlines()]
    assert held.count("bypass-vpn") == 4
    assert "Not replayed: source_silent and source_speaks" in " ".join(again.stderr.split())
    assert max(map(len, again.stderr.splitlines())) <= 80
    with pytest.raises(FilterwatchError, match="holds no event from 2026-10-01"):
        run(school, "--from", "2026-10-01", "--to", "2026-10-02")
    with pytest.raises(FilterwatchError, match="either logs, or days"):
        run(school, school / "access.log", "--last", "7d")
    assert archive.scan(state / "archive").collect().is_empty()


def test_detectors_judge_archived_events_by_the_lists_of_either_side(school):
    config = school / "filterwatch.yaml"
    config.write_text(
        config.read_text() + "detectors: {bypass: {bypass_persistence: {level: low, at_least: 3, within: 2h}}}\n"
    )
    log = (
        (school / "access.log")
        .read_text()
        .replace("TCP_TUNNEL/200 5000 CONNECT nordvpn", "TCP_DENIED/403 0 CONNECT nordvpn")
    )
    (school / "access.log").write_text(log + VPN.format(990, 0, "nordvpn.com", 0).replace("1795600", "1795640") * 3)
    state = journalled(school)
    stop = pl.DataFrame(
        {
            "time": [MONDAY + timedelta(days=2, hours=hours) for hours in (0, 1)], "kind": "control", "site": "replay",
            "control_event": ["filter_stopped", "filter_started"], "control_service": "squid", "source": "journald",
            "stream": "j", "line_offset": [0, 10], "line_length": 9, "local_date": date(2026, 11, 25),
        },
        schema_overrides={name: EVENT_SCHEMA[name] for name in ("time", "kind", "control_event", "line_length")},
    )  # fmt: skip
    with Journal.open(state / "journal.db", writer=True, clock=SystemClock()) as journal:
        journal.commit(Commit(MONDAY, Checkpoint("journald", "j", 20), 0, stop))
    (school / "other" / "lists" / "vpn.txt").unlink()
    words = ("--from", "2026-11-25", "--to", "2026-11-25")
    held = [json.loads(line)["rule"] for line in run(school, *words).stdout.splitlines()]
    assert {"filter_off", "filter_restored", "bypass_persistence"} <= set(held)
    assert not {"source_silent", "source_speaks"} & set(held)
    differs = run(school, *words, "--against", school / "other").stdout
    assert "bypass_persistence" in differs
    assert "filter_off" not in differs


def test_days_that_hold_nothing_are_not_looked_at(school, monkeypatch):
    journalled(school)
    looked, passed = [], []
    scan = archive.scan
    monkeypatch.setattr(archive, "scan", lambda *words, **days: looked.append(days["start"]) or scan(*words, **days))

    known = load(school / "filterwatch.yaml")
    asked = date(1, 1, 1), date(9999, 12, 30)
    assert sum(map(len, archived(known, asked, passed.append))) == 12
    assert looked == [date(2026, 11, 25)]
    assert sum(passed) == (looked[0] - asked[0]).days + 1


def test_a_day_is_read_in_pieces_in_the_order_in_which_its_lines_were_read(school, monkeypatch):
    state, draw = load(school / "filterwatch.yaml").state, random.Random(3)
    state.mkdir()
    begin = datetime(2026, 11, 25, 22, 0, tzinfo=UTC)
    with Journal.open(state / "journal.db", writer=True, clock=SystemClock()) as journal:
        for n, (source, stream) in enumerate((("squid", "a"), ("squid", "b"), ("dns", "a"), ("dns", "c"))):
            # Four hours around midnight; clocks step back, and some lines have no time.
            at = [begin + timedelta(seconds=360 * k + draw.randrange(-900, 900)) for k in range(40)]
            events = pl.DataFrame(
                {
                    "time": [None if draw.random() < 0.1 else time for time in at],
                    "source": source, "stream": stream, "site": "replay", "line_offset": [10 * k for k in range(40)],
                    "local_date": [time.date() for time in at],
                },
                schema_overrides={"time": TIME},
            )  # fmt: skip
            journal.commit(Commit(begin + timedelta(minutes=n), Checkpoint(source, stream, 400), 0, events))
            if n == 1:
                archive.seal(journal, state / "archive", now=begin + timedelta(days=9))

    def read(frame):
        monkeypatch.setattr(bench_archive, "FRAME", frame)
        frames = list(archived(load(school / "filterwatch.yaml"), (date(2026, 11, 25), date(2026, 11, 26))))
        assert max(map(len, frames)) <= frame
        return pl.concat(frames).select("source", "stream", "line_offset", "time")

    whole = read(1000)
    assert read(7).equals(whole)
    assert len(whole) == 160
    of_a_stream = whole.partition_by("source", "stream")
    # A stream is cut at midnight by the times of its lines; in each half its lines keep their order.
    assert all((one["line_offset"].diff() < 0).sum() <= 1 for one in of_a_stream)
    come_to = whole.select(pl.col("time").forward_fill().cum_max().over("source", "stream").fill_null(begin))
    assert (come_to["time"].diff() < timedelta()).sum() <= 1


def test_days_are_those_before_today_and_nonsense_is_refused():
    today = MONDAY.date()
    assert days_asked(None, None, None, today) is None
    assert [day.isoformat() for day in days_asked(None, None, "7d", today)] == ["2026-11-16", "2026-11-22"]
    assert [day.isoformat() for day in days_asked(None, "2026-11-20", "1w", today)] == ["2026-11-14", "2026-11-20"]
    assert [day.isoformat() for day in days_asked("2026-11-20", None, None, today)] == ["2026-11-20", "2026-11-22"]
    for wrong in ((None, None, "0d"), (None, None, "7"), ("x", None, None), ("2026-11-23", "2026-11-22", None)):
        with pytest.raises(FilterwatchError):
            days_asked(*wrong, today)


def detections(seed: int) -> pl.DataFrame:
    draw = random.Random(seed)
    rules = [
        ("gambling", "gambling", "medium", "breach"), ("bypass-vpn", "bypass", "high", "breach"),
        ("csam", "csam", "critical", "breach"), ("suicide-searches", "suicide", "critical", "welfare"),
        ("games", "games", "low", "advisory"), ("x", None, "informational", "advisory"),
        ("adult", "adult", "high", None),
    ]  # fmt: skip
    rows = []
    for n in range(draw.randrange(1, 120)):
        rule, category, level, outcome = draw.choice(rules)
        rows.append(
            {
                "id": f"{n:032}", "time": MONDAY + timedelta(minutes=draw.randrange(2000) ** 2 // 900), "rule": rule,
                "category": category, "level": level, "outcome": outcome, "person": draw.choice([None, "", "a", "b"]),
                "device": draw.choice([None, "d"]), "client_ip": draw.choice([None, "10.0.0.1"]),
                "identity": draw.choice([None, "authenticated", "lease", "address"]),
                "group": draw.choice([None, "pupils", "staff", "governors"]), "site": draw.choice([None, "s"]),
            }
        )  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in DETECTION_SCHEMA} for row in rows], DETECTION_SCHEMA)


@pytest.fixture(scope="module")
def registers(tmp_path_factory):
    open_registers(records.Settings(), tmp_path_factory.mktemp("registers"))
    yield
    records.setup(":memory:", "a secret for tests")


@pytest.mark.usefixtures("registers")
@pytest.mark.parametrize("seed", range(25))
def test_the_estimate_counts_the_alerts_that_grouping_makes(seed):
    settings = Settings.model_construct(recipients={}, levels={"low": "daily"}, grouping=Grouping())
    found = detections(seed)
    made = sessions(found.iter_rows(named=True), Desk(settings, ZoneInfo("Europe/London"), "secret"))
    estimated = estimate(found, settings)
    assert estimated.alerts == len(made)
    for rule in found["rule"].unique():
        assert estimated.by_rule[rule] == sum(any(d["rule"] == rule for d in one.detections) for one in made), rule


def test_a_sealed_file_that_is_gone_or_damaged_is_told_without_a_traceback(school):
    state = journalled(school)
    with Journal.open(state / "journal.db", writer=True, clock=SystemClock()) as journal:
        archive.seal(journal, state / "archive", now=MONDAY + timedelta(days=30))
    (sealed,) = (state / "archive").rglob("*.parquet")
    words = ("--from", "2026-11-25", "--to", "2026-11-25", "--against", school / "other")
    assert run(school, *words).exit_code == 1
    whole = sealed.read_bytes()
    sealed.write_bytes(whole[:500])
    with pytest.raises(FilterwatchError, match="a segment is unreadable; run filterwatch verify"):
        run(school, *words)
    sealed.unlink()
    with pytest.raises(FilterwatchError, match="a segment is gone; run filterwatch verify"):
        run(school, *words)


def test_days_without_any_event_are_named(school):
    with (school / "access.log").open("a") as log:
        log.write(VPN.replace("1795600{:03}", "1795870{:03}").format(0, 1, "x.test", 1))
    told = run(school, school / "access.log", "--against", school / "other").stdout
    assert "over 4 days" in told
    assert "No event at all on Thu 26 Nov, Fri 27 Nov." in told


LONDON = ZoneInfo("Europe/London")
WEEK_OF_DAYS = [MONDAY.date() + timedelta(days=n) for n in range(7)]


def test_a_week_is_estimated_from_its_school_days_and_a_day_without_events_thins_nothing():
    whole = Weights.of(WEEK_OF_DAYS, WEEK_OF_DAYS, LONDON)
    assert (whole.at(MONDAY, "daily"), whole.at(MONDAY + timedelta(days=5), "daily"), whole.weekly) == (1, 1, 1)
    monday = Weights.of(WEEK_OF_DAYS[:1], WEEK_OF_DAYS[:1], LONDON)
    assert (monday.at(MONDAY, "immediate"), monday.at(MONDAY, "weekly")) == (5, 1)
    gaps = Weights.of(WEEK_OF_DAYS[:5], WEEK_OF_DAYS[:2], LONDON)
    assert gaps.at(MONDAY, "daily") == 2.5
    fortnight = [*WEEK_OF_DAYS, *(day + timedelta(days=7) for day in WEEK_OF_DAYS)]
    both = Weights.of(fortnight, fortnight, LONDON)
    assert (both.at(MONDAY, "daily"), both.at(MONDAY, "weekly")) == (0.5, 0.5)
    night = datetime(2026, 7, 17, 23, 30, tzinfo=UTC)  # in London it is Saturday
    assert Weights.of([night.date()], [night.date()], LONDON).at(night, "daily") == 1
    assert Weights.of([], [], LONDON).at(MONDAY, "daily") == 1


def test_a_day_is_scaled_to_five_and_called_a_guess(school):
    done = run(school, school / "access.log", "--against", school / "other")
    assert "4 before" not in done.stdout
    assert "A guess: less than a week was judged" in done.stdout


def test_a_rule_with_another_name_is_told_and_so_is_one_that_changes_nothing(school):
    other = school / "other"
    shutil.rmtree(other)
    shutil.copytree(school / "ours", other)
    text = (other / "bypass-vpn.yaml").read_text()
    (other / "tunnels.yaml").write_text(text.replace("id: bypass-vpn", "id: tunnels"))
    (other / "bypass-vpn.yaml").unlink()
    (other / "gambling.yaml").write_text((other / "gambling.yaml").read_text().replace("title: ", "title: Other "))
    told = " ".join(run(school, school / "access.log", "--against", other).stdout.split())
    assert "tunnels holds for the very lines that bypass-vpn held for: renamed." in told
    assert "change nothing here: gambling." in told


@pytest.mark.parametrize("what", ["logs", "archive"])
def test_rules_are_judged_with_the_lists_beside_them(school, what):
    other = school / "other"
    shutil.rmtree(other)
    shutil.copytree(school / "ours", other)
    (other / "lists" / "gambling.txt").write_text("# category: gambling\nx.test\n")
    words = [school / "access.log"]
    if what == "archive":
        journalled(school)
        words = ["--from", "2026-11-25", "--to", "2026-11-25"]
    done = run(school, *words, "--against", other, "--samples", "20")
    (row,) = (line.split()[1:4] for line in done.stdout.splitlines() if line.startswith("gambling  "))
    assert row == ["4", "4", "0"]
    assert "removed 25 Nov 09:49, pupils, www[.]bet365[.]com" in done.stdout
    assert "added 25 Nov 09:48, pupils, x[.]test" in done.stdout


@pytest.mark.parametrize("what", ["logs", "archive"])
def test_a_changed_pack_of_terms_is_a_changed_rule(school, what):
    with (school / "access.log").open("a") as log:
        log.write(
            VPN.format(999, 1, "x.test", 1).replace("CONNECT x.test:443", "GET http://www.google.com/search?q=zorb")
        )
    (school / "ours" / "terms").mkdir()
    pack = "id: hacking\nlanguage: en\nterms: [{term: flonk}]\n"
    (school / "ours" / "terms" / "hacking.yaml").write_text(pack)
    text = (shipped("rules") / "hacking-searches.yaml").read_text()
    (school / "ours" / "hacking-searches.yaml").write_text(text)
    other = school / "other"
    shutil.rmtree(other)
    shutil.copytree(school / "ours", other)
    (other / "terms" / "hacking.yaml").write_text(pack.replace("flonk", "zorb"))
    words = [school / "access.log"]
    if what == "archive":
        journalled(school)
        words = ["--from", "2026-11-25", "--to", "2026-11-25"]
    done = run(school, *words, "--against", other)
    (row,) = (line.split()[1:4] for line in done.stdout.splitlines() if line.startswith("hacking"))
    assert row == ["1", "0", "0"]


def test_archived_days_are_judged_by_windows_visits_and_terms_like_the_log(school):
    config = (school / "filterwatch.yaml").read_text()
    (school / "filterwatch.yaml").write_text(
        config + "calendar: {terms: [{from: 2026-09-01, to: 2026-12-18}]}\nrules: ours\n"
    )
    text = (school / "ours" / "gambling.yaml").read_text()
    when = 'when: {windows: [{days: mon-fri, from: "09:46", to: "10:00"}], terms: term_time}\noutcome:'
    windows = text.replace("outcome:", when)
    (school / "ours" / "gambling.yaml").write_text(windows.replace("categories: [gambling]", "host: [bet365.com]"))
    (school / "ours" / "bypass-vpn.yaml").write_text(
        (school / "ours" / "bypass-vpn.yaml").read_text().replace("outcome:", "visits: only\noutcome:")
    )
    journalled(school)
    live = run(school, "--source", f"squid={school / 'access.log'}").stdout.splitlines()
    again = run(school, "--from", "2026-11-25", "--to", "2026-11-25").stdout.splitlines()
    assert [json.loads(line)["rule"] for line in again] == [json.loads(line)["rule"] for line in live]
    assert 0 < sum(json.loads(line)["rule"] == "gambling" for line in live) < 4


def test_an_output_that_cannot_be_written_is_told_before_the_work_and_a_file_is_for_its_owner_alone(school):
    with pytest.raises(FilterwatchError, match=r"--output /nowhere/x: cannot be written: No such file"):
        run(school, school / "access.log", "--output", "/nowhere/x")
    out = school / "diff.jsonl"
    out.write_text("old")
    out.chmod(0o644)
    run(school, school / "access.log", "--against", school / "other", "--output", out)
    assert (out.stat().st_mode & 0o777) == 0o600
    assert run(school, school / "access.log", "--against", school / "other", "--samples", "-1").exit_code == 2


def test_what_only_one_holds_and_what_both_hold_otherwise_differs():
    was = detections(3).with_columns(line=pl.lit(None, pl.Int64), change=pl.lit("")).select(bench.KEPT)
    is_ = was.slice(5).with_columns(level=pl.lit("high", was.schema["level"]))
    found = bench.difference(was, is_)
    assert set(found.filter(pl.col("change") == "removed")["id"]) == set(was["id"][:5])
    assert set(found.filter(pl.col("change") == "changed")["id"]) == set(
        was.slice(5).filter(pl.col("level") != "high")["id"]
    )
    back = bench.difference(is_, was)
    assert back.filter(pl.col("change") == "added").height == 5
