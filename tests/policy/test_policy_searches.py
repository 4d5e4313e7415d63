"""The shipped term packs against searches written by hand; what they find must not get worse."""

from __future__ import annotations

import polars as pl
import pytest

from benchmarks.terms import HARM_TOGETHER, HELP, ROOT, Search, finder, scores, searches
from filterwatch.config import read, validate
from filterwatch.policy.terms import Pack

FLOORS = {
    "adult": (0.93, 0.90), "bullying": (0.95, 0.85), "bypass": (0.95, 0.92), "drugs": (0.96, 0.86),
    "eating_disorder": (0.96, 0.84), "extremism": (0.95, 0.90), "gambling": (0.96, 0.90), "grooming": (0.91, 0.87),
    "hate": (0.95, 0.92), "self_harm": (0.96, 0.81), "suicide": (0.90, 0.81), "violence": (0.96, 0.84),
    "weapons": (0.95, 0.93), HARM_TOGETHER: (0.96, 0.90), HELP: (0.96, 0.86),
}  # fmt: skip
"""Precision and recall in the half that is held out, some points below what was measured (decision 0151)."""


OTHER_HAND = {
    "adult": (0.93, 0.95), "bullying": (0.96, 0.90), "bypass": (0.96, 0.92), "drugs": (0.96, 0.84),
    "eating_disorder": (0.96, 0.88), "extremism": (0.96, 0.93), "gambling": (0.92, 0.94), "grooming": (0.80, 0.91),
    "hate": (0.94, 0.94), "self_harm": (0.92, 0.88), "suicide": (0.88, 0.93), "violence": (0.96, 0.90),
    "weapons": (0.96, 0.90), HARM_TOGETHER: (0.95, 0.94), HELP: (0.95, 0.94),
}  # fmt: skip
"""Precision and recall over all of the second set, some points below what was measured (decision 0170)."""


THIRD_HAND = {
    "adult": (0.87, 0.87), "bullying": (0.90, 0.78), "bypass": (0.90, 0.87), "drugs": (0.90, 0.67),
    "eating_disorder": (0.90, 0.64), "extremism": (0.90, 0.82), "gambling": (0.86, 0.86), "grooming": (0.84, 0.56),
    "hate": (0.86, 0.76), "self_harm": (0.80, 0.56), "suicide": (0.72, 0.83), "violence": (0.90, 0.62),
    "weapons": (0.90, 0.82), HARM_TOGETHER: (0.86, 0.75), HELP: (0.86, 0.70),
}  # fmt: skip
"""Precision and recall over all of the third set, ten points below what was first measured (decision 0170)."""


FOURTH_HAND = {
    "adult": (0.95, 0.88), "bullying": (0.95, 0.85), "bypass": (0.92, 0.88), "child_abuse_images": (0.95, 0.70),
    "drugs": (0.95, 0.84), "eating_disorder": (0.92, 0.86), "extremism": (0.95, 0.90), "gambling": (0.95, 0.86),
    "grooming": (0.78, 0.86), "hacking": (0.95, 0.80), "hate": (0.95, 0.80), "illegal_acts": (0.95, 0.80),
    "piracy": (0.90, 0.90), "plagiarism": (0.90, 0.90), "self_harm": (0.86, 0.70), "suicide": (0.92, 0.85),
    "violence": (0.95, 0.74), "weapons": (0.95, 0.80), HARM_TOGETHER: (0.95, 0.87), HELP: (0.95, 0.90),
}  # fmt: skip
"""Precision and recall over all of the fourth set, some points below what was measured (decision 0183)."""


@pytest.fixture(scope="module")
def judged() -> list[Search]:
    return searches()


def test_each_family_has_searches_of_every_kind(judged):
    for family in FLOORS.keys() - {HELP, HARM_TOGETHER}:
        mine = [one for one in judged if one.family == family]
        assert len(mine) >= (160 if family == "gambling" else 200), family
        assert {one.label for one in mine} == {"harm", "help", "benign"} - ({"help"} if family == "bypass" else set())
        assert len({one.text for one in mine}) == len(mine)


@pytest.mark.parametrize(
    ("which", "half", "floors"),
    [
        ("first", "held out", FLOORS),
        ("second", "all", OTHER_HAND),
        ("third", "all", THIRD_HAND),
        ("fourth", "all", FOURTH_HAND),
    ],
)
def test_precision_and_recall_stay(which, half, floors):
    measured = {one.name: one for one in scores(searches(which)) if one.half == half}
    assert measured.keys() == floors.keys()
    low = {name: (one.precision, one.recall) for name, one in measured.items()
           if one.precision < floors[name][0] or one.recall < floors[name][1]}  # fmt: skip
    assert low == {}


def test_what_takes_away_is_single_words_or_joined_ones():
    """A blank ends a choice: ``told me|call me`` is one phrase of four words, which nobody types."""
    long = [
        (pack.id, term.term)
        for path in sorted((ROOT / "rules/terms").glob("*.yaml"))
        for pack in [validate(read(path), Pack)]
        for term in pack.terms
        if term.weight < 0 and " " in term.term
    ]
    assert long == []


ORDINARY = [
    "get a high grade at school", "car dealers near me", "coin flip online", "how to throw up a tent",
    "how to hang a door", "best way to go out in london", "cant go on holiday", "how to kill a wasp", "roast chicken",
    "does bleach kill nits", "tattoos to cover scars", "drown a rat trap", "kick someone from group roblox",
    "how to get back at the end of the song", "women in the kitchen 1950s adverts gcse", "cats are paid less",
    "use google translate", "hot girl summer", "bare bones", "weeds", "noses", "condoms", "sepsis", "flashlight",
    "curves", "papyrus", "is it normal for cats to drool", "frank lampard number", "mind map online",
    "24 hour fast food near me", "second phone for mum",
    "how to sleep and not wake up late", "bridge to jump start car", "tired of living in a small house",
    "how to write a goodbye letter to a friend who is moving", "cutting myself a slice of cake",
    "life is pointless existentialism philosophy", "how many ibuprofen can i take in a day", "14 year old jobs",
    "what happens after death buddhism", "how to become a police officer", "am i too tall for gymnastics",
    "how to trap water in soil for plants ks2",
]  # fmt: skip


def test_ordinary_searches_near_the_words_of_packs_raise_nothing():
    one, names = finder()
    found = {ORDINARY[row]: [names[place] for place in places] for row, places in one.find(pl.Series(ORDINARY))}
    assert found == {}


LESSONS = [
    "why did hitler kill himself", "how did cleopatra kill herself", "why does eva smith kill herself gcse",
    "did judas hang himself in the bible", "who killed himself in an inspector calls", "does juliet stab herself",
    "kurt cobain shot himself", "how to die of laughter", "worst ways to die in history", "stop eating meat for lent",
    "how do i stop my dog eating grass", "my cat has not eaten for 3 days", "he told me he will post the letter",
    "my teacher told me to stay after school", "bring a knife and fork to school camp", "pull my hair out of my face",
    "je vais tuer le temps", "mi tio me da un libro", "nie chce mi sie isc do szkoly", "me corto el pelo",
    "mujhe school jana hai", "dw i eisiau bwyd", "sale arabe coffee beans", "howtotrainyourdragon",
]  # fmt: skip


def test_lessons_idioms_and_the_famous_dead_raise_nothing():
    one, names = finder()
    found = {LESSONS[row]: [names[place] for place in places] for row, places in one.find(pl.Series(LESSONS))}
    assert found == {}


SAID = {
    "i want to kill myself": "suicide", "why do i want to die": "suicide", "killmyself": "suicide",
    "my friend said he will kill himself": "help_seeking", "my mum killed herself": "help_seeking",
    "what if my friend kills herself": "help_seeking", "howtoselfharm": "self_harm", "howtomakeabomb": "weapons",
    "gonna stab him at school tmrw": "violence", "is it normal that my coach texts me at night": "grooming",
    "havent eaten for 4 days and feel amazing": "eating_disorder", "geekbar near me no id": "drugs",
    "noriu mirti": "suicide", "nie chc\u0119 ju\u017c \u017cy\u0107": "suicide",
    "tat\u0103l meu m\u0103 bate": "help_seeking",
    "mon p\u00e8re me frappe": "help_seeking", "babam beni d\u00f6v\u00fcyor": "help_seeking",
    "mae dad yn fy nharo i": "help_seeking",
    "aabahay wuu i garaacaa": "help_seeking", "voy a matar a mi profesor": "violence",
}  # fmt: skip


NEAR_NEWER_TERMS = [
    "nude year 11 prom dress", "naked flame year 9 science", "cp mega charizard max", "how to cheat at monopoly",
    "seneca philosopher quotes", "sparx maths login", "hack the box beginner", "my instagram got deleted",
    "steal a base in rounders", "pick a lock in skyrim", "fake blood for halloween", "windows 11 crack in screen",
    "which medicine kills bacteria", "blackout poetry", "how high can a cat fall", "if i died young lyrics",
    "punching bag", "carve my pumpkin", "bruise healing time", "razor cuts from shaving legs",
    "torture methods tudor", "england knocked out highlights video", "girls fighting for education malala",
    "tomahawk steak", "hydrogen peroxide decomposition practical", "steroids pe gcse", "calvin klein perfume",
    "galaxy chocolate", "10kg dumbbells", "13yo birthday ideas", "my dog is overweight at 30kg",
    "why was che guevara seen as a hero", "return of the king", "isis goddess egypt", "jihad meaning gcse rs",
    "sky bet championship table", "rapping meme", "funny rapping jokes", "boy buttered toast video",
    "why do immigrants come to the uk geography", "slurs in music",
]  # fmt: skip


def test_ordinary_searches_near_the_terms_for_new_slang_raise_nothing():
    one, names = finder()
    found = {NEAR_NEWER_TERMS[row]: [names[place] for place in places]
             for row, places in one.find(pl.Series(NEAR_NEWER_TERMS))}  # fmt: skip
    assert found == {}


def test_what_children_say_of_themselves_is_found_in_each_language():
    one, names = finder()
    texts = list(SAID)
    found = {texts[row]: {names[place] for place in places} for row, places in one.find(pl.Series(texts))}
    assert [text for text, pack in SAID.items() if pack not in found.get(text, ())] == []


def test_lessons_and_games_of_other_families_raise_next_to_nothing(judged):
    packs = FLOORS.keys() - {HELP, HARM_TOGETHER}
    ordinary = [one for one in judged if one.label == "benign"]
    raised = [one.text for one in ordinary if one.packs & packs]
    assert len(raised) <= 0.02 * len(ordinary), raised


def test_looking_for_help_is_hardly_ever_told_as_harm(judged):
    helped = [one for one in judged if one.label == "help"]
    assert sum(one.harm for one in helped) <= 0.06 * len(helped)
