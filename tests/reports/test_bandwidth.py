from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from filterwatch.detectors.volume import Settings
from filterwatch.reports.bandwidth import DESTINATIONS, HOURS, USERS, bandwidth
from filterwatch.reports.period import Period

DAY = Period(date(2026, 11, 17), date(2026, 11, 17), ZoneInfo("Europe/London"))
MINUTE = 60_000_000  # bytes a minute on a link of 8 Mbit/s
LINK = Settings(link_mbit=8, sustained_share=0.25, sustained_for="3m", peak_share=0.5)


def users(events: pl.DataFrame, *columns: str, limits: Settings = LINK, period: Period = DAY) -> list[tuple]:
    return bandwidth(events.lazy(), period, limits).users.select(columns).rows()


def at(minute: int, hour: int = 10) -> datetime:
    return datetime(2026, 11, 17, hour, minute, tzinfo=UTC)


def test_a_tunnel_over_midnight_counts_on_each_day_with_its_part(frame):
    # 23:55 on the 17th to 00:05 on the 18th; 6,000 bytes
    events = frame({"at": 14 * 3600 + 300, "lasted": 600, "bytes_in": 6000, "domain": "a.test"})
    before = bandwidth(events, DAY, LINK)
    after = bandwidth(events, Period(date(2026, 11, 18), date(2026, 11, 18), DAY.zone), LINK)
    assert [before.link.down, after.link.down] == [3000, 3000]
    assert before.destinations["down"].to_list() == after.destinations["down"].to_list() == [3000]


def test_a_tunnel_half_in_the_next_hour_is_half_booked_there(frame):
    events = frame({"at": 300, "lasted": 600, "bytes_in": 6000})  # 09:55 to 10:05
    hours = bandwidth(events, DAY, LINK).hours
    assert hours.select("hour", "down").rows() == [(9, 3000), (10, 3000)]


def test_hours_are_the_schools_own_also_in_summer(frame):
    summer = frame({"bytes_in": 10}).with_columns(pl.col("time", "started").dt.offset_by("-140d"))
    july = Period(date(2026, 6, 30), date(2026, 6, 30), DAY.zone)
    assert bandwidth(summer, july, LINK).hours["hour"].to_list() == [11]


def test_a_ten_minute_tunnel_is_no_peak_though_it_is_logged_in_one_minute(frame):
    events = frame({"at": 600, "lasted": 600, "bytes_in": MINUTE})
    [(peak, share, verdict)] = users(events, "peak_mbit", "peak_share", "verdict")
    assert (peak, round(share, 6), verdict) == (0.8, 0.1, None)


def test_sustained_and_instantaneous_load_are_two_measures(frame):
    events = frame(
        {"person": "steady", "at": 240, "lasted": 240, "bytes_in": MINUTE},  # a quarter of the link for four minutes
        {"person": "burst", "at": 30, "lasted": 10, "bytes_in": MINUTE // 2},
        {"person": "light", "at": 30, "lasted": 10, "bytes_in": MINUTE // 10},
    )
    assert users(events, "who", "verdict", "sustained_minutes", "sustained_from", "sustained_to", "peak_at") == [
        ("steady", "sustained", 4, at(0), at(4), at(0)),
        ("burst", "peak", 0, None, None, at(0)),
        ("light", None, 0, None, None, at(0)),
    ]


def test_evidence_for_hindering_others_is_how_full_the_link_was_and_how_many_were_on_it(frame):
    events = frame(
        {"person": "hog", "at": 180, "lasted": 180, "bytes_in": MINUTE * 3 * 6 // 10},
        {"person": "b", "at": 30, "bytes_in": MINUTE * 3 // 10},
        {"person": "c", "at": 90, "bytes_in": MINUTE * 3 // 10},
        {"person": "d", "at": 3600, "bytes_in": MINUTE * 3 // 10},
    )
    [row] = [row for row in users(events, "who", "over_minutes", "others", "link_use") if row[0] == "hog"]
    assert (*row[:3], round(row[3], 6)) == ("hog", 3, 2, 0.8)  # (0.9 + 0.9 + 0.6) / 3
    assert bandwidth(events, DAY, LINK).link.full_minutes == 2


def test_a_pause_within_a_load_is_no_sustained_load(frame):
    events = frame(*({"at": 60 * n + 30, "bytes_in": MINUTE // 3} for n in (0, 1, 3, 4)))
    assert users(events, "sustained_minutes", "verdict") == [(0, None)]


def test_shares_are_of_all_bytes_and_destinations_of_ones_own(frame):
    events = frame(
        {"person": "a", "bytes_in": 600, "domain": "x.test"},
        {"person": "a", "bytes_in": 100, "bytes_out": 100, "domain": "y.test"},
        {"person": "b", "bytes_in": 200, "host": "10.0.0.5"},
    )
    found = bandwidth(events, DAY, LINK)
    assert found.users.select("who", "down", "up", "share").rows() == [("a", 700, 100, 0.8), ("b", 200, 0, 0.2)]
    assert found.destinations.select("who", "rank", "destination", "share").rows() == [
        ("a", 1, "x.test", 0.75),
        ("a", 2, "y.test", 0.25),
        ("b", 1, "10.0.0.5", 1.0),
    ]


def test_the_connect_that_a_decrypted_request_repeats_is_not_counted_twice(frame):
    events = frame({"bytes_in": 900, "counted": False}, {"bytes_in": 800})
    assert users(events, "down") == [(800,)]


def test_proxy_and_firewall_tell_of_the_same_bytes(frame):
    tunnel = {"at": 120, "lasted": 120}
    events = frame(
        tunnel | {"source": "squid", "bytes_in": 1000, "domain": "x.test"},
        tunnel | {"source": "firewall", "bytes_in": 1040, "dest_ip": "203.0.113.9"},
        {"at": 600, "source": "firewall", "bytes_in": 60, "dest_ip": "203.0.113.9"},
    )
    found = bandwidth(events, DAY, LINK)
    assert (found.link.down, found.users["down"].to_list()) == (1100, [1100])
    assert found.destinations["destination"].to_list() == ["203.0.113.9"]


def test_two_files_of_different_hours_add_up(frame):
    events = frame({"at": 0, "source": "squid.1", "bytes_in": 10}, {"at": 7200, "source": "squid", "bytes_in": 20})
    assert bandwidth(events, DAY, LINK).link.down == 30


def test_devices_without_a_person_stand_for_themselves_and_bytes_without_a_device_are_not_lost(frame):
    nobody = {"person": None, "identity": None}
    events = frame(
        {"bytes_in": 3},
        nobody | {"bytes_in": 2},
        nobody | {"device": None, "bytes_in": 5},
        nobody | {"device": None, "client_ip": None, "bytes_in": 7},
    )
    assert users(events, "who", "is_person", "down") == [
        ("(no device)", False, 7), ("10.1.0.1", False, 5), ("amy", True, 3), ("cb-1", False, 2)
    ]  # fmt: skip


def test_without_a_configured_link_the_fullest_minute_stands_for_it(frame):
    found = bandwidth(frame({"bytes_in": 75_000_000}, {"at": 60, "bytes_in": 1}), DAY, Settings())
    assert (found.link.capacity_mbit, found.link.is_measured, found.link.full_minutes) == (10.0, True, 0)


def test_only_the_largest_are_listed_and_all_who_were_over_a_limit(frame):
    small = ({"person": f"p{n:02}", "at": n * 60, "bytes_in": MINUTE // 4 + n} for n in range(30))
    burst = {"person": "z", "at": 3600, "bytes_in": MINUTE // 2}
    steady = ({"person": "y", "at": n * 600, "bytes_in": MINUTE // 3} for n in range(2))
    found = bandwidth(frame(*small, burst, *steady), DAY, LINK, top=1)
    assert found.users.filter(pl.col("verdict").is_not_null())["who"].to_list() == ["z"]
    assert found.users["who"][0] == "y"


def test_nothing_is_found_in_nothing(frame):
    found = bandwidth(frame(), DAY, LINK)
    assert (found.link.down, len(found.users), len(found.hours)) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_lines_does_not_matter_and_frames_are_as_declared(frame, seed):
    rows = [
        {"person": f"p{n % 7}", "at": n * 37, "lasted": n * n % 5000, "bytes_in": n * 10**5, "domain": f"d{n % 5}.test",
         "source": f"s{n % 2}"}
        for n in range(200)
    ]  # fmt: skip
    events = frame(*rows)
    one = bandwidth(events, DAY, LINK, top=4)
    other = bandwidth(events.sample(fraction=1, shuffle=True, seed=seed), DAY, LINK, top=4)
    assert one.link == other.link
    for name, schema in (("users", USERS), ("destinations", DESTINATIONS), ("hours", HOURS)):
        assert getattr(one, name).equals(getattr(other, name))
        assert getattr(one, name).schema == schema
