"""How far a list is trusted: what its lone word gives, and who agrees with whom."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from filterwatch import lists
from filterwatch.app.places import shipped
from filterwatch.events import CATEGORY_BIT, LONE_BIT
from filterwatch.lists.catalogue import Listed, load

ADULT, GAMES = CATEGORY_BIT["adult"], CATEGORY_BIT["games"]
VPN = CATEGORY_BIT["bypass"] | CATEGORY_BIT["bypass.vpn"]
LONE = ADULT | LONE_BIT["adult"]


def listed(path: Path, name: str, *entries: str, **said: str) -> lists.ListFile:
    file = path / f"{name}.list"
    file.write_text("\n".join(entries) + "\n")
    facts = {"title": "list", "address": "https://x.example", "category": "adult", "licence": "MIT",
             "credit": "somebody", "homepage": f"https://{name}.example", "trust": "low"} | said  # fmt: skip
    return Listed(**facts).file(name, file)


@pytest.fixture
def bits(tmp_path):
    def ask(*sources: lists.ListFile | Path, own: tuple[Path, ...] = ()) -> list[int]:
        index = lists.prepare(sources, tmp_path / "lists.index", own=own)
        return index.lookup(pl.Series(["a.test", "www.a.test"])).to_list()

    return ask


def test_a_list_of_low_trust_is_a_lone_word_until_another_maker_says_the_same(bits, tmp_path):
    one, other = listed(tmp_path, "one", "a.test"), listed(tmp_path, "other", "a.test")
    copy = listed(tmp_path, "copy", "a.test", maker="https://one.example")
    medium = listed(tmp_path, "medium", "=www.a.test", trust="medium")
    assert bits(one) == [LONE, LONE]
    assert bits(one, copy) == [LONE, LONE]
    assert bits(one, other) == [ADULT, ADULT]
    assert bits(one, medium) == [LONE, ADULT]


def test_another_category_is_no_agreement(bits, tmp_path):
    one = listed(tmp_path, "one", "a.test")
    assert bits(one, listed(tmp_path, "games", "a.test", category="games")) == [LONE | GAMES] * 2
    sure = listed(tmp_path, "sure", "a.test", category="games", trust="high")
    assert bits(one, sure) == [LONE | GAMES] * 2
    vpn = listed(tmp_path, "vpn", "a.test", category="bypass", kind="vpn")
    assert bits(vpn, sure) == [VPN | GAMES | LONE_BIT["bypass"]] * 2


def test_what_is_allowed_or_what_the_school_lists_itself_is_not_doubted(bits, tmp_path):
    one = listed(tmp_path, "one", "a.test")
    allow, own = tmp_path / "allow.txt", tmp_path / "own.txt"
    allow.write_text("# category: adult\n# mode: allow\nwww.a.test\n")
    own.write_text("# category: adult\na.test\n")
    assert bits(one, allow) == [LONE, 0]
    assert bits(one, allow, own=(own,)) == [ADULT, ADULT]


def test_an_index_is_made_anew_when_a_list_is_trusted_otherwise(bits, tmp_path):
    assert bits(listed(tmp_path, "one", "a.test")) == [LONE, LONE]
    assert bits(listed(tmp_path, "one", "a.test", trust="medium")) == [ADULT, ADULT]


def test_lists_that_take_over_others_names_are_no_second_maker():
    known = load(shipped("rules") / "lists" / "catalogue.yaml")
    for one, other in [
        ("stevenblack-porn", "sinfonietta-pornography"),
        ("stevenblack-gambling", "sinfonietta-gambling"),
        ("blocklistproject-scam", "shadowwhisperer-scam"),
    ]:
        files = [known[id_].file(id_, Path(id_)) for id_ in (one, other)]
        assert len({file.maker for file in files}) == 1
        assert all(file.doubted for file in files)
