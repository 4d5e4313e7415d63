"""The overblock guard that ships: what public lists were seen to hold wrongly gives nothing."""

from __future__ import annotations

import polars as pl
import pytest

from filterwatch.app.places import shipped
from filterwatch.lists.catalogue import Listed, load
from filterwatch.lists.domains import Piece, read
from filterwatch.lists.guard import DISTRUSTED, Guard
from filterwatch.lists.modes import Mode

SEEN = """
    eastmidlandsgambling.nhs.uk eofegamblingservice.nhs.uk northerngamblingservice.nhs.uk drugs.gov.uk chem.ox.ac.uk
    drugs.com rxlist.com scotlandspeople.gov.uk jobs.ac.uk go.bath.ac.uk blogs.lincoln.ac.uk cafepress.com unex.es
    sex.hu szex.hu sex.pl tochigi.jp bologna.it me.uk blogspot.com blog.br vlog.br bet.br game.tw x.se ad.jp in.th
    salesforceliveagent.com yahoodns.net bitcoin.org archive.org eff.org fortinet.net academia.edu researchgate.net
    allrecipes.com deviantart.com imageshack.us vice.com purdue.edu caixa.gov.br digipen.edu ndejjeuniversity.ac.ug
    jedessine.com kidadoweb.com newtonpaiva.br nipissingu.ca cesnur.org office365.com outlook.com gmail.com
    themeforest.net envato.com liveperson.net charter.com aliyuncs.com 10.1.2.3 192.168.0.0/16 fd00::/16
    clinic.nhs.uk/help uk com google.com
""".split()  # noqa: SIM905 - a list of words
RIGHT = """
    bet365.com casino xxx porn sex notnhs.uk gov.uk.bad.example drugs.gov.uk.bad.example google.com.bad.example
    mynhs.uk.com sites.google.com/view/unblocked 198.51.100.7 198.51.100.0/24 10.rarbg.com me.uk.bad.example
    ac.bad.example edu.bad.example blog.deviantart.com.bad.example bad.blogspot.com =www.bad.example *.bad.example
""".split()  # noqa: SIM905 - a list of words

GUARD = Guard.load(shipped("rules") / "lists" / "guard.yaml", ["st-pauls.manchester.sch.uk"])


def listed(**said) -> Listed:
    facts = {"title": "list", "address": "https://x.example", "category": "gambling", "licence": "MIT",
             "credit": "somebody", "homepage": "https://x.example"} | said  # fmt: skip
    return Listed(**facts)


def aside(entries, **said) -> list[str]:
    piece, bad = read(pl.Series("line", entries))
    assert not bad
    judged, found = GUARD.judge(piece, listed(**said))
    assert judged.modes.to_list().count(Mode.ASIDE) == len(found)
    return [one.entry for one in found]


def test_what_real_lists_held_wrongly_is_set_aside():
    assert aside(SEEN) == SEEN


def test_what_lists_are_for_stays():
    assert aside(RIGHT) == []


def test_a_list_made_by_hand_may_name_ordinary_sites_and_one_for_hosting_its_suffixes():
    assert aside(["deviantart.com", "nhs.uk"], trust="high") == ["nhs.uk"]
    assert aside(["blogspot.com", "me.uk"], hosting=True) == ["me.uk"]


def test_sites_that_are_allowed_are_no_embarrassment():
    assert aside(["nhs.uk", "gov.uk", "britannica.com", "google.com"], mode="allow") == []
    assert aside(["@@nhs.uk", "@@britannica.com", "@@docs.google.com"]) == []


FAR_TOO_MUCH = ["com", "*.com", "*.co.uk", "app", "*.app", "xbox", "en", "foo", "localhost", "print.lan",
                "wpad.local", "2.0.192.in-addr.arpa", "8.0.0.0/8",
                "8.0.0.0/11", "2000::/16", "2000::/23", "*.blogspot.com"]  # fmt: skip


def test_what_speaks_of_far_too_much_gives_nothing():
    assert aside(FAR_TOO_MUCH) == [one.removeprefix("*.") for one in FAR_TOO_MUCH]
    assert aside(["8.0.0.0/12", "2000::/24", "xxx", "*.xxx", "onion", "lan.example", "mylan.example"]) == []
    assert aside(["xbox", "hbo", "uk", "*.com"], trust="high") == ["uk", "com"]


def test_no_list_cancels_what_others_say_of_a_whole_registry():
    allowed = ["com", "*.com", "co.uk", "app", "blogspot.com", "0.0.0.0/8"]
    assert aside([f"@@{one}" for one in allowed]) == [one.removeprefix("*.") for one in allowed]
    assert aside(allowed, mode="allow") == [one.removeprefix("*.") for one in allowed]
    assert aside(["@@=com.example", "@@bet365.com", "@@198.51.100.0/24"]) == []


def test_pages_that_everybody_uses_are_known_and_others_of_such_sites_stay():
    entries = ["google.com/search", "www.google.com/search", "en.wikipedia.org/wiki", "*.google.com", "docs.google.com"]
    piece, _ = read(pl.Series("line", entries))
    _, found = GUARD.judge(piece, listed())
    assert {one.reason for one in found} == {"name that everybody uses"}
    assert len(found) == len(entries)
    assert aside(["google.com/search/howsearchworks", "google.com/talk", "sites.google.com/view/unblocked"]) == []


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("st-pauls.manchester.sch.uk", "name of the school"),
        ("www.st-pauls.manchester.sch.uk", "name of the school"),
        ("manchester.sch.uk", "name of the school"),
        ("sch.uk", "a whole registry"),
        ("uk", "a whole registry"),
    ],
)
def test_the_schools_own_names_and_all_above_them_are_known(entry, reason):
    _, found = GUARD.judge(Piece(pl.Series([entry]), pl.Series([0], dtype=pl.UInt8)), listed())
    assert [one.reason for one in found] == [reason]
    assert reason in DISTRUSTED


def test_no_list_of_the_catalogue_lacks_what_its_licence_and_the_updater_need():
    for id_, one in load(shipped("rules") / "lists" / "catalogue.yaml").items():
        assert one.licence, id_
        assert one.credit, id_
        assert one.at_least > 1, id_
        assert one.megabytes <= 128, id_
        assert one.unpacked_megabytes <= 512, id_
