"""Files of fetched lists that are gone or damaged: what was made of them stays, and the daemon starts."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from filterwatch.app.parts import School
from filterwatch.app.settings import load
from filterwatch.events import CATEGORY_BIT
from filterwatch.lists.reading import sha256
from filterwatch.lists.store import Kept, Store, Version

CONFIG = """
site: lists
state: state
sources: [{name: squid, format: squid, path: access.log}]
alerts: {recipients: {coordinator: {name: A, channels: [m]}, head: {name: B, channels: [n]}}}
delivery: {channels: {m: {url: "json://127.0.0.1"}, n: {url: "json://127.0.0.1"}}}
lists: {shipped: false, use: [v2fly-porn, public-suffix-list]}
"""


@pytest.fixture
def school(tmp_path):
    """A school that fetched two lists."""
    (tmp_path / "filterwatch.yaml").write_text(CONFIG)
    store = Store(tmp_path / "state" / "lists")
    known = {}
    with store.locked():
        for id_, text in {
            "v2fly-porn": "bad.example\n",
            "public-suffix-list": "// ===BEGIN ICANN DOMAINS===\n",
        }.items():
            path = store.directory / f"{id_}.list"
            path.write_text(text)
            said = Version(file=path.name, sha256="", digest=sha256(path), at=datetime.now(UTC), entries=1)
            known[id_] = Kept(current=said)
        store.write(known)
    configuration = load(tmp_path / "filterwatch.yaml")
    return School(configuration, configuration.rules), store


def bits(school: School) -> list[int]:
    return school.index().lookup(pl.Series(["www.bad.example"])).to_list()


def test_a_list_whose_file_is_gone_counts_as_long_as_the_index_lasts(school, caplog):
    one, store = school
    assert bits(one) == [CATEGORY_BIT["adult"]]
    (store.directory / "v2fly-porn.list").unlink()
    assert bits(one) == [CATEGORY_BIT["adult"]]
    (store.directory.parent / "lists.index").unlink()
    assert bits(one) == [0]
    assert "Damaged lists are left out: v2fly-porn" in caplog.text


@pytest.mark.parametrize("damage", [b"\xff", b"", None])
def test_a_damaged_suffix_list_is_left_aside(school, caplog, damage):
    one, store = school
    path = store.directory / "public-suffix-list.list"
    path.unlink() if damage is None else path.write_bytes(damage)
    one.enrichment()
    assert "Public Suffix List is damaged" in caplog.text
