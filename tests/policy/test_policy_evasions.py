"""One word more: of a lesson, or a cry for help, and what the shipped packs make of the search."""

from __future__ import annotations

import polars as pl
import pytest

from benchmarks.terms import finder

EXPLICIT = {
    "bypass": [
        "croxyproxy homework", "vpn free homework", "free vpn gcse", "bypass school wifi homework",
        "unblocked games homework", "disable goguardian homework",
        "croxyproxy staff",
        "nordvpn free download homework", "proxy sites for school homework",
    ],
    "adult": [
        "porn gcse", "porn homework", "free porn videos lesson", "hentai homework", "pornhub law", "nude girls gcse",
    ],
    "drugs": [
        "buy weed online essay", "where to buy cocaine gcse", "how to make meth chemistry",
        "how to grow cannabis biology", "weed dealer near me homework",
        "buy vapes essay",
        "buy weed frank",
    ],
    "weapons": [
        "how to make a pipe bomb gcse", "how to make napalm homework essay", "buy a gun online essay",
        "how to make a bomb chemistry", "buy zombie knife history",
        "how to make a pipe bomb report",
        "how to make a pipe bomb help me",
        "how to make a pipe bomb paper",
    ],
    "extremism": [
        "how to join isis essay", "join isis gcse", "how to join national action homework", "how to join isis stop",
    ],
    "violence": ["how to rape a girl"],
    "suicide": ["i want 2 die", "i want 2 b dead", "ich will sterben"],
    "child_abuse_images": ["underage porn homework", "12 year old nudes", "kinder porno", "lolicon",
        "preteen nudes law",
        "preteen nudes policy", "jailbait"],
}  # fmt: skip


@pytest.fixture(scope="module")
def packs():
    one, names = finder()

    def held(texts: list[str]) -> dict[str, set[str]]:
        found = dict(one.find(pl.Series(texts)))
        return {text: {names[place] for place in found.get(row, ())} for row, text in enumerate(texts)}

    return held


@pytest.mark.parametrize("pack", EXPLICIT)
def test_a_word_of_a_lesson_silences_no_explicit_search(packs, pack):
    assert [text for text, names in packs(EXPLICIT[pack]).items() if pack not in names] == []


LESSONS = [
    "how do vpns work computer science", "what is a vpn gcse computer science", "proxy server definition gcse",
    "how do hackers bypass firewalls gcse computer science", "heart bypass surgery homework",
    "effects of pornography essay", "porn addiction pshe lesson", "impact of porn on young people pshe",
    "cannabis legalisation essay", "effects of cannabis gcse", "why do people buy drugs essay",
    "napalm vietnam war essay", "what was napalm made of vietnam gcse", "knife crime law essay",
    "how to make a bath bomb chemistry", "how to make a bomb minecraft", "why did people join the nazi party gcse",
    "child abuse images policy", "signs of child abuse", "child exploitation training", "nspcc child abuse",
    "child pornography law uk", "what age do children see porn statistics", "13 year old swimming costume",
    "jump off bridge bungee", "how to jump off a cliff in skyrim", "what drugs did elvis overdose on", "what is sex",
    "how to make a cardboard sword",
    "buy glue gun",
    "order cocaine bear dvd",
    "kids in nude tights",
    "14 weeks pregnant",
    "how to grow rape seed",
    "child line dancing",
    "how to get coke stains out",
    "naked children vietnam photo napalm girl",
    "how to get free cp", "buy cp warzone", "pokemon go trading cp change", "nude paintings year 11 art",
    "emperor naked new clothes year 7", "nude shoes year 10",
    "year 10 pshe porn lesson", "year 11 rse pornography resources", "what year 9 learn about pornography",
]  # fmt: skip


def test_what_has_a_lesson_meaning_still_raises_nothing(packs):
    assert {text: names for text, names in packs(LESSONS).items() if names} == {}


HELP = [
    "county lines help me", "help county lines gang wont let me leave", "i am in a gang and cant leave",
    "they make me sell drugs help", "drugs help me", "knife help me", "help someone has a knife",
    "help my friend has a gun", "cocaine help me stop", "help me im on ketamine", "weed addiction help",
    "i cant stop watching porn help",
    "cant stop watching pornhub",
    "someone gave me drugs help",
    "how to stop buying weed",
    "gang threatening me help",
    "my boyfriend makes me carry drugs", "child line", "im pregnant and 14", "suicide", "selbstmord",
]  # fmt: skip


def test_a_cry_for_help_is_told_as_looking_for_help_and_as_no_breach(packs):
    breach = {"adult", "bypass", "drugs", "weapons", "extremism", "violence"}
    wrong = {text: names for text, names in packs(HELP).items() if "help_seeking" not in names or names & breach}
    assert wrong == {}


VICTIMS = [
    "he wants me to send nudes", "someone has my nudes and is blackmailing me", "my nudes got leaked",
    "someone is threatening to leak my nudes", "being blackmailed with nudes", "he keeps asking me for nudes",
]  # fmt: skip


def test_what_a_victim_says_of_pictures_is_welfare_alone(packs):
    wrong = {text: names for text, names in packs(VICTIMS).items() if "adult" in names or "grooming" not in names}
    assert wrong == {}


def test_pictures_of_children_are_not_told_as_ordinary_pornography(packs):
    asked = [*EXPLICIT["child_abuse_images"], "child porn", "preteen nudes", "naked 12 year old girls"]
    wrong = {
        text: names for text, names in packs(asked).items() if "child_abuse_images" not in names or "adult" in names
    }
    assert wrong == {}
