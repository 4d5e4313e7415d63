"""Lists that are carried: bundles and single files, believed no more than what is fetched; damage in the store."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from datetime import timedelta

import pytest
from list_bench import GOOD, NAMES, PORTAL, Bench, text
from list_server import gives, tar, versioned

from filterwatch.errors import FilterwatchError
from filterwatch.lists.bundles import export, unpacked


def contents(id_: str, content: bytes, at: str = "2026-11-02T03:00:00Z") -> bytes:
    return json.dumps({"lists": {id_: {"sha256": hashlib.sha256(content).hexdigest(), "at": at}}}).encode()


@pytest.fixture
def there(server, tmp_path):
    (tmp_path / "there").mkdir()
    return Bench(server, tmp_path / "there")


def carried(bundle, there, **said):
    with there.store.locked():
        return [there.carry(one, **said) for one in unpacked(bundle, there.store)]


def test_a_bundle_carries_lists_and_is_judged_where_it_arrives(bench, there, tmp_path):
    bench.update(gives(text(*NAMES, "=one.example", "198.51.100.0/24", "host.example/bad", "clinic.nhs.uk")))
    bundle = tmp_path / "lists.tar"
    assert export(bench.store, ["bad"], bundle) == ["bad"]
    assert [one.said for one in carried(bundle, there)] == ["104 entries, 1 set aside"]
    assert there.entries() == bench.entries()
    assert not there.server.asked[1:]


@pytest.mark.parametrize(
    "raw",
    [
        b"no tar",
        tar(("bad.list", GOOD), mode="w"),
        tar(("filterwatch-lists.json", b"{"), mode="w"),
        tar(("filterwatch-lists.json", b'{"lists": {"bad": {"sha256": "00"}}}'), ("bad.list", GOOD), mode="w"),
        tar(("filterwatch-lists.json", b'{"lists": {}}'), ("../bad.list", GOOD), mode="w"),
        tar(("filterwatch-lists.json", b'{"lists": {}}'), mode="w"),
        tar(("filterwatch-lists.json", contents("bad", GOOD, at="2026-11-02T03:00:00")), ("bad.list", GOOD), mode="w"),
    ],
)
def test_what_is_no_bundle_is_refused(bench, tmp_path, raw):
    path = tmp_path / "bundle.tar"
    path.write_bytes(raw)
    with bench.store.locked(), pytest.raises(FilterwatchError, match="no bundle of lists"):
        list(unpacked(path, bench.store))


def test_the_file_of_a_list_can_be_carried_too(bench, tmp_path):
    (tmp_path / "list").write_bytes(GOOD)
    with bench.store.locked():
        assert bench.updater().take("bad", tmp_path / "list").word == "updated"
        (tmp_path / "list").write_bytes(PORTAL)
        assert bench.updater().take("bad", tmp_path / "list").word == "refused"
    assert bench.entries() == NAMES


def test_a_bundle_that_was_cut_or_changed_gives_nothing_at_all(bench, there, tmp_path):
    bench.update(gives(GOOD))
    bundle = tmp_path / "lists.tar"
    export(bench.store, ["bad"], bundle)
    whole = bundle.read_bytes()
    for raw in (whole[:700], whole[:1500], whole[:-9000], whole.replace(b"bad5.example", b"bax5.example")):
        bundle.write_bytes(raw)
        with pytest.raises(FilterwatchError, match="no bundle of lists"):
            carried(bundle, there)
    assert not there.store.read()
    bundle.write_bytes(whole)
    assert [one.word for one in carried(bundle, there)] == ["updated"]


def test_an_older_bundle_is_told_from_a_newer_one_and_a_list_stays_as_old_as_it_is(bench, there, tmp_path):
    bench.update(gives(GOOD))
    first, later = tmp_path / "first.tar", tmp_path / "later.tar"
    export(bench.store, ["bad"], first)
    made = bench.kept.current.at
    bench.update(gives(text(*NAMES, "new.example")))
    bench.update()
    export(bench.store, ["bad"], later)
    there.clock.move(timedelta(days=60))
    assert carried(first, there)[0].word == "updated"
    assert (there.kept.current.at, there.kept.newest) == (made, made)
    assert carried(later, there)[0].said == "101 entries, +1"
    assert there.kept.newest == bench.kept.newest > there.kept.current.at > made
    outcome = carried(first, there)[0]
    assert (outcome.word, "older than the one in use" in outcome.said) == ("refused", True)
    assert not there.kept.problem
    assert carried(later, there)[0].word == "unchanged"
    assert not there.kept.problem
    assert carried(first, there, accept=True)[0].said == "100 entries, -1"


def test_a_full_disk_keeps_nothing_of_a_bundle(bench, there, tmp_path, monkeypatch):
    bench.update(gives(GOOD))
    export(bench.store, ["bad"], tmp_path / "lists.tar")

    def full(_, file, *_said):
        file.write(b"bad1.ex")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(FilterwatchError, match="No space left on device"):
        carried(tmp_path / "lists.tar", there)
    assert [file.name for file in there.store.directory.iterdir()] == [".lock"]


def test_a_bundle_from_the_future_is_as_old_as_today(there, tmp_path):
    bundle = tmp_path / "lists.tar"
    manifest = contents("bad", GOOD, "2099-01-01T00:00:00Z")
    bundle.write_bytes(tar(("filterwatch-lists.json", manifest), ("bad.list", GOOD), mode="w"))
    assert carried(bundle, there)[0].word == "updated"
    assert there.kept.current.at == there.clock.now()


@pytest.mark.parametrize("damage", [b"", b"bad1.example\n", b"\0\xff" * 99, None])
def test_a_damaged_file_of_the_store_is_fetched_anew(bench, tmp_path, damage):
    bench.update(versioned(GOOD))
    file = bench.store.file(bench.kept.current)
    file.unlink() if damage is None else file.write_bytes(damage)
    with pytest.raises(FilterwatchError, match="gone or damaged; run `filterwatch lists update`"):
        export(bench.store, ["bad"], tmp_path / "lists.tar")
    assert bench.update().word == "updated"
    assert bench.entries() == NAMES
    assert bench.kept.previous is None


def test_nobody_goes_back_to_a_damaged_file(bench):
    bench.update(gives(GOOD))
    bench.update(gives(text(*NAMES, "new.example")))
    bench.store.file(bench.kept.previous).write_bytes(b"bad1.example\n")
    with bench.store.locked(), pytest.raises(FilterwatchError, match="the version before is damaged"):
        bench.updater().rollback("bad")
