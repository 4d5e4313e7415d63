"""The shipped term packs against searches written by hand; the half that nobody tunes by must not get worse."""

from __future__ import annotations

import pytest

from benchmarks.terms import HARM_TOGETHER, HELP, Search, scores, searches

FLOORS = {
    "adult": (0.93, 0.90), "bullying": (0.95, 0.85), "bypass": (0.95, 0.92), "drugs": (0.96, 0.86),
    "eating_disorder": (0.96, 0.84), "extremism": (0.95, 0.90), "gambling": (0.96, 0.90), "grooming": (0.91, 0.87),
    "hate": (0.95, 0.92), "self_harm": (0.96, 0.81), "suicide": (0.90, 0.81), "violence": (0.96, 0.84),
    "weapons": (0.95, 0.93), HARM_TOGETHER: (0.96, 0.90), HELP: (0.96, 0.86),
}  # fmt: skip
"""Precision and recall in the half that is held out, some points below what was measured (decision 0151)."""


@pytest.fixture(scope="module")
def judged() -> list[Search]:
    return searches()


def test_each_family_has_searches_of_every_kind(judged):
    for family in FLOORS.keys() - {HELP, HARM_TOGETHER}:
        mine = [one for one in judged if one.family == family]
        assert len(mine) >= (160 if family == "gambling" else 200), family
        assert {one.label for one in mine} == {"harm", "help", "benign"} - ({"help"} if family == "bypass" else set())
        assert len({one.text for one in mine}) == len(mine)


def test_precision_and_recall_of_the_half_that_is_held_out_stay(judged):
    measured = {one.name: one for one in scores(judged) if one.half == "held out"}
    assert measured.keys() == FLOORS.keys()
    low = {name: (one.precision, one.recall) for name, one in measured.items()
           if one.precision < FLOORS[name][0] or one.recall < FLOORS[name][1]}  # fmt: skip
    assert low == {}


def test_lessons_and_games_of_other_families_raise_next_to_nothing(judged):
    packs = FLOORS.keys() - {HELP, HARM_TOGETHER}
    ordinary = [one for one in judged if one.label == "benign"]
    raised = [one.text for one in ordinary if one.packs & packs]
    assert len(raised) <= 0.02 * len(ordinary), raised


def test_looking_for_help_is_hardly_ever_told_as_harm(judged):
    helped = [one for one in judged if one.label == "help"]
    assert sum(one.harm for one in helped) <= 0.06 * len(helped)
