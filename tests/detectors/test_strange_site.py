import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterwatch.detections import none
from filterwatch.detectors import Settings as AllSettings
from filterwatch.detectors import build, strange_site, strange_use
from filterwatch.detectors.seen import AT_HOME, BUSY, BY_PEOPLE, Seen
from filterwatch.detectors.strange_site import Settings, StrangeSite
from filterwatch.detectors.strange_table import Table
from filterwatch.events import CATEGORY_BIT, DETECTION_SCHEMA, SIGNAL_BIT

UNUSUAL, STRAY, FREE, PLATFORM = (
    SIGNAL_BIT[name] for name in ("unusual_name", "stray_name", "free_name", "platform_name")
)
BAD, GAMES = CATEGORY_BIT["bypass"] | CATEGORY_BIT["bypass.unblocker"], CATEGORY_BIT["games"]
NOW = datetime(2026, 11, 17, 11, tzinfo=UTC)


def detector(**changed) -> StrangeSite:
    return StrangeSite(Settings.model_validate({"learn_days": 0} | changed), Seen())


def remembering(one: StrangeSite) -> list:
    return [one, one._seen, *one._seen.pages]


def events(frame, *rows: dict) -> pl.DataFrame:
    """Make events; ``bits`` are their category bits."""
    rows = tuple(dict(row) for row in rows)
    bits = [row.pop("bits", 0) for row in rows]
    embedded = [row.pop("embedded", False) for row in rows]
    return frame(*rows).with_columns(category_bits=pl.Series(bits, dtype=pl.UInt64), embedded=pl.Series(embedded))


def told(found: pl.DataFrame) -> list[tuple]:
    assert found.schema == DETECTION_SCHEMA
    return found.select("rule", "level", "person").rows()


def run(frame, *rows: dict, **changed) -> list[tuple]:
    return told(detector(**changed)(events(frame, *rows), none(), NOW))


def at(minute: float, who: str = "amy", site: str = "odd.pizza.test", bits: int = STRAY, **other) -> dict:
    return {
        "at": minute * 60, "person": who, "device": f"cb-{who}", "client_ip": f"10.1.0.{len(who)}", "host": site,
        "domain": ".".join(site.split(".")[-2:]), "bits": bits, "bytes_in": 400_000,
    } | other  # fmt: skip


def stay(begin: float = 0, minutes: int = 11, **other) -> list[dict]:
    return [at(begin + n, **other) for n in range(minutes + 1)]


def blocked(minute: float, who: str = "amy", **other) -> dict:
    return at(minute, who, "www.games.test", GAMES, action="blocked", bytes_in=3_000) | other


def asked(row: dict) -> dict:
    return {key: value for key, value in row.items() if key not in ("host", "bytes_in")} | {
        "kind": "dns",
        "query": row["host"],
    }


def test_a_stay_at_a_strange_new_site_is_a_hint_and_with_a_telling_name_an_alert(frame):
    assert run(frame, *stay()) == [("strange_site", "low", "amy")]
    assert run(frame, *stay(bits=UNUSUAL)) == [("strange_site", "medium", "amy")]


def test_two_things_done_at_a_strange_site_are_an_alert(frame):
    assert run(frame, blocked(-2), *stay()) == [("strange_site", "low", "amy"), ("strange_site", "medium", "amy")]


def test_a_visit_just_after_a_block_or_a_search_for_ways_counts(frame):
    visit = stay(minutes=2, bits=UNUSUAL)
    search = at(-2, site="www.google.test", bits=0, search_terms="unblocked games proxy for school")
    assert run(frame, blocked(-2), *visit) == [("strange_site", "medium", "amy")]
    assert run(frame, search, *visit) == [("strange_site", "medium", "amy")]
    assert run(frame, search | {"embedded": True}, *visit) == []  # a page that asks in somebody's name
    assert run(frame, blocked(-9), *visit) == []
    assert run(frame, blocked(-2, embedded=True), *visit) == []
    assert run(frame, blocked(-2) | {"bits": 0}, *visit) == []  # an advertisement, most likely
    assert run(frame, blocked(-2, who="bob"), *visit) == []


def test_people_who_come_in_turn_are_news_that_goes_round(frame):
    rows = [row for n, who in enumerate(["amy", "bob", "cyd"]) for row in stay(n * 20, 2, who=who, bits=UNUSUAL)]
    assert run(frame, *rows) == [("strange_site", "medium", "cyd")]
    assert run(frame, *map(asked, rows)) == [("strange_site", "medium", "cyd")]


def test_a_class_that_opens_a_page_together_is_at_work(frame):
    together = [row for n in range(30) for row in stay(n / 10, 20, who=f"p{n}", bits=UNUSUAL)]
    assert run(frame, *sorted(together, key=lambda row: row["at"])) == []
    pictures = [at(n / 60, who=f"p{n}", bytes_in=20_000) for n in range(30)]
    assert run(frame, *pictures, *stay(bits=UNUSUAL)) == [("strange_site", "medium", "amy")]
    few = [row for n in range(3) for row in stay(n, 2, who=f"p{n}", bits=UNUSUAL)]
    assert run(frame, *sorted(few, key=lambda row: row["at"])) == []


def test_strange_sites_tried_one_after_another_count_blocked_ones_too(frame):
    tries = [at(n * 2, site=f"x.shop{n}.test", action="blocked", bytes_in=3_000) for n in range(3)]
    assert run(frame, *tries) == [("strange_site", "low", "amy")]
    visits = [row for n in range(3) for row in stay(n * 3, 2, site=f"x.shop{n}.test", bits=UNUSUAL)]
    assert run(frame, *visits) == [("strange_site", "medium", "amy")]
    pieces = [at(n / 10, site=f"x.shop{n}.test", action="blocked") for n in range(3)]
    assert run(frame, *pieces) == []


def test_what_a_page_loads_is_no_visit(frame):
    others = [at(n / 10, site=f"www.site{n}.test", bits=0) for n in range(40)]
    rows = sorted([*stay(bits=UNUSUAL, minutes=3), *others], key=lambda row: row["at"])
    assert run(frame, blocked(-2), *rows) == []
    assert run(frame, blocked(-2), *stay(bits=UNUSUAL, embedded=True)) == []
    assert run(frame, blocked(-2), *(stay(bits=UNUSUAL, minutes=3, bytes_in=900))) == []
    assert run(frame, *stay(bits=UNUSUAL, bytes_in=20_000)) == []  # a chat widget


def test_a_resolver_shows_questions_and_of_a_stay_no_more_than_a_hint(frame):
    twice = [asked(at(minute, bits=UNUSUAL)) for minute in (0, 11)]
    often = [asked(at(minute, bits=UNUSUAL)) for minute in (0, 4, 8, 12)]
    assert run(frame, *twice) == []
    assert run(frame, *[row for row in twice for _ in "46h"]) == []  # for each kind of address
    assert run(frame, *often) == [("strange_site", "low", "amy")]
    assert run(frame, blocked(-2), *often) == [("strange_site", "medium", "amy")]
    [found] = detector()(events(frame, *often), none(), NOW).rows(named=True)
    assert found["reason"].endswith("unblockers: asked for 4 times within 12 minutes")
    assert found["outcome"] == "advisory"


def test_one_long_tunnel_is_a_stay(frame):
    tunnel = at(15, bits=UNUSUAL, lasted=900, bytes_in=9_000_000, method="CONNECT")
    assert run(frame, tunnel) == [("strange_site", "medium", "amy")]


def test_a_site_beside_an_unblocker_is_strange_without_a_strange_name(frame):
    unblocker = at(0, site="schoology.pizza.test", bits=BAD)
    [row] = run(frame, unblocker, *stay(20, site="www.pizza.test", bits=0))
    assert row == ("strange_site", "medium", "amy")
    assert run(frame, *stay(20, site="www.pizza.test", bits=0)) == []
    lent = at(0, site="math.duck.test", bits=BAD | FREE)
    assert run(frame, lent, *stay(20, site="www.duck.test", bits=0)) == []  # strangers share what is above them


def test_names_below_dynamic_dns_are_sites_of_their_own(frame):
    known = stay(-60 * 24 * 9, site="nas.duck.test", bits=UNUSUAL | FREE, minutes=0)
    assert run(frame, *known, *stay(site="new.duck.test", bits=UNUSUAL | FREE)) == [("strange_site", "medium", "amy")]
    assert run(frame, *known, *stay(site="nas.duck.test", bits=UNUSUAL | FREE)) == []


@pytest.mark.parametrize("learn", [0, 1])
def test_a_platform_the_school_works_with_is_none_of_it(frame, learn):
    mark, alert = UNUSUAL | PLATFORM, ("strange_site", "medium", "amy")
    lessons = [at(n - 60 * 24 - 100, site=f"www.s{n}.test", bits=0, bytes_in=1) for n in range(BUSY)] if learn else []

    def after(begin: float, pupils: int, names: int = AT_HOME, **other) -> list[tuple]:
        visits = [stay(begin + 2 * n, 2, who=f"p{n % pupils}", site=f"x{n}.code.test", bits=mark) for n in range(names)]
        rows = [row | other for rows in visits for row in rows]
        return run(frame, *lessons, *rows, *stay(site="new.code.test", bits=mark), learn_days=learn)

    assert after(-60 * 24, 5) == []
    assert after(-60 * 24, BY_PEOPLE) == []
    assert alert in after(-60 * 24, BY_PEOPLE - 1)  # names that one or two make up
    assert after(-60 * 24, 5, AT_HOME - 1) == [alert]
    assert after(-60 * 24, 5, bytes_in=300) == [alert]  # handshakes
    assert after(-60 * 24, 5, embedded=True) == [alert]
    assert alert in after(-60 * 24, 5, action="blocked")
    assert alert in after(-60, 5)  # today
    missing = {"kind": "dns", "query": "x.code.test", "rcode": "NXDOMAIN", "bytes_in": None}
    assert after(-60 * 24, 5, **missing) == [alert]


def test_a_site_is_new_for_a_week(frame):
    first = at(-60 * 24 * 8)
    assert run(frame, first, *stay()) == []
    assert run(frame, first, *stay(), new_for_days=9) == [("strange_site", "low", "amy")]
    assert run(frame, at(-60 * 24 * 8, site="www.pizza.test", bits=0), *stay()) == []


def test_where_staff_go_is_ordinary(frame):
    def after(minutes: int = 2, **other) -> list[tuple]:
        teacher = [row | other for row in stay(-30, minutes, who="mr-x", group="staff")]
        return run(frame, *teacher, *stay(bits=UNUSUAL))

    assert after() == []
    assert after(minutes=0) != []
    assert after(bytes_in=900) != []
    assert after(embedded=True) != []
    assert after(action="blocked") != []
    assert after(identity="address") != []
    assert run(frame, *stay(bits=UNUSUAL, group="staff")) == []
    assert run(frame, *stay(bits=UNUSUAL, group="guests")) != []
    assert run(frame, *stay(bits=UNUSUAL, group=None)) != []
    assert run(frame, *stay(bits=UNUSUAL, group="guests"), groups=["pupils"]) == []


def test_a_new_installation_learns_before_it_says_anything(frame):
    def work(day: int) -> list[dict]:
        return [at(day * 24 * 60 - 5, site=f"www.s{n}.test", bits=0, bytes_in=1) for n in range(BUSY)]

    lessons = [row for day in (-2, -1) for row in work(day)]
    assert run(frame, *stay(bits=UNUSUAL), learn_days=1) == []
    assert run(frame, *lessons, *stay(bits=UNUSUAL), learn_days=2) == [("strange_site", "medium", "amy")]
    assert run(frame, *lessons, *stay(bits=UNUSUAL), learn_days=3) == []
    assert run(frame, *lessons[1:], *stay(bits=UNUSUAL), learn_days=2) == []  # one of them was a holiday
    learnt_then = at(-1.5 * 24 * 60)
    assert run(frame, *sorted([*lessons, learnt_then], key=lambda row: row["at"]), *stay(), learn_days=2) == []


def test_each_is_told_once_and_again_only_when_it_is_worse(frame):
    long = [*stay(minutes=40), blocked(58), *stay(60, 3)]
    assert run(frame, *long) == [("strange_site", "low", "amy"), ("strange_site", "medium", "amy")]


def test_the_reason_names_what_was_seen_and_nobody(frame):
    found = detector()(events(frame, blocked(-2), *stay(bits=UNUSUAL)), none(), NOW)
    assert found["reason"].to_list() == [
        "a site new to the school, with a name like those of unblockers: opened just after a block"
    ]
    assert (found["category"][0], found["kind"][0], found["outcome"][0]) == ("bypass", "unblocker", "breach")
    assert found["matched"].null_count() == 1
    hint = detector()(events(frame, blocked(-2), *stay(minutes=3)), none(), NOW)
    assert hint["reason"].to_list() == ["a site new to the school, with an odd name: opened just after a block"]
    assert hint["outcome"].to_list() == ["advisory"]


def test_frames_without_signals_and_empty_ones_are_no_matter(frame):
    assert told(detector()(pl.DataFrame(), none(), NOW)) == []
    assert told(detector()(frame(stay()[0]), none(), NOW)) == []


def test_it_is_among_the_detectors_with_its_memory():
    names = [one.name for one in build(AllSettings(), {}, lambda _when: True, live=True)]
    assert names[-2:] == ["seen", "strange_site"]


hostile = st.builds(
    lambda minute, who, site, bits, action, group, identity, dns, search: (asked if dns else dict)(
        at(minute / 2, who, site, bits, action=action, group=group, identity=identity)
        | {"search_terms": "unblock proxy" if search else None}
    ),
    st.integers(0, 3 * 24 * 120) | st.sampled_from([-9 * 24 * 120, -20_000 * 24 * 120]),
    st.sampled_from(["amy", "bob", "cyd"]),
    st.sampled_from(["odd.pizza.test", "b.pizza.test", "x.duck.test", "y.duck.test", "www.ok.test", "\x1b[2J.é.test"]),
    st.sampled_from([0, STRAY, UNUSUAL, UNUSUAL | FREE, STRAY | PLATFORM, BAD, GAMES]),
    st.sampled_from(["allowed", "allowed", "blocked"]),
    st.sampled_from(["pupils", "pupils", "staff", None]),
    st.sampled_from(["lease", "lease", "address", None]),
    st.booleans(),
    st.booleans(),
)
runs = st.builds(
    lambda row, length: [row | {"at": row["at"] + 60 * n} for n in range(length)], hostile, st.integers(1, 14)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(runs, min_size=1, max_size=8),
    st.lists(st.integers(1, 80), max_size=6),
    st.booleans(),
    st.integers(0, 2),
    st.integers(2, 30),
    st.integers(0, 9),
)
def test_however_lines_are_batched_and_restarts_happen_the_same_is_found(
    frame, monkeypatch, parts, cuts, ordered, learn, pages, given_up
):
    monkeypatch.setattr("filterwatch.detectors.seen.BUSY", 2)
    monkeypatch.setattr("filterwatch.detectors.seen.MOST_OF_ONE", 3)
    monkeypatch.setattr("filterwatch.detectors.seen_pages.PAGE", 2)
    monkeypatch.setattr("filterwatch.detectors.seen_pages.PAGES", pages)
    monkeypatch.setattr("filterwatch.detectors.seen_pages.GIVEN_UP", given_up)
    monkeypatch.setattr("filterwatch.detectors.strange_use.MOST_OF_ONE", 2)
    monkeypatch.setattr("filterwatch.detectors.strange_use.MOST_USES", 3)
    rows = [dict(row) for part in parts for row in part]
    rows = sorted(rows, key=lambda row: row["at"]) if ordered else rows
    everything = events(frame, *rows)
    whole = detector(people=2, tries=2, learn_days=learn)(everything, none(), NOW)
    one, found, begin = detector(people=2, tries=2, learn_days=learn), [], 0
    for cut in [*sorted(cut for cut in set(cuts) if cut < len(everything)), len(everything)]:
        found.append(one(everything[begin:cut], none(), NOW))
        states, begin = [part.state() for part in remembering(one)], cut
        one = detector(people=2, tries=2, learn_days=learn)
        for part, state in zip(remembering(one), states, strict=True):
            part.restore(state)
        assert [part.state() for part in remembering(one)] == states
    assert pl.concat(found).equals(whole)
    assert whole["id"].is_unique().all()


def test_a_site_that_is_forgotten_within_a_batch_is_judged_as_if_the_batch_were_cut(frame, monkeypatch):
    monkeypatch.setattr("filterwatch.detectors.seen_pages.PAGE", 2)
    monkeypatch.setattr("filterwatch.detectors.seen_pages.PAGES", 3)
    long_ago = [at(-60 * 24 * 9, bits=UNUSUAL)]
    others = [at(-20 + n / 10, f"q{n}", f"www.s{n}.test", bits=0) for n in range(8)]
    rows = [events(frame, *long_ago, *others, *stay(bits=UNUSUAL))[n : n + 1] for n in range(21)]
    one, other = detector(), detector()
    cut = pl.concat([one(row, none(), NOW) for row in rows])
    whole = pl.concat([other(part, none(), NOW) for part in (rows[0], pl.concat(rows[1:]))])
    assert told(cut) == [("strange_site", "medium", "amy")]
    assert whole.equals(cut)


def test_endless_names_and_people_stay_within_bounds(frame, monkeypatch):
    monkeypatch.setattr(strange_site, "MOST_BAD", 20)
    monkeypatch.setattr(strange_site, "MOST_PEOPLE", 20)
    monkeypatch.setattr(strange_use, "MOST_USES", 20)
    one = detector()
    for batch in range(5):
        names = range(batch * 100, batch * 100 + 100)
        rows = [at(n / 50, f"p{n}", f"x{n}.s{n}.test", BAD if n % 3 else STRAY) for n in names]
        tries = [at(n / 50, f"q{n}", f"x{n}.t{n}.test", action="blocked", search_terms="proxy unblock") for n in names]
        one(events(frame, *rows, *tries), none(), NOW)
    hour, sites, order, *halves = json.loads(one.state())
    assert hour
    assert max(map(len, (sites, order))) <= 20
    assert max(len(half) for both in halves for half in both) == 20
    one(events(frame, at(3 * 24 * 60, site="www.ok.test", bits=0)), none(), NOW)
    assert json.loads(one.state())[1:3] == [[], []]


def test_forged_addresses_hide_nobody_who_is_surely_known(frame, monkeypatch):
    for name in ("MOST_BAD", "MOST_PEOPLE"):
        monkeypatch.setattr(strange_site, name, 20)
    monkeypatch.setattr(strange_use, "MOST_USES", 20)

    def forged(minute: int, n: int, **other) -> dict:
        return asked(at(minute + n / 100, f"10.9.9.{n}", identity="address") | other)

    flood = [
        forged(minute, n, **more)
        for minute in range(-5, 12)
        for n in range(60)
        for more in (
            {"host": f"x.q{minute}-{n}.test", "domain": f"q{minute}-{n}.test", "bits": (STRAY, BAD)[n % 2]},
            {"action": "blocked", "host": "www.games.test", "domain": "games.test", "bits": GAMES},
        )
    ]
    mine = [at(-4, site="schoology.pizza.test", bits=BAD), blocked(-2), *stay(site="www.pizza.test", bits=0)]
    detects = detector()
    rows = events(frame, *sorted([*flood, *mine], key=lambda row: row["at"]))
    found = pl.concat([detects(part, none(), NOW) for part in rows.iter_slices(200)])
    assert ("strange_site", "medium", "amy") in told(found.filter(pl.col("client_ip") == "10.1.0.3"))
    assert detects.forgotten > 1_000


def test_forged_questions_make_no_class_and_fill_no_site(frame):
    def forged(many: int, identity: str) -> list[dict]:
        twice = [at(minute + n / 100, f"10.9.9.{n}", bits=UNUSUAL) for minute in (0, 1.5) for n in range(many)]
        return [asked(row) | {"identity": identity} for row in twice]

    def found(*rows: dict) -> bool:
        return ("strange_site", "medium", "amy") in run(frame, *rows, *stay(3, bits=UNUSUAL))

    assert found(*forged(12, "address"))
    assert found(*forged(40, "address"))
    assert not found(*forged(12, "lease"))


def test_of_mere_addresses_those_with_the_lowest_hash_stay_whoever_comes_first(monkeypatch):
    monkeypatch.setattr(strange_use, "MOST_USES", 50)
    kept = []
    for order in (1, -1):
        table = Table()
        for n in range(400)[::order]:
            table.use(f"s{n % 90}.test", f"10.0.0.{n}", n, "", sure=False)
        table.use("s1.test", "amy", 1, "", sure=True)
        assert table.forgotten == 350
        kept.append({who for _, _, uses in table.state()[0] for who, *_ in uses})
    assert kept[0] == kept[1]
    assert len(kept[0]) == 51


def test_nobody_hides_a_use_behind_names_that_he_or_another_makes_up(frame):
    for who in ("amy", "eve"):
        flood = [
            at(minute + n / 1_000, who, f"q{n}.duck.test", UNUSUAL | FREE, bytes_in=6_000)
            for minute in range(3)
            for n in range(300)
        ]
        rows = sorted([*stay(bits=UNUSUAL), *flood], key=lambda row: row["at"])
        detects = detector()
        found = detects(events(frame, *rows), none(), NOW)
        assert ("strange_site", "medium", "amy") in told(found) or who == "amy"
        assert "pizza.test" in detects._sites.sites
        assert len([*detects._sites.used_by("eve", rows[-1]["at"] * 1_000_000)]) <= strange_use.MOST_OF_ONE


def test_one_person_s_names_do_not_push_out_what_the_school_knows(monkeypatch):
    monkeypatch.setattr("filterwatch.detectors.seen_pages.PAGES", 3)
    seen = Seen()
    seen.note("known.test", 20_000, "amy")
    for n in range(10_000):
        seen.note(f"s{n}.test", 20_001, "eve")
    assert (seen.since("known.test", 20_002), seen.since("s9999.test", 20_002)) == (20_000, 20_002)
    seen.note("other.test", 20_002, "eve")
    assert seen.since("other.test", 20_003) == 20_002


def test_forged_addresses_push_out_nothing_that_surely_known_people_taught(monkeypatch):
    monkeypatch.setattr("filterwatch.detectors.seen_pages.PAGES", 3)
    monkeypatch.setattr("filterwatch.detectors.seen_pages.GIVEN_UP", 1)
    seen = Seen()
    seen.note("known.test", 20_000, "amy")
    seen.note("home.test", 20_000, "10.1.0.9", sure=False)
    for day in (20_001, 20_002):
        for n in range(4_000):
            seen.note(f"s{day}-{n}.test", day, f"10.{n}", sure=False)
        seen.note(f"real{day}.test", day, "amy")
    assert [seen.since(f"{site}.test", 20_009) for site in ("known", "real20001", "real20002")] == [
        20_000, 20_001, 20_002,
    ]  # fmt: skip
    assert seen.since("home.test", 20_009) == 20_009
    assert [seen.since(f"s20001-{n}.test", 20_009) for n in (2_998, 3_999)] == [20_001, 20_009]  # a page a day
    assert seen.forgotten == 2


def test_a_line_dated_long_ago_makes_no_site_an_old_one(frame):
    for days in (8, 20_000):
        then = at(-60 * 24 * days, bits=UNUSUAL)
        late = [at(-60, site="www.ok.test", bits=0), then]
        assert run(frame, *late, *stay(bits=UNUSUAL)) == [("strange_site", "medium", "amy")]


def test_what_was_noted_is_not_looked_at_again(frame, monkeypatch):
    one, noted = detector(), []
    note = Seen.note
    monkeypatch.setattr(
        Seen, "note", lambda self, site, *rest, **more: [noted.append(site), note(self, site, *rest, **more)]
    )
    rows = events(frame, *(at(n / 100, f"p{n % 7}", f"www.s{n % 150}.test", 0) for n in range(600)))
    counts = []
    for _ in range(3):
        one(rows, none(), NOW)
        counts.append(len(noted))
    assert counts == [len(noted)] * 3
    assert set(noted) == {f"s{n}.test" for n in range(150)}


def test_the_memory_of_sites_is_bounded_and_a_new_one_changes_a_page(monkeypatch):
    monkeypatch.setattr("filterwatch.detectors.seen_pages.PAGES", 3)
    seen = Seen()
    for n in range(5_500):
        seen.note(f"s{n}.test", 20_000 + n // 500, f"p{n}")
    assert seen.since("s0.test", 20_010) == 20_010
    assert seen.since("s5499.test", 20_010) == 20_010
    assert seen.since("s3500.test", 20_010) == 20_007
    assert max(len(page.state()) for page in seen.pages) <= 12_008
    before = [part.state() for part in (seen, *seen.pages)]
    seen.note("s5499.test", 20_010, "amy")
    assert all(part.state() is was for part, was in zip((seen, *seen.pages), before, strict=True))
    seen.note("new.test", 20_010, "amy")
    changed = [page.state() is not was for page, was in zip(seen.pages, before[1:], strict=True)]
    assert changed.count(True) == 1
    assert len(seen.state()) < 4_000


def test_what_is_remembered_of_uses_is_small_at_its_bounds():
    table = Table()
    for n in range(10_000):
        found = table.use(f"q{n % 999}.some-long-host-name.duck.test", f"10.10.{n}", n, "", sure=bool(n % 2))
        if found:
            found[1].others = [*range(1_000, 1_064)]
    sites, order = table.state()
    assert sum(len(uses) for _, _, uses in sites) <= 2 * strange_use.MOST_USES
    assert len(order) <= strange_use.MOST_USES


@pytest.mark.parametrize("wrong", [{"people": 1}, {"tries": 11}, {"level": "loud"}, {"groups": ["cats"]}, {"learn": 3}])
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings.model_validate(wrong)
