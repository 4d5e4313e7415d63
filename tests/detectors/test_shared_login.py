"""One login at two places in turns is told; a walk from room to room is not."""

import json
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.detections import none
from filterwatch.detectors import shared_login
from filterwatch.detectors.shared_login import Settings, SharedLogin

NOW = datetime(2026, 11, 17, 11, tzinfo=UTC)
A, B = {"client_ip": "10.1.1.1", "device": "pc-1"}, {"client_ip": "10.1.2.1", "device": "pc-2"}


def used(at, place, **more):
    return {"at": at, "identity": "authenticated", "person": "amy"} | place | more


def found(events, cuts=()):
    detector, out = SharedLogin(Settings()), []
    edges = [0, *cuts, len(events)]
    for first, last in pairwise(edges):
        out += detector(events[first:last], none(), NOW)["line_offset"].to_list()
        saved, detector = detector.state(), SharedLogin(Settings())
        detector.restore(saved)
    return out


def test_back_at_a_place_while_the_login_is_in_use_at_another_is_told_once(frame):
    assert found(frame(used(0, A), used(60, B), used(120, A), used(130, B))) == [200]


def test_a_walk_is_not(frame):
    assert found(frame(used(0, A), used(10, A), used(60, B), used(70, B))) == []


def test_a_return_after_long_is_not(frame):
    assert found(frame(used(0, A), used(60, B), used(400, A))) == []


def test_one_device_that_changes_its_address_is_not(frame):
    moved = B | {"device": "pc-1"}
    assert found(frame(used(0, A), used(60, moved), used(120, A))) == []


def test_two_addresses_of_one_place_are_not(frame):
    near = {"client_ip": "10.1.1.77", "device": "pc-2"}
    assert found(frame(used(0, A), used(60, near), used(120, A))) == []


def test_a_device_known_by_its_lease_is_nobody_using_a_login(frame):
    rows = (used(at, place, identity="lease") for at, place in ((0, A), (60, B), (120, A)))
    assert found(frame(*rows)) == []


def test_what_the_detection_says_names_rule_level_and_person(frame):
    out = SharedLogin(Settings())(frame(used(0, A), used(60, B), used(120, A)), none(), NOW)
    assert out.select("rule", "level", "outcome", "person", "reason").row(0) == (
        "shared_login", "low", "advisory", "amy", "one login in use at two places in turns within 5 minutes",
    )  # fmt: skip


def test_where_a_batch_ends_and_the_daemon_restarts_changes_nothing(frame):
    @given(
        st.lists(st.tuples(st.integers(0, 90), st.sampled_from([A, B]), st.sampled_from(["amy", "bo"])), min_size=2),
        st.data(),
    )
    @settings(max_examples=40, deadline=None)
    def same(rows, data):
        at, made = 0, []
        for step, place, person in rows:
            at += step
            made.append(used(at, place, person=person))
        events = frame(*made)
        cuts = sorted(data.draw(st.sets(st.integers(1, len(rows) - 1), max_size=4)))
        assert found(events, cuts) == found(events)

    same()


def test_memory_is_bounded_by_people_and_places_whatever_the_batch(frame, monkeypatch):
    monkeypatch.setattr(shared_login, "MOST", 20)
    people = [used(n, A, person=f"p{n}") for n in range(100)]
    places = [used(200 + n, A, client_ip=f"10.{n}.1.1") for n in range(50)]
    detector = SharedLogin(Settings())
    detector(frame(*people, *places), none(), NOW)
    remembered = json.loads(detector.state())
    assert len(remembered) == 20
    assert len(remembered["amy"][0]) == shared_login.PLACES
