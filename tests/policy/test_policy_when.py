"""When a rule holds: windows exact to the microsecond, both ends inside; school hours; term time."""

from __future__ import annotations

from datetime import time

import pytest

STAFF_VIDEO = """
    when: {windows: [{days: mon-fri, from: "08:30", to: "15:30"}]}
    match: {host: youtube.com}
    """
PERSONAL_USE = STAFF_VIDEO.replace("]}", "], outside: true}")

AT = [
    # (local time, weekday, inside the window)  Source: T01, personal use is allowed if t < 08:30:00 or t > 15:30:00
    (time(8, 29, 59, 999_999), 1, False),
    (time(8, 30), 1, True),
    (time(12, 0), 5, True),
    (time(15, 30), 1, True),
    (time(15, 30, 0, 1), 1, False),
    (time(15, 30, 1), 1, False),
    (time(0, 0), 1, False),
    (time(12, 0), 6, False),
    (time(12, 0), 7, False),
]


@pytest.mark.parametrize(("at", "weekday", "inside"), AT)
def test_both_ends_of_a_window_are_inside_and_nothing_more(one_rule, holds, at, weekday, inside):
    event = {"host": "www.youtube.com", "local_time": at, "weekday": weekday}

    assert holds(one_rule(STAFF_VIDEO), **event) is inside
    assert holds(one_rule(PERSONAL_USE), **event) is not inside


def test_an_event_without_a_time_is_neither_inside_nor_outside(one_rule, holds):
    assert not holds(one_rule(STAFF_VIDEO), host="youtube.com")
    assert not holds(one_rule(PERSONAL_USE), host="youtube.com")


def test_of_several_windows_any_is_enough(one_rule, holds):
    rules = one_rule("""
        when:
          windows:
            - {days: [mon], from: "08:00", to: "09:00"}
            - {days: sat-sun, from: "10:00", to: "11:00:30"}
        match: {host: a.test}
        """)

    def at(hour: int, minute: int, second: int, weekday: int) -> bool:
        return holds(rules, host="a.test", local_time=time(hour, minute, second), weekday=weekday)

    assert at(8, 30, 0, 1)
    assert at(11, 0, 30, 7)
    assert not at(11, 0, 31, 7)
    assert not at(8, 30, 0, 6)


@pytest.mark.parametrize(
    ("during", "school_hours", "held"),
    [
        ("school_hours", True, True),
        ("school_hours", False, False),
        ("school_hours", None, False),
        ("outside_school_hours", False, True),
        ("outside_school_hours", True, False),
        ("outside_school_hours", None, False),
        ("always", None, True),
    ],
)
def test_school_hours_are_those_of_the_calendar(one_rule, holds, during, school_hours, held):
    rules = one_rule(f"when: {{during: {during}}}\nmatch: {{host: a.test}}")

    assert holds(rules, host="a.test", in_school_hours=school_hours) is held


@pytest.mark.parametrize(
    ("terms", "in_term", "held"),
    [
        ("term_time", True, True),
        ("term_time", False, False),
        ("term_time", None, True),  # without a calendar a rule for term time must not fall silent
        ("holidays", False, True),
        ("holidays", True, False),
        ("holidays", None, False),
        ("any", False, True),
    ],
)
def test_terms_are_those_of_the_calendar(one_rule, holds, terms, in_term, held):
    rules = one_rule(f"when: {{terms: {terms}}}\nmatch: {{host: a.test}}")

    assert holds(rules, host="a.test", in_term=in_term) is held


def test_hours_and_windows_must_both_hold(one_rule, holds):
    rules = one_rule("""
        when: {during: school_hours, windows: [{from: "12:00", to: "13:00"}]}
        match: {host: a.test}
        """)
    noon = {"host": "a.test", "local_time": time(12, 30), "weekday": 1}

    assert holds(rules, **noon, in_school_hours=True)
    assert not holds(rules, **noon, in_school_hours=False)
