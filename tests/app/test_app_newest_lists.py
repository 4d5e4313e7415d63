"""Newer category lists reach a daemon that runs: at once, whole, or not at all."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from filterwatch import enrich, lists
from filterwatch.app import doctor
from filterwatch.app.newest import ListAges, Newest
from filterwatch.app.settings import load
from filterwatch.clock import ManualClock
from filterwatch.events import CATEGORY_BIT
from filterwatch.lists.store import Kept, Store, Version
from filterwatch.metrics import Metrics

GAMBLING, GAMES = CATEGORY_BIT["gambling"], CATEGORY_BIT["games"]
HOSTS = [f"site{n}.example" for n in range(500)]


def compiled(directory: Path, category: str, hosts: list[str]) -> lists.CategoryIndex:
    source = directory / "list.txt"
    source.write_text("\n".join([f"# category: {category}", *hosts]) + "\n")
    return lists.prepare(source, directory / "lists.index")


def test_while_batches_pass_lists_are_replaced_and_every_batch_sees_one_of_them(tmp_path):
    index = compiled(tmp_path, "gambling", HOSTS)
    context = enrich.build(enrich.Settings(), index)
    newest = Newest(index, context.use)
    seen: list[set[int]] = []
    stop = threading.Event()

    def ingest() -> None:
        events = pl.DataFrame(
            {"time": [None] * len(HOSTS), "host": HOSTS}, schema_overrides={"time": pl.Datetime("us", "UTC")}
        )
        while not stop.is_set():
            seen.append(set(context.prepare(events)["category_bits"].to_list()))

    thread = threading.Thread(target=ingest)
    thread.start()
    for n in range(10):
        compiled(tmp_path, "games" if n % 2 == 0 else "gambling", HOSTS)
        assert newest.look()
        assert not newest.look()
    compiled(tmp_path, "games", HOSTS)
    newest.look()
    done = len(seen)
    while len(seen) < done + 3:
        thread.join(0.01)
    stop.set()
    thread.join()
    assert all(one in ({GAMBLING}, {GAMES}) for one in seen)
    assert seen[-1] == {GAMES}


def test_a_damaged_index_is_told_once_and_the_old_one_goes_on(tmp_path, caplog):
    index = compiled(tmp_path, "gambling", HOSTS)
    used: list[lists.CategoryIndex] = []
    newest = Newest(index, used.append)
    whole = (tmp_path / "lists.index").read_bytes()
    (tmp_path / "other").write_bytes(whole[:-100] + b"x" * 100)
    (tmp_path / "other").replace(tmp_path / "lists.index")
    assert not newest.look()
    assert not newest.look()
    assert len([one for one in caplog.records if "not taken" in one.message]) == 1
    assert not used
    assert newest.index.lookup(pl.Series(HOSTS[:1])).to_list() == [GAMBLING]
    (tmp_path / "lists.index").unlink()
    assert not newest.look()
    compiled(tmp_path, "games", HOSTS)
    assert newest.look()
    assert used[0].lookup(pl.Series(HOSTS[:1])).to_list() == [GAMES]


CONFIG = """
site: lists
state: state
sources: [{name: squid, format: squid, path: access.log}]
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
lists: {use: [ut1-gambling, ut1-drogue]}
"""
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


@pytest.fixture
def school(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(CONFIG)
    (tmp_path / "state").mkdir()
    configuration = load(tmp_path / "filterwatch.yaml")
    store = Store(configuration.state / "lists")
    with store.locked():
        new = store.new()
        new.write_text("bet365.com\n")
        file, digest = store.take(new, "ut1-gambling")
        version = Version(file=file, sha256=digest, digest=digest, at=NOW - timedelta(days=30), entries=1)
        store.write({"ut1-gambling": Kept(current=version, looked=NOW, confirmed=NOW - timedelta(days=2))})
    return configuration, store


def told(metrics):
    return {
        name: [metrics.registry.get_sample_value(f"filterwatch_list_{name}", {"list": id_}) for id_ in IDS]
        for name in ("newest_timestamp_seconds", "problem")
    }


IDS = ("ut1-gambling", "ut1-drogue")


def test_the_age_of_each_public_list_is_told_and_what_was_not_taken(school):
    configuration, store = school
    metrics = Metrics()
    ages = ListAges(configuration, ManualClock(NOW), metrics)
    ages.look()
    newest = (NOW - timedelta(days=2)).timestamp()
    assert told(metrics) == {"newest_timestamp_seconds": [newest, 0], "problem": [0, 1]}
    with store.locked():
        known = store.read()
        refused = known["ut1-gambling"].model_copy(update={"problem": "it holds google.com"})
        store.write({"ut1-gambling": refused})
    ages.look()
    assert told(metrics) == {"newest_timestamp_seconds": [newest, 0], "problem": [1, 1]}


def test_a_damaged_state_is_told_once_and_every_list_has_a_problem(school, caplog):
    configuration, store = school
    metrics = Metrics()
    ages = ListAges(configuration, ManualClock(NOW), metrics)
    (store.directory / "state.json").write_text("{")
    ages.look()
    ages.look()
    assert told(metrics)["problem"] == [1, 1]
    assert len(caplog.records) == 1


def test_doctor_names_lists_that_are_missing_refused_or_old(school):
    configuration, store = school
    whats = [one.what for one in doctor.lists.fetched(doctor.Gateway(configuration, NOW))]
    assert whats == ["The public list ut1-drogue (drugs): never fetched."]
    late = list(doctor.lists.fetched(doctor.Gateway(configuration, NOW + timedelta(days=13))))
    assert late[0].what == "The public list ut1-gambling (gambling): not known to be the newest for 15 days."
    assert late[0].why == "Its version of 23 Oct 2026 is used and misses newer sites."
    store.file(store.read()["ut1-gambling"].current).write_text("")
    damaged = next(doctor.lists.fetched(doctor.Gateway(configuration, NOW)))
    assert "its file is gone or damaged" in damaged.what


def test_a_school_without_public_lists_tells_nothing(tmp_path):
    (tmp_path / "filterwatch.yaml").write_text(CONFIG.replace("lists: {use: [ut1-gambling, ut1-drogue]}", ""))
    metrics = Metrics()
    ListAges(load(tmp_path / "filterwatch.yaml"), ManualClock(NOW), metrics).look()
    assert told(metrics)["problem"] == [None, None]
