"""Newer category lists reach a daemon that runs: at once, whole, or not at all."""

from __future__ import annotations

import threading
from pathlib import Path

import polars as pl

from filterwatch import enrich, lists
from filterwatch.app.newest import Newest
from filterwatch.events import CATEGORY_BIT

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
