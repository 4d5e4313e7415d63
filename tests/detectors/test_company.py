"""What another site's page probably loaded is no sure visit."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from filterwatch import detections
from filterwatch.detectors import Company
from filterwatch.detectors.company import MOST
from filterwatch.events import EVENT_SCHEMA

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RULE = "social_media"
NETWORK = "network.test"


def asked(*requests: tuple, **more: object) -> pl.DataFrame:
    """Return events: seconds, site and, where it is another than the first, the client."""
    rows = [
        {
            "site": "s", "source": "dns", "stream": "d", "line_offset": 10 * n, "kind": "dns", "counted": True,
            "time": START + timedelta(seconds=at), "domain": site, "host": site,
            "client_ip": client[0] if client else "10.0.0.1", **more,
        }
        for n, (at, site, *client) in enumerate(requests)
    ]  # fmt: skip
    schema = {name: EVENT_SCHEMA.get(name, pl.Boolean()) for name in rows[0]}
    return pl.DataFrame(rows, schema)


def left(events: pl.DataFrame, company: Company | None = None, rule: str = RULE) -> list[int]:
    """Return the numbers of the events of the network that are still held."""
    company = company or Company({RULE})
    hits = events.filter(pl.col("domain") == NETWORK)
    found = detections.make(hits.select("site", "source", "stream", "line_offset", "time", rule=pl.lit(rule)))
    held, same = company(events, detections.none(), found)
    assert held.is_empty()
    return [offset // 10 for offset in same["line_offset"]]


def test_what_follows_another_sites_page_within_seconds_came_along():
    assert left(asked((0, "news.test"), (0.8, NETWORK), (0.9, "cdn.test"))) == []
    assert left(asked((0, NETWORK), (0.8, "news.test"))) == [0]


def test_after_a_pause_or_later_in_a_long_burst_it_is_a_visit():
    assert left(asked((0, "news.test"), (1.6, NETWORK))) == [1]
    busy = [(n / 2, f"site{n}.test") for n in range(8)]
    assert left(asked(*busy, (4.1, NETWORK))) == [8]


def test_other_devices_and_sources_are_no_company():
    assert left(asked((0, "news.test", "10.0.0.2"), (0.8, NETWORK))) == [1]
    proxy = asked((0, "news.test"), source="proxy")
    assert left(pl.concat([proxy, asked((0.8, NETWORK)).with_columns(line_offset=pl.lit(90, pl.Int64))])) == [9]


def test_the_first_hit_says_how_those_that_follow_came_about():
    film = [(0, "course.test"), (0.8, NETWORK), (300, NETWORK), (700, NETWORK)]
    assert left(asked(*film)) == []
    there = [(0, NETWORK), (60, "news.test"), (60.5, NETWORK)]
    assert left(asked(*there)) == [0, 2]
    assert left(asked(*film[:2], (700, NETWORK))) == [2]


def test_nobody_hides_behind_one_embedded_page_for_long():
    asked_again = [(300 * n, NETWORK) for n in range(1, 9)]
    assert left(asked((0, "course.test"), (0.8, NETWORK), *asked_again)) == [8, 9]


@pytest.mark.parametrize("more", [{"kind": "flow"}, {"kind": "http", "method": "CONNECT"}])
def test_what_is_logged_when_it_ends_counts(more):
    assert left(asked((0, "news.test"), (0.8, NETWORK), **more)) == [1]


def test_a_tunnel_through_which_next_to_nothing_came_is_no_use():
    tunnel = {"kind": "http", "method": "CONNECT", "action": "allowed"}
    assert left(asked((0, NETWORK), **tunnel, bytes_in=7_000)) == []
    assert left(asked((0, NETWORK), **tunnel, bytes_in=30_000)) == [0]
    assert left(asked((0, NETWORK), **tunnel | {"action": "blocked"}, bytes_in=4_000)) == [0]


def test_furniture_and_lines_that_do_not_count_begin_no_burst():
    plain = asked((0, "news.test"), (0.8, NETWORK))
    for name, value in (("embedded", True), ("counted", False)):
        marked = pl.when(pl.col("domain") == NETWORK).then(not value).otherwise(value)
        assert left(plain.with_columns(marked.alias(name))) == [1]


def test_what_a_page_of_the_same_site_led_to_is_a_visit():
    clicked = {"kind": "http", "method": "GET", "referrer": f"https://{NETWORK}/a"}
    assert left(asked((0, "news.test"), (0.8, NETWORK), **clicked)) == [1]
    for led in (f"www.{NETWORK}/foryou", f"{NETWORK}:443"):
        assert left(asked((0, "news.test"), (0.8, NETWORK), **clicked | {"referrer": led})) == [1]
    elsewhere = ("https://news.test/", f"https://news.test/{NETWORK}", f"https://not{NETWORK}/", f"news.test/{NETWORK}")
    for other in elsewhere:
        assert left(asked((0, "news.test"), (0.8, NETWORK), **clicked | {"referrer": other})) == []


def test_where_a_log_has_no_address_the_person_is_the_device():
    events = asked((0, "news.test", None), (0.8, NETWORK, None), person="jo")
    assert left(events) == []
    assert left(events.with_columns(person=pl.when(pl.col("domain") == NETWORK).then(pl.lit("al")))) == [1]


def test_behind_one_address_nobody_hides_behind_anothers_page():
    shared = asked((0, "news.test"), (0.4, NETWORK), (0.8, NETWORK), (60, NETWORK), (61, NETWORK))
    people = pl.Series("person", ["al", "al", "jo", "jo", None])
    assert left(shared.with_columns(people)) == [2, 3, 4]


def test_rules_that_do_not_ask_for_sure_visits_keep_all():
    assert left(asked((0, "news.test"), (0.8, NETWORK)), rule="adult") == [1]


@pytest.mark.parametrize("seed", range(6))
def test_neither_cutting_nor_a_restart_changes_what_is_left_out(seed):
    draw, at, requests = random.Random(seed), 0.0, []
    for _ in range(300):
        at += draw.choice((0.2, 0.7, 2, 30, 400)) - draw.choice((0, 0, 0.5))
        requests.append((at, draw.choice((NETWORK, "news.test", "cdn.test")), f"10.0.0.{draw.randrange(3)}"))
    events = asked(*requests)
    whole = left(events)
    company, parts, start = Company({RULE}), [], 0
    while start < len(events):
        end = start + draw.randrange(1, 40)
        parts += left(events[start:end], company)
        again = Company({RULE})
        again.restore(company.state())
        company, start = again, end
    assert parts == whole
    assert 0 < len(whole) < sum(site == NETWORK for _, site, _ in requests)


def test_what_it_remembers_is_bounded_and_the_same_while_nothing_is_asked_for():
    company = Company({RULE})
    many = asked(
        *((n / 1e4, NETWORK if n % 2 else "x.test", f"10.{n // 250}.0.{n % 250}") for n in range(2 * MOST + 20))
    )
    left(many, company)
    state = company.state()
    company(pl.DataFrame(), detections.none())
    assert company.state() is state
    assert len(state) < 100 * MOST
    with pytest.raises(ValueError, match="another layout"):
        company.restore(b"filterwatch-company-1\n[]\n")
    assert company.state() is state
