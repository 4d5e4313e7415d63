"""Browsing as different logs tell it: what a coordinator is told of each, and whether the reason is true."""

from __future__ import annotations

import pytest

from benchmarks.browsing import sessions
from benchmarks.browsing_logs import LOGS
from benchmarks.visits import seen, stories, use, visits

ALL, TUNNELS, NAMES = "squid, referrer and type", "squid, tunnels", "Pi-hole, dnsmasq"
WORDS = ("another page or a program loaded it", "the first time", "goes on", "repeat", "third time",
         "searched for just before", "asked for")  # fmt: skip


@pytest.fixture(scope="module", params=[ALL, TUNNELS, NAMES])
def logged(request, tmp_path_factory):
    """A kind of log, each example as it tells it, and what the pass made of it."""
    made = list(sessions(1))
    found = seen(LOGS[request.param], made, tmp_path_factory.mktemp("school"))
    told = {
        name: [row for row in rows if row[1] != "informational"] for name, rows in stories(made, found.told).items()
    }
    return request.param, told, made, found


def words(rows: list[tuple]) -> list[tuple[str, str]]:
    """Return of each detection its rule and how often the reason says it happened."""
    return [(rule, next((word for word in WORDS if word in reason), "")) for rule, _, _, reason in rows]


def test_a_page_that_fails_and_is_loaded_again_by_the_browser_is_one_low_attempt(logged):
    rows = logged[1]["blocked, the browser reloads"]

    assert {(rule, level) for rule, level, *_ in rows} == {("adult-attempt", "low")}
    assert {word for _, word in words(rows)} <= {"the first time", "", "goes on"}


def test_a_blocked_network_left_open_in_a_tab_is_no_use(logged):
    assert logged[1]["blocked network, the browser reloads"] == []


def test_five_times_f5_is_persistence(logged):
    rows = logged[1]["blocked, F5 five times"]

    assert ("adult-burst", "high") in {(rule, level) for rule, level, *_ in rows}
    assert ("adult-attempt", "asked for") in words(rows)


def test_a_mistyped_name_may_be_an_accident(logged):
    rows = logged[1]["a mistyped name"]

    assert {(rule, level) for rule, level, *_ in rows} == {("adult", "medium")}
    assert words(rows)[0] == ("adult", "the first time")


def test_three_days_are_told_apart(logged):
    rows = [row for row in logged[1]["three days"] if "more in the same visit" not in row[3]]

    assert words(rows) == [("gambling", "the first time"), ("gambling", "repeat"), ("gambling", "third time")]


def test_a_page_of_three_hundred_pieces_is_one_story_with_its_count(logged):
    rows = logged[1]["a page of 300 pieces"]

    assert [row[0] for row in rows] == ["gambling"] * len(rows)
    assert sum(row[2] for row in rows) == (301 if logged[0] == ALL else 1)
    assert len(rows) <= 2


def test_a_film_of_forty_minutes_is_one_visit_where_the_log_shows_what_the_player_asks(logged):
    rows = logged[1]["YouTube, forty minutes"]

    firsts = [word for rule, word in words(rows) if rule == "youtube-pupils" and word]
    assert firsts[0] == "the first time"
    assert set(firsts[1:]) <= {"goes on"}
    assert len(rows) == 1 or logged[0] == NAMES


@pytest.mark.parametrize("session", ["news with widgets", "homework with films", "phone in a bag", "telemetry"])
def test_what_loads_by_itself_is_no_use_where_the_log_shows_who_led_there(logged, session):
    if logged[0] == ALL or session in {"phone in a bag", "telemetry"}:
        assert logged[1][session] == []


def test_advertisements_never_become_persistence_where_the_log_shows_who_led_there(logged):
    rows = logged[1]["recipes with adverts"]
    said = {word for _, word in words(rows) if word}

    assert said == ({WORDS[0]} if logged[0] == ALL else {"the first time", "goes on", "repeat", "third time"} & said)


def test_a_search_before_a_click_is_told_where_the_log_shows_the_search(logged):
    rows = logged[1]["search, then click"]

    word = "searched for just before" if logged[0] == ALL else "the first time"
    assert words(rows)[-1] == ("gambling", word)


def test_no_visit_is_missed_by_any_kind_of_log(logged):
    _, _, made, found = logged
    told, _ = visits(made, found.events)
    assert told.missed == 0


def test_use_that_is_told_is_use_and_long_use_is_told(logged):
    name, _, made, found = logged
    score, wrong = use(made, found.told)

    at_most = {"homework with films", "news with widgets"} if name == TUNNELS else set()
    assert {session for session, what in wrong if what.startswith("+")} <= at_most
    short = {session for session, what in wrong if what.startswith("-")}
    assert all("5 minutes" in session or session.startswith("poki") for session in short)
    assert score.right >= 5
