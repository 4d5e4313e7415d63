"""Who held something when: facts in any order give what the same facts give in the order of time."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.enrich import asof as module
from filterwatch.enrich.asof import SEVERAL, AsOf, Fact, Holder, Says

A, B = Holder("ann", None), Holder("bob", None)
MINUTE = 60_000_000
HOLDERS = st.sampled_from([A, B])


def naive(facts, time):
    """Walk the facts up to *time*, one after the other, and return who holds it."""
    held, until = None, 0
    for fact in sorted((fact for fact in facts if fact.time <= time), key=lambda fact: fact.time):
        if held is not None and until <= fact.time:
            held = None
        if fact.says is Says.ENDS:
            if fact.holder in (SEVERAL, held):
                held = None
        elif held == fact.holder:
            until = max(until, fact.until)
        elif fact.says is Says.STAYS and held is not None:
            held, until = SEVERAL, max(until, fact.until)
        else:
            held, until = fact.holder, fact.until
    return held if held is not None and time < until else None


def fact():
    moment = st.integers(0, 40)
    says = st.sampled_from([Says.HOLDS, Says.HOLDS, Says.STAYS, Says.ENDS])
    made = st.builds(lambda time, lasts, word, who: Fact(time, time + lasts, word, who), moment, moment, says, HOLDERS)
    return made | st.builds(lambda time: Fact(time, time, Says.ENDS, SEVERAL), moment)


def holder(past, time):
    span = past.at("k", time)
    return span and span.holder


@given(st.lists(fact(), max_size=16))
@settings(max_examples=300, deadline=None)
def test_every_moment_has_the_holder_that_walking_the_facts_in_order_of_time_gives(facts):
    past = AsOf()
    for one in facts:
        past.add("k", one)
    assert [holder(past, time) for time in range(90)] == [naive(facts, time) for time in range(90)]


@given(st.lists(fact(), min_size=1, max_size=60), st.integers(0, 2**32), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_facts_that_come_late_within_the_lateness_change_nothing(facts, seed, late):
    """Times over a whole day, arrivals shuffled by less than the lateness, old facts summed up meanwhile."""
    step, shuffle = 10 * MINUTE, random.Random(seed)
    spread = [
        one._replace(time=number * step + one.time, until=number * step + one.time + (one.until - one.time) * MINUTE)
        for number, one in enumerate(facts)
    ]
    arrived = sorted(spread, key=lambda one: one.time + shuffle.randrange(late) * module.LATENESS // 31)
    past = AsOf()
    for number, one in enumerate(arrived):
        past.add("k", one)
        now = max(other.time for other in arrived[: number + 1])
        for time in (one.time, now, now + MINUTE, max(now - 5 * MINUTE, 0)):
            assert holder(past, time) == naive(arrived[: number + 1], time)


def test_a_login_after_another_replaces_it_and_an_end_of_the_first_does_not_end_the_second():
    past = AsOf()
    for one in (Fact(0, 100, Says.HOLDS, A), Fact(10, 110, Says.HOLDS, B), Fact(12, 12, Says.ENDS, A)):
        past.add("k", one)
    assert [holder(past, time) for time in (9, 10, 12, 109, 110)] == [A, B, B, B, None]


def test_two_that_both_go_on_are_several_until_one_comes_alone():
    past = AsOf()
    for one in (Fact(0, 100, Says.HOLDS, A), Fact(10, 110, Says.HOLDS, B), Fact(20, 120, Says.STAYS, A)):
        past.add("k", one)
    assert [holder(past, time) for time in (15, 20, 119, 120)] == [B, SEVERAL, SEVERAL, None]
    past.add("k", Fact(60, 160, Says.HOLDS, B))
    assert [holder(past, time) for time in (59, 60)] == [SEVERAL, B]


def test_what_a_key_holds_is_bounded_whatever_is_heard(monkeypatch):
    monkeypatch.setattr(module, "KEYS", 50)
    past = AsOf()
    for number in range(2000):
        past.add(f"k{number % 60}", Fact(number, number + 5, Says.HOLDS, Holder(str(number), None)))
        past.add("hot", Fact(number, number + 5, Says.HOLDS, Holder(str(number), None)))
    assert len(past) == 50
    assert past.frame()["key"].value_counts()["count"].max() <= module.MOST


@given(st.lists(st.tuples(st.sampled_from("xyz"), fact()), max_size=40))
def test_it_goes_on_where_it_was(heard):
    past, again = AsOf(), AsOf()
    for key, one in heard:
        past.add(key, one)
    again.restore(past.frame())
    assert again.frame().equals(past.frame())
    assert all(again.of(key) == past.of(key) for key in "xyz")


@pytest.mark.parametrize("time", [-(2**62), 0, 2**62])
def test_any_time_of_a_broken_clock_is_taken(time):
    past = AsOf()
    past.add("k", Fact(time, time + 5, Says.HOLDS, A))
    past.add("k", Fact(100, 200, Says.HOLDS, B))
    assert holder(past, 150) == B
