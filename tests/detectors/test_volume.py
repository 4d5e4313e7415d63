import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterwatch.detections import none
from filterwatch.detectors.volume import Settings, Volume
from filterwatch.events import DETECTION_SCHEMA

NOW = datetime(2026, 11, 17, 11, tzinfo=UTC)
MINUTE = 60_000_000  # bytes a minute on a link of 8 Mbit/s
LINK = Settings(link_mbit=8, sustained_share=0.25, sustained_for="3m", peak_share=0.5)


def found(detector: Volume, events: pl.DataFrame) -> list[tuple]:
    out = detector(events, none(), NOW)
    assert out.schema == DETECTION_SCHEMA
    return out.select("rule", "level", "person", "line_offset", "reason").rows()


def test_half_the_link_in_one_minute_is_a_peak(frame):
    events = frame({"at": 30, "lasted": 10, "bytes_in": MINUTE // 2})
    assert found(Volume(LINK), events) == [
        ("bandwidth_peak", "informational", "amy", 0, "download of 4 Mbit/s, 50% of the link, for 1 minute")
    ]


def test_a_byte_less_is_none(frame):
    assert found(Volume(LINK), frame({"at": 30, "lasted": 10, "bytes_in": MINUTE // 2 - 1})) == []


def test_many_small_transfers_add_up_to_a_peak_and_the_line_that_completes_it_is_the_evidence(frame):
    events = frame(*({"at": n, "bytes_in": MINUTE // 8} for n in range(6)))
    assert [row[3] for row in found(Volume(LINK), events)] == [300]


def test_a_tunnel_is_judged_over_the_minutes_it_ran_in_not_by_the_minute_it_was_logged_in(frame):
    # As much as the whole link carries in a minute, but over ten minutes: a tenth of the link.
    assert found(Volume(LINK), frame({"at": 600, "lasted": 600, "bytes_in": MINUTE})) == []


def test_a_quarter_of_the_link_for_three_minutes_is_sustained(frame):
    events = frame({"at": 180, "lasted": 180, "bytes_in": 3 * MINUTE // 4})
    assert found(Volume(LINK), events) == [
        ("bandwidth_sustained", "low", "amy", 0, "download of 2 Mbit/s, 25% of the link, for 3 minutes")
    ]


def test_three_minutes_with_a_pause_are_not_sustained(frame):
    events = frame(*({"at": 60 * n + 30, "bytes_in": MINUTE // 3} for n in (0, 1, 3)))
    assert found(Volume(LINK), events) == []


def test_uploads_are_judged_by_the_link_from_the_school(frame):
    limits = Settings(link_mbit=80, link_up_mbit=8)
    events = frame({"at": 30, "bytes_out": MINUTE // 2})
    [row] = found(Volume(limits), events)
    assert row[4] == "upload of 4 Mbit/s, 50% of the link, for 1 minute"


def test_who_was_told_of_is_told_again_only_after_the_pause(frame):
    events = frame(*({"at": 60 * n + 30, "bytes_in": MINUTE * 3 // 4} for n in range(0, 130, 10)))
    assert [row[3] // 100 * 10 for row in found(Volume(LINK), events)] == [0, 60, 120]


def test_the_same_bytes_seen_by_proxy_and_firewall_are_not_added_up(frame):
    seen = {"at": 30, "bytes_in": MINUTE * 3 // 10}
    assert found(Volume(LINK), frame(dict(seen, source="squid"), dict(seen, source="firewall"))) == []


def test_a_device_that_calls_itself_by_a_persons_name_is_not_that_person(frame):
    half = {"at": 30, "bytes_in": MINUTE * 3 // 10}
    events = frame(half, half | {"person": None, "device": "amy", "identity": "unknown"})
    assert found(Volume(LINK), events) == []


def test_servers_are_not_watched(frame):
    assert found(Volume(LINK), frame({"at": 30, "bytes_in": MINUTE, "group": "system"})) == []


def test_without_a_known_link_nothing_is_detected(frame):
    assert found(Volume(Settings()), frame({"at": 30, "bytes_in": 10**12})) == []


def test_silence_is_no_detection():
    detector = Volume(LINK)
    assert found(detector, pl.DataFrame()) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 5000), st.integers(0, MINUTE), st.sampled_from("ab")),
        min_size=1, max_size=40,
    ),
    st.lists(st.integers(1, 39), max_size=5),
)  # fmt: skip
def test_however_lines_are_batched_and_restarts_happen_the_same_is_found(frame, rows, cuts):
    events = frame(
        *({"at": at, "lasted": lasted, "bytes_in": size, "person": who} for at, lasted, size, who in sorted(rows))
    )
    whole = Volume(LINK)(events, none(), NOW)
    detector, parts, begin = Volume(LINK), [], 0
    for cut in [*sorted(set(cuts)), len(events)]:
        parts.append(detector(events[begin:cut], none(), NOW))
        state, begin = detector.state(), cut
        detector = Volume(LINK)
        detector.restore(state)
        assert detector.state() == state
    assert pl.concat(parts).equals(whole)


@pytest.mark.parametrize("wrong", [{"link_mbit": 0}, {"peak_share": 1.2}, {"sustained_for": 10}, {"speed": 3}])
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings.model_validate(wrong)


def test_memory_is_bounded_also_while_a_clock_that_is_ahead_keeps_anything_from_being_old(frame, monkeypatch):
    monkeypatch.setattr("filterwatch.detectors.volume.MOST_USERS", 10)
    detector = Volume(LINK)
    ahead = {"at": 80_000, "bytes_in": MINUTE // 8}
    rows = [{"at": 60 * n, "bytes_in": MINUTE // 8} for n in range(1_000)]
    others = [{"at": n, "bytes_in": MINUTE // 8, "person": f"p{n}", "device": f"d{n}"} for n in range(100)]
    found(detector, frame(ahead, *others, *rows))
    _, told, rates = json.loads(detector.state())
    assert len(rates) <= 10
    assert len(told) <= 40
    assert max(len(minutes) for *_, minutes in rates) <= 132
