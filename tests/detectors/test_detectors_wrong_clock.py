"""Lines dated far ahead or far back: no detector follows them."""

from datetime import UTC, datetime, timedelta
from itertools import zip_longest

import polars as pl
import pytest

from filterwatch.detectors import Settings, build
from filterwatch.detectors.wrong_clock import set_right
from filterwatch.events import CATEGORY_BIT, SIGNAL_BIT
from filterwatch.pipeline import Bench, come_to, merged
from filterwatch.policy import RuleSet

BEGIN = datetime(2026, 11, 17, 10, tzinfo=UTC)
YEARS = 10 * 365 * 24 * 3600
SETTINGS = {"strange_site": {"learn_days": 0}, "volume": {"link_mbit": 10}}
BYPASS = {"categories": ["bypass"], "action": "blocked", "host": "proxy.test", "domain": "proxy.test"}


def bench() -> Bench:
    return Bench(RuleSet((), {}), build(Settings.model_validate(SETTINGS), {}, lambda _when: True, live=False))


def control(at: float, event: str) -> dict:
    return {"at": at, "kind": "control", "control_event": event, "control_service": "squid", "source": "journal"}


def story(begin: float) -> list[dict]:
    """What each detector tells of once."""
    strange = {"host": "x.odd.test", "domain": "odd.test", "bytes_in": 400_000, "bits": SIGNAL_BIT["unusual_name"]}
    names = [f"{n:02}abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrst" for n in range(45)]
    rooms = ["10.1.0.1", "10.2.0.1", "10.1.0.1"]
    rows = [
        control(begin, "filter_stopped"),
        *(strange | {"at": begin + 60 * n} for n in range(13)),
        *(BYPASS | {"at": begin + 90 * n, "device": "cb-7"} for n in range(8)),
        *(
            {"at": begin + n, "kind": "dns", "query": f"{name}.tunnel.test", "domain": "tunnel.test", "host": None}
            for n, name in enumerate(names)
        ),
        *(
            {"at": begin + 60 * n, "person": "bob", "identity": "authenticated", "client_ip": ip, "device": f"d{ip}"}
            for n, ip in enumerate(rooms)
        ),
        {"at": begin + 600, "lasted": 600, "person": "cyd", "device": "cb-3", "bytes_in": 700_000_000},
    ]
    return sorted(rows, key=lambda row: row["at"])


def rows_of(frame, lines: list[dict]) -> pl.DataFrame:
    bits = [row.get("bits", 0) for row in lines]
    rows = [{key: value for key, value in row.items() if key != "bits"} for row in lines]
    return frame(*rows).with_columns(category_bits=pl.Series(bits, dtype=pl.UInt64), embedded=pl.lit(value=False))


def told(frame, lines: list[dict], now: datetime, by: Bench) -> list[str]:
    """Give each line by itself, so that it is judged by those before it."""
    events = rows_of(frame, lines)
    found = pl.concat([by(events[n : n + 20], now) for n in range(0, len(events), 20)])
    return sorted([*found["rule"], *by.idle(now + timedelta(minutes=5))["rule"]])


EXPECTED = ["bandwidth_peak", "bandwidth_sustained", "bypass_persistence", "dns_tunnel", "filter_off", "shared_login",
            "strange_site"]  # fmt: skip


def test_each_detector_has_its_story(frame):
    assert told(frame, story(0), BEGIN + timedelta(hours=1), bench()) == EXPECTED


@pytest.mark.parametrize("years", [YEARS, -20 * 365 * 24 * 3600])
def test_lines_dated_years_away_hide_nothing_that_comes_after(frame, years):
    by, now = bench(), BEGIN + timedelta(hours=1)
    before = [*story(years), control(years + 60, "filter_started"), control(years + 300, "filter_started")]
    away = told(frame, sorted(before, key=lambda row: row["at"]), now, by)
    assert away  # a wrong clock hides nothing by itself either
    later = 14 * 3600  # what was told is told again after twelve hours
    rows = [row | ({"host": "y.eve.test", "domain": "eve.test"} if "bits" in row else {}) for row in story(later)]
    assert told(frame, rows, now + timedelta(hours=14), by) == EXPECTED


def test_kills_and_cuts_change_nothing_that_is_told_also_with_wrong_clocks(frame):
    ahead = [row | {"at": at} for row in story(0)[::9] for at in (YEARS, -YEARS, 20 * 3600)]
    lines = [one for pair in zip_longest(story(0), ahead) for one in pair if one]
    events = rows_of(frame, lines)
    now, found = BEGIN + timedelta(hours=1), []
    for size in (len(events), 11):
        by, told_then = bench(), []
        for part in events.iter_slices(size):
            told_then.append(by(part, now))
            state, by = by.state(), bench()
            by.restore(state)
        told_then.append(by.idle(now + timedelta(minutes=5)))
        found.append(pl.concat(told_then).sort("rule", "line_offset", "id"))
    assert found[0].equals(found[1])
    assert set(found[0]["rule"]) >= set(EXPECTED)


def test_lines_dated_years_ahead_do_not_stop_anything_from_being_forgotten(frame):
    by = bench()
    ahead = [BYPASS | {"at": YEARS + n, "device": f"cb-{n}"} for n in range(50)]
    told(frame, ahead, BEGIN, by)
    size = len(by.state()["bypass"])
    later = frame(BYPASS | {"at": 3 * 24 * 3600}, {"at": 4 * 24 * 3600})
    later = later.with_columns(category_bits=pl.lit(CATEGORY_BIT["bypass"], pl.UInt64))
    by(later, BEGIN + timedelta(days=4))
    assert len(by.state()["bypass"]) < size / 5


def test_what_is_dated_ahead_is_moved_and_a_day_is_not_far(frame):
    now = BEGIN + timedelta(minutes=5)
    rows = frame({"at": 24 * 3600}, {"at": YEARS, "lasted": 90}, {"at": YEARS, "lasted": YEARS}, {"at": -YEARS})
    right = set_right(rows, now)
    assert right["time"].to_list() == [rows["time"][0], now, now, rows["time"][3]]
    assert right["started"].to_list()[1:3] == [now - timedelta(seconds=90), now - timedelta(days=1)]
    assert set_right(rows[:1], now) is rows[:1] or set_right(rows[:1], now).equals(rows[:1])
    assert set_right(pl.DataFrame(), now).is_empty()


def test_old_logs_come_to_the_time_of_their_last_lines(frame):
    never = datetime.fromtimestamp(0, UTC)
    sparse = frame({"at": 0}, {"at": 3 * 24 * 3600})
    assert come_to(never, sparse) == BEGIN + timedelta(days=3)
    assert come_to(never, frame({"at": 0}, {"at": YEARS}, {"at": 60}, {"at": 90})) == BEGIN + timedelta(seconds=90)
    assert come_to(BEGIN, frame({"at": 60}, {"at": 90}, {"at": -YEARS})) == BEGIN + timedelta(seconds=90)
    assert come_to(BEGIN + timedelta(days=999), frame({"at": 60}, {"at": 90})) == BEGIN + timedelta(seconds=90)
    assert come_to(BEGIN, frame()) == BEGIN


def test_a_few_lines_dated_far_back_at_the_end_move_nothing(frame):
    never, seconds = datetime.fromtimestamp(0, UTC), [*range(0, 180, 20), -YEARS, -YEARS]
    end = frame(*({"at": at, "source": "a"} for at in seconds))
    assert come_to(never, end) == BEGIN + timedelta(seconds=160)
    assert come_to(never, frame(*({"at": at} for at in (0, 60, -YEARS, -YEARS)))) == BEGIN + timedelta(seconds=60)
    assert come_to(never, frame(*({"at": at} for at in (0, -YEARS, -YEARS)))) == BEGIN - timedelta(seconds=YEARS)
    other = frame(*({"at": at, "source": "b"} for at in (10, 30, 50)))
    assert "".join(pl.concat(merged([iter([end]), iter([other])]))["source"]).startswith("abababa")


def test_a_line_dated_ahead_does_not_put_its_log_behind_the_others(frame):
    one = frame(*({"at": at, "source": "a"} for at in (0, YEARS, 20, 40, 60)))
    other = frame(*({"at": at, "source": "b"} for at in (10, 30, 50)))
    both = pl.concat(merged([iter([one]), iter([other])]))
    assert "".join(both["source"]) == "aababab" + "a"
