"""A filter in front of a proxy: each request counts once, by the filter's line, however the two logs arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.enrich import Settings, build, chains
from filterwatch.enrich.chains import Chain
from filterwatch.enrich.once import Once
from filterwatch.events import EVENT_SCHEMA

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
CHAIN = Chain(source="squid", behind="e2guardian")
WHOLE = build(Settings(chains=(CHAIN,)))
EMPTY = WHOLE.state()
FORWARDED = Chain.model_validate(
    {"source": "squid", "behind": "e2guardian", "addresses": ["127.0.0.0/8", "10.0.0.0/8"]}
)


def events(*rows):
    rows = [{"kind": "http", **row, "time": NINE + timedelta(seconds=row["time"])} for row in rows]
    names = [name for name in EVENT_SCHEMA.names() if any(name in row for row in rows)]
    return pl.DataFrame(rows, schema={name: EVENT_SCHEMA[name] for name in names})


def front(time, url="http://a.example", action="allowed", **more):
    said = {"source": "e2guardian", "client_ip": "10.0.0.1", "user": "amy", "method": "GET", "bytes_in": 9}
    return {"time": time, "url": url, "action": action, **said, **more}


def parent(time, url="http://a.example/", action="allowed", **more):
    said = {"source": "squid", "client_ip": "127.0.0.1", "method": "GET", "bytes_in": 9}
    return {"time": time, "url": url, "action": action, **said, **more}


def counted(*batches, chain=CHAIN):
    once = Once([chain])
    return [once.add(events(*batch))["counted"].to_list() for batch in batches]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("http://a.example", "http://a.example/"),
        ("http://a.example:80/x", "http://A.example/x"),
        ("https://a.example:443", "a.example:443"),
        ("http://a.example?q=1", "http://a.example/?q=1"),
        ("https://a.example/x", "https://a.example:443/x"),
        ("HTTP://a.example:80?q=1", "http://a.example/?q=1"),
        ("https://a.example:443/?q=1", "https://a.example/?q=1"),
    ],
)
def test_the_two_spellings_of_one_url_are_one_place(ours, theirs):
    rows = [front(1, ours), parent(1.4, theirs, "blocked", filter_reason="acl")]
    out = Once([CHAIN]).add(events(*rows))
    assert out["counted"].to_list() == [True, False]
    assert out["action"].to_list() == ["blocked", "blocked"], "only the same place takes the verdict"


@pytest.mark.parametrize("theirs", ["https://a.example:8443/x", "https://a.example/x?", "http://b.example/x"])
def test_another_port_or_path_is_another_place(theirs):
    rows = [front(1, "https://a.example/x"), parent(1.4, theirs, "blocked")]
    assert Once([CHAIN]).add(events(*rows))["action"].to_list() == ["allowed", "blocked"]


def test_what_came_through_the_filter_never_counts_whichever_line_comes_first():
    assert counted([parent(0), front(0.5)]) == [[False, True]]
    assert counted([parent(0)], [front(0.5)]) == [[False], [True]]
    assert counted([front(0)], [parent(0.5)]) == [[True], [False]]
    assert counted([parent(0, client_ip="::1")]) == [[False]]


def test_what_went_past_the_filter_counts():
    assert counted([front(0), parent(0.1, client_ip="10.0.0.9")]) == [[True, True]]
    assert counted([parent(0.1, client_ip="10.0.0.1", url="http://other.example/"), front(0)]) == [[True, True]]


def test_a_forwarded_address_is_joined_with_the_line_that_was_read_before():
    assert counted([front(0)], [parent(0.1, client_ip="10.0.0.1")]) == [[True], [False]]
    assert counted([parent(0, client_ip="10.0.0.1"), front(0.1)]) == [[False, True]]
    assert counted([front(0)], [parent(9, client_ip="10.0.0.1")]) == [[True], [True]]


def test_where_every_address_is_forwarded_the_setting_says_so():
    assert counted([parent(0, client_ip="10.0.0.1")], [front(0.1)], chain=FORWARDED) == [[False], [True]]


def test_without_a_chain_each_log_counts_for_itself():
    assert Once().add(events(front(0), parent(0)))["counted"].to_list() == [True, True]


def test_a_block_behind_the_filter_is_taken_by_its_line():
    for batches in ([[parent(0, action="blocked", filter_rule="r"), front(0.5)]],
                    [[parent(0, action="blocked", filter_rule="r")], [front(0.5)]]):  # fmt: skip
        once = Once([CHAIN])
        out = [once.add(events(*batch)) for batch in batches][-1].tail(1)
        assert out.select("counted", "action", "user", "filter_rule").row(0) == (True, "blocked", "amy", "r")


def test_a_block_that_comes_after_its_line_was_journalled_counts_with_the_users_name():
    once = Once([CHAIN])
    assert once.add(events(front(0)))["counted"].to_list() == [True]
    out = once.add(events(parent(0.1, action="blocked"), parent(0.2, action="blocked")))
    assert out["counted"].to_list() == [True, False]
    assert out.select("user", "client_ip").row(0) == ("amy", "10.0.0.1")


def test_a_block_that_the_filter_told_itself_counts_once():
    assert counted([front(0, action="blocked")], [parent(0.1, action="blocked")]) == [[True], [False]]
    assert counted([parent(0, action="blocked"), front(0.1, action="blocked")]) == [[False, True]]


def test_a_challenge_of_the_filter_takes_no_verdict():
    out = Once([CHAIN]).add(events(front(0, action="auth_required"), parent(0.1, action="blocked"), front(0.4)))
    assert out["action"].to_list() == ["auth_required", "blocked", "blocked"]


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(chains, "MOST", 10)
    once = Once([CHAIN])
    once.add(events(*(front(n / 100, f"http://h{n}.example/") for n in range(100))))
    assert len(once.chains) == 10
    monkeypatch.undo()
    once.add(events(front(100)))
    assert len(once.chains) == 1


@st.composite
def chained(draw):
    """Requests through the filter: of each its place, its lines, and whether squid blocks it."""
    lines, time = [], 0.0
    for number in range(draw(st.integers(1, 12))):
        time += draw(st.sampled_from([0, 0.1, 2, 9]))
        blocked, lag = draw(st.booleans()), draw(st.sampled_from([-1, 0, 0.3, 2]))
        url, who = f"http://h{number}.example", f"10.0.0.{number + 1}"
        lines.append((number, front(time, url, client_ip=who)))
        if not draw(st.integers(0, 4)):
            continue  # refused by the filter itself: squid never saw it
        lines.append((number, parent(time + lag, url + "/", "blocked" if blocked else "allowed")))
    order = draw(st.permutations(range(len(lines))))
    # Sources are read in turn: any order within a few seconds.
    lines = [lines[at] for at in sorted(order, key=lambda at: lines[at][1]["time"] // 3)]
    cuts = draw(st.sets(st.integers(0, len(lines)), max_size=5))
    return lines, sorted({0, *cuts, len(lines)})


@given(chained())
@settings(max_examples=60, deadline=None)
def test_every_request_counts_once_in_any_order_and_cutting_and_no_block_is_lost(drawn):
    lines, edges = drawn
    saved = EMPTY
    allowed, blocked = {}, {}
    for first, last in pairwise(edges):
        if first == last:
            continue
        WHOLE.restore(saved)  # a restart before every batch
        out = WHOLE.settle(events(*(row for _, row in lines[first:last])))
        saved = WHOLE.state()
        for (number, _), row in zip(lines[first:last], out.iter_rows(named=True), strict=True):
            if row["counted"]:
                (blocked if row["action"] == "blocked" else allowed).setdefault(number, []).append(row["source"])
    for number in {number for number, _ in lines}:
        theirs = [row for one, row in lines if one == number and row["source"] == "squid"]
        is_blocked = any(row["action"] == "blocked" for row in theirs)
        assert len(blocked.get(number, [])) == is_blocked, "a block counts exactly once"
        assert len(allowed.get(number, [])) <= 1
        assert "squid" not in allowed.get(number, [])
        assert allowed.get(number) or blocked.get(number)
        if is_blocked and allowed.get(number):
            assert blocked[number] == ["squid"], "only when the filter's line had been journalled before"
