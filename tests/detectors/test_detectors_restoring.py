"""A state that this version cannot read is said and left aside; the daemon goes on."""

import copy
import json
import logging
import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from filterwatch import enrich
from filterwatch.detectors import Company, Settings, Visits, build
from filterwatch.detectors.restoring import restore
from filterwatch.events import SIGNAL_BIT
from filterwatch.pipeline import Bench
from filterwatch.policy import RuleSet

NOW = datetime(2026, 11, 17, 10, 30, tzinfo=UTC)
NAMES = ("threshold", "filter_off", "liveness", "bypass", "shared_login", "volume", "seen", "strange_site")
OTHER = (None, [], {}, 0, -1, 1e300, "x", [1, 2, 3], {"a": 1}, True, "2026-11-17T10:00:00")


def bench() -> Bench:
    settings = Settings.model_validate({"strange_site": {"learn_days": 0}, "volume": {"link_mbit": 10}})
    return Bench(RuleSet((), {}), build(settings, {}, lambda _when: True, live=False))


def day(frame, begin: float) -> pl.DataFrame:
    """Something for each detector to remember, or to find."""
    strange = {"host": "x.odd.test", "domain": "odd.test", "bytes_in": 400_000}
    blocked = {"categories": ["bypass"], "action": "blocked", "host": "proxy.test", "domain": "proxy.test"}
    rows = [
        {"kind": "control", "control_event": "filter_stopped", "control_service": "squid"},
        {"kind": "control", "control_event": "config_changed", "control_service": "squid"},
        {"person": "bob", "identity": "authenticated"},
        {"person": "bob", "identity": "authenticated", "client_ip": "10.2.0.1", "device": "cb-2"},
        {"bytes_in": 90_000_000},
        {"kind": "dns", "query": f"{'abcdefghijklmnopqrstuvwxyz' * 2}.tunnel.test", "domain": "tunnel.test"},
        *(strange | {"at": 60 * n} for n in range(5)),
        *(blocked | {"at": 90 * n} for n in range(4)),
    ]
    rows = [row | {"at": begin + row.get("at", 0)} for row in rows]
    bits = [SIGNAL_BIT["unusual_name"] if row.get("domain") == "odd.test" else 0 for row in rows]
    return frame(*rows).with_columns(category_bits=pl.Series(bits, dtype=pl.UInt64), embedded=pl.lit(value=False))


def changed(state: object, rng: random.Random) -> object:
    """Return a state of which one part is another, is gone, or is there twice."""
    paths: list[list] = []

    def walk(part: object, path: list) -> None:
        paths.append(path)
        places = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for place, value in places:
            walk(value, [*path, place])

    walk(state, [])
    *above, last = rng.choice(paths[1:])
    state = copy.deepcopy(state)
    part = state
    for place in above:
        part = part[place]  # type: ignore[index]
    way = rng.randrange(len(OTHER) + 2)
    if way == len(OTHER):
        del part[last]  # type: ignore[attr-defined]
    elif way > len(OTHER) and isinstance(part, list):
        part.append(part[last])
    else:
        part[last] = OTHER[way % len(OTHER)]  # type: ignore[index]
    return state


@pytest.mark.parametrize("name", NAMES)
def test_a_state_of_another_shape_is_survived(frame, name):
    before = bench()
    before(day(frame, 0), NOW)
    states, later = before.state(), day(frame, 300)
    state, rng = states[name], random.Random(name)
    other = [json.dumps(changed(json.loads(state), rng)).encode() for _ in range(5)]
    for new in [b"\x80", b"[]", b"{}", state[: len(state) // 2], *other]:
        again = bench()
        again.restore(states | {name: new})
        again(later, NOW + timedelta(minutes=5))
        again.state()


def test_what_cannot_be_read_is_said_and_begins_anew_and_all_else_goes_on(frame, caplog):
    before, again = bench(), bench()
    before(day(frame, 0), NOW)
    states = before.state()
    assert states["bypass"] != again.state()["bypass"]
    with caplog.at_level(logging.WARNING):
        again.restore(states | {"bypass": b'{"version": 0}', "seen.0": b"of another kind"})
    assert [record.args for record in caplog.records] == [("bypass", "ValidationError"), ("seen.0", "ValueError")]
    assert "written by another version" in caplog.text
    empty = bench().state()
    assert again.state() == states | {"bypass": empty["bypass"], "seen.0": b""}


@pytest.mark.parametrize("part", [Company({"chat"}), Visits({}), enrich.build(enrich.Settings())])
def test_parts_beside_the_detectors_say_it_too(part, caplog):
    empty = part.state()
    for other in (b"filterwatch-of-another-version\n[]", b""):
        assert not restore("it", part, other)
    assert not restore("visits", Visits({}), Visits({}).state().partition(b"\n")[0] + b"\n" + b"[" * 100_000)
    assert [record.args for record in caplog.records] == [("it", "ValueError")] * 2 + [("visits", "RecursionError")]
    assert part.state() == empty
