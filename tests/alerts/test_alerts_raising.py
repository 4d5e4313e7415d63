import random
from datetime import timedelta
from itertools import product

import pytest
from django.db import OperationalError

from filterwatch.alerts import raising
from filterwatch.alerts.raising import raise_new
from filterwatch.alerts.work import work
from filterwatch.records import ledger, services
from filterwatch.records.drift import drift
from filterwatch.records.models import Alert, AlertDetection, DigestItem, Incident, Outbox, Position
from filterwatch.records.services import Actor

pytestmark = pytest.mark.usefixtures("database")

JANE = Actor("Jane Roe")


def told(**filters):
    return sorted(Outbox.objects.filter(**filters).values_list("recipient", "channel", "kind"))


def test_forty_hits_of_one_session_are_one_alert_with_a_count(journal, desk, clock, minutes):
    for n in range(40):
        journal.add(time=minutes(n / 4))
    raised = raise_new(journal, desk, clock)
    alert = Alert.objects.get()
    assert (alert.count, alert.level, alert.family, alert.person) == (40, "high", "bypass", "sam.poe")
    assert (alert.first_time, alert.last_time) == (minutes(0), minutes(39 / 4))
    assert told() == [("coordinator", "jane-mail", "immediate"), ("coordinator", "jane-push", "immediate")]
    assert (raised.read, dict(raised.new), raised.grown, raised.notifications) == (40, {"high": 1}, 0, 2)


def test_a_later_hit_of_the_session_joins_without_telling_again(journal, desk, clock, minutes):
    journal.add()
    raise_new(journal, desk, clock)
    journal.add(time=minutes(14), rule="tor", category="bypass")
    raised = raise_new(journal, desk, clock)
    alert = Alert.objects.get()
    assert (alert.count, raised.grown, raised.notifications) == (2, 1, 0)
    assert alert.rules == {"vpn": "abc123", "tor": "abc123"}
    assert drift() == []


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_a_request_found_by_several_rules_counts_once(journal, desk, clock, minutes, batch):
    adult = {"category": "adult", "rule": "adult"}
    journal.add(**adult, line_offset=0)
    journal.add(**adult | {"rule": "adult-words"}, line_offset=0)
    journal.add(**adult | {"rule": "adult-burst"}, time=minutes(1), count=11)  # of those that the visit holds back
    raise_new(journal, desk, clock, batch)
    assert Alert.objects.get().count == 11
    journal.add(**adult, time=minutes(2), count=219)  # the end of the visit
    raise_new(journal, desk, clock, batch)
    assert Alert.objects.get().count == 220
    assert drift() == []


@pytest.mark.parametrize("batch", [1, 1000])
def test_what_each_rule_found_alone_counts(journal, desk, clock, batch):
    lines = {"source": ["squid", "dns"], "stream": ["f1", "f2"], "line_offset": [0, 100, None, None]}
    for n, values in enumerate(product(*lines.values())):
        journal.add(**dict(zip(lines, values, strict=True)), rule=f"rule-{n}")
    raise_new(journal, desk, clock, batch)
    assert Alert.objects.get().count == 16


def test_after_the_window_it_is_another_case(journal, desk, clock, minutes):
    journal.add().add(time=minutes(16))
    raise_new(journal, desk, clock)
    assert Alert.objects.count() == 2


def test_an_endless_trickle_becomes_a_new_case_after_the_longest_session(journal, desk, clock, minutes):
    for n in range(50):
        journal.add(time=minutes(10 * n))
    raise_new(journal, desk, clock)
    assert [alert.count for alert in Alert.objects.order_by("first_time")] == [25, 25]


def test_a_late_line_joins_the_session_it_belongs_to(journal, desk, clock, minutes):
    journal.add(time=minutes(20))
    raise_new(journal, desk, clock)
    journal.add(time=minutes(10))
    raise_new(journal, desk, clock)
    assert Alert.objects.get().first_time == minutes(10)


@pytest.mark.parametrize(
    "other",
    [
        {"person": "kim.low", "user": "kim.low"},
        {"category": "gambling", "rule": "gambling"},
        {"level": "medium"},
        {"site": "annexe"},
        {"group": "staff"},
    ],
)
def test_another_person_family_route_site_or_group_is_another_case(journal, desk, clock, other):
    journal.add().add(**other)
    raise_new(journal, desk, clock)
    assert Alert.objects.count() == 2


def test_a_critical_hit_raises_the_level_and_tells_at_once(journal, desk, clock):
    journal.add()
    raise_new(journal, desk, clock)
    journal.add(level="critical")
    raise_new(journal, desk, clock)
    assert Alert.objects.get().level == "critical"
    assert Outbox.objects.filter(occasion="critical").count() == 2
    assert drift() == []


def test_an_address_alone_names_nobody(journal, desk, clock):
    journal.add(identity="address").add(identity="address", person="kim.low")
    raise_new(journal, desk, clock)
    alert = Alert.objects.get()
    assert (alert.person, alert.device, alert.count) == ("", "trolley-12", 2)
    assert "who used it must be found out" in Incident.objects.get().description


def test_medium_waits_for_the_digest_and_low_for_the_weekly_report(journal, desk, clock, minutes):
    journal.add(level="medium").add(level="low", category="games").add(level="informational", category="video")
    journal.add(level="low", category="games", time=minutes(300))
    raise_new(journal, desk, clock)
    assert sorted(Alert.objects.values_list("route", "count")) == [("daily", 1), ("weekly", 2)]
    assert not Outbox.objects.exists()
    assert not Incident.objects.exists()
    assert list(DigestItem.objects.values_list("recipient", "why")) == [("coordinator", "daily")]


def test_reading_again_changes_nothing(journal, desk, clock):
    for n in range(25):
        journal.add(person=f"p{n}")
    raise_new(journal, desk, clock, batch=10)
    before = (list(Alert.objects.values()), list(Outbox.objects.values()), Position.objects.get(name="alerts").value)
    raise_new(journal, desk, clock, batch=10)
    assert before[2] == 25
    assert (list(Alert.objects.values()), list(Outbox.objects.values()), 25) == before


def test_a_journal_restored_with_new_positions_raises_nothing_twice(journal, desk, clock):
    for n in range(5):
        journal.add(person=f"p{n % 2}")
    raise_new(journal, desk, clock)
    journal.rows += journal.rows[:5]
    raised = raise_new(journal, desk, clock)
    assert raised.read == 5
    assert sum(Alert.objects.values_list("count", flat=True)) == 5
    assert Alert.objects.count() == 2


def test_a_failure_midway_leaves_nothing_half_done(journal, desk, clock, monkeypatch):
    for n in range(5):
        journal.add(person=f"p{n}")
    real, calls = raising.publish, []

    def fail(*args):
        calls.append(1)
        if len(calls) == 4:
            raise OperationalError("database or disk is full")
        return real(*args)

    monkeypatch.setattr(raising, "publish", fail)
    with pytest.raises(OperationalError):
        raise_new(journal, desk, clock)
    assert not Alert.objects.exists()
    assert not Outbox.objects.exists()
    assert list(ledger.rows()) == []
    monkeypatch.undo()
    raise_new(journal, desk, clock)
    assert Alert.objects.count() == 5
    assert ledger.verify() == []


def test_ten_thousand_hits_of_one_device_are_one_message(journal, desk, clock, minutes):
    for n in range(10_000):
        journal.add(time=minutes(n / 10_000), person=None, identity="unknown", category="malware")
    raise_new(journal, desk, clock)
    alert = Alert.objects.get()
    assert alert.count == 10_000
    assert Outbox.objects.count() == 2
    assert AlertDetection.objects.count() == 10_000
    assert AlertDetection.objects.exclude(host="").count() == raising.KEPT_IN_FULL


def test_a_hundred_devices_at_once_are_six_messages_and_the_rest_waits_for_a_digest(journal, desk, clock):
    for n in range(100):
        journal.add(person=f"p{n}", category="malware")
    raise_new(journal, desk, clock)
    assert Alert.objects.count() == 100
    assert Outbox.objects.filter(channel="jane-mail").count() == 6
    assert DigestItem.objects.filter(why="limit").count() == 94


def test_critical_alerts_ignore_the_limit(journal, desk, clock):
    for n in range(30):
        journal.add(person=f"p{n}", level="critical", category="suicide", outcome="welfare")
    raise_new(journal, desk, clock)
    assert Outbox.objects.filter(channel="jane-mail").count() == 30


def test_a_silence_keeps_the_alert_and_tells_nobody(journal, desk, clock, minutes):
    services.silence("VPN lesson", minutes(60), JANE, clock.now(), rule="vpn")
    journal.add().add(rule="tor", person="kim").add(level="critical", person="lou")
    raise_new(journal, desk, clock)
    silenced = Alert.objects.get(person="sam.poe")
    assert silenced.silence is not None
    assert silenced.next_escalation_at is None
    assert set(Outbox.objects.values_list("alert__person", flat=True)) == {"kim", "lou"}
    clock.move(timedelta(minutes=61))
    journal.add(person="max")
    raise_new(journal, desk, clock)
    assert Outbox.objects.filter(alert__person="max").exists()
    assert drift() == []


def test_what_was_silenced_and_becomes_critical_is_told(journal, desk, clock, minutes):
    services.silence("VPN lesson", minutes(60), JANE, clock.now(), rule="vpn")
    journal.add()
    raise_new(journal, desk, clock)
    assert not Incident.objects.exists()
    journal.add(level="critical")
    raise_new(journal, desk, clock)
    assert Outbox.objects.filter(occasion="critical").count() == 2
    assert Incident.objects.count() == 1
    assert Alert.objects.get().silence is None
    assert drift() == []


def test_nobody_is_told_of_themselves(journal, desk, clock):
    journal.add(person="JRoe", group="staff", category="gambling")
    raise_new(journal, desk, clock)
    assert {row[0] for row in told()} == {"head"}
    journal.add(person="ahead", group="staff", category="gambling", level="critical")
    raise_new(journal, desk, clock)
    about_the_head = Outbox.objects.filter(alert__person="ahead")
    assert set(about_the_head.values_list("recipient", flat=True)) == {"governor"}


def test_a_device_of_a_recipient_is_a_subject_too(journal, desk, clock):
    journal.add(person=None, user=None, device="HEAD-laptop", identity="address", level="critical", group="staff")
    raise_new(journal, desk, clock)
    assert "head" not in {row[0] for row in told()}


def test_staff_cases_go_to_the_head_and_into_their_compartment(journal, desk, clock):
    journal.add(group="staff", category="gambling")
    raise_new(journal, desk, clock)
    assert {row[0] for row in told()} == {"head"}
    assert Alert.objects.get().compartment == "staff"
    assert Incident.objects.get().compartment == "staff"


def test_illegal_content_hides_its_address_from_everyone(journal, desk, clock):
    journal.add(category="csam", level="critical", host="bad.example", matched="bad.example", reason="bad.example")
    raise_new(journal, desk, clock)
    alert, copy = Alert.objects.get(), AlertDetection.objects.get()
    assert (alert.compartment, alert.illegal_protocol) == ("illegal", True)
    assert (copy.host, copy.matched, copy.reason) == ("", "", "")
    assert len(copy.digest) == 32
    assert copy.line_offset == 0
    assert {row[0] for row in told()} == {"coordinator", "head"}
    incident = Incident.objects.get()
    assert incident.illegal
    assert "bad.example" not in services.incidents.content(incident)
    assert "bad.example" not in str([row.body for row in ledger.rows()])


def test_illegal_content_is_told_at_once_whatever_its_level(journal, desk, clock):
    journal.add(category="csam", level="low")
    raise_new(journal, desk, clock)
    assert Alert.objects.get().route == "immediate"


def test_welfare_goes_to_the_coordinator_quietly(journal, desk, clock):
    journal.add(category="suicide", outcome="welfare", level="critical")
    raise_new(journal, desk, clock)
    alert = Alert.objects.get()
    assert (alert.family, alert.chain) == ("welfare", "welfare")
    assert {row[0] for row in told()} == {"coordinator"}


def test_a_technical_detection_goes_to_the_technician(journal, desk, clock):
    journal.add(category=None, outcome="technical", rule="disk", person=None, user=None, device=None, client_ip=None)
    raise_new(journal, desk, clock)
    assert {row[0] for row in told()} == {"technician"}


def test_a_serious_alert_opens_an_incident_filled_as_far_as_the_logs_can(journal, desk, clock, minutes):
    journal.add().add(time=minutes(9))
    raise_new(journal, desk, clock)
    incident = Incident.objects.get()
    assert incident.alert == Alert.objects.get()
    assert incident.place == "st-pauls, device trolley-12"
    assert incident.description == (
        "Mon 23 Nov 2026, 10:00 to 10:09 in school hours: bypass (level high, at least 2 events when first seen)."
    )
    assert incident.identified == "alert"
    assert incident.identified_how.startswith(f"Alert {incident.alert.number}, by the rules vpn")
    person = incident.involved.get()
    assert (person.name, person.role, person.group) == ("sam.poe", "subject", "pupils")
    assert (incident.type, incident.recorder, incident.state) == ("bypass", "filterwatch", "draft")


def test_hostile_names_do_no_harm(journal, desk, clock):
    journal.add(person="{0.__class__}%s'; DROP TABLE\x00--", device="<script>\u202e", identity="lease")
    long = "x" * 65_000
    journal.add(person=long, device=long, host=long, matched=long, reason=long, source=long)
    journal.off("filter_disabled", matched=long, reason=f"\x00{long}")
    work(journal, desk, clock)
    assert Alert.objects.count() == 3
    assert Alert.objects.filter(person__contains="DROP TABLE\\x00").exists()


def test_an_acknowledged_case_still_grows_and_a_triaged_one_does_not(journal, desk, clock):
    journal.add()
    raise_new(journal, desk, clock)
    number = Alert.objects.get().number
    services.acknowledge(number, JANE, clock.now())
    journal.add()
    raise_new(journal, desk, clock)
    assert (Alert.objects.get().count, Alert.objects.get().state) == (2, "acknowledged")
    services.triage(number, "breach", "", JANE, clock.now())
    journal.add()
    raise_new(journal, desk, clock)
    assert Alert.objects.count() == 2


def test_what_gets_worse_must_be_acknowledged_again(journal, desk, clock):
    journal.add()
    raise_new(journal, desk, clock)
    services.acknowledge(Alert.objects.get().number, JANE, clock.now())
    journal.add(level="critical")
    raise_new(journal, desk, clock)
    alert = Alert.objects.get()
    assert (alert.state, alert.level, alert.next_escalation_at is not None) == ("new", "critical", True)
    assert {row.occasion for row in Outbox.objects.filter(state="new")} == {"critical"}
    assert drift() == []


@pytest.mark.parametrize("seed", range(5))
def test_how_detections_are_batched_does_not_change_the_cases(journal, desk, clock, minutes, seed):
    rng = random.Random(seed)
    at = 0.0
    for _ in range(120):
        at += rng.expovariate(1 / 6)
        journal.add(time=minutes(at), person=f"p{rng.randrange(3)}", level=rng.choice(["high", "medium", "low"]))
    raise_new(journal, desk, clock, batch=rng.randint(1, 40))
    cases = set(Alert.objects.values_list("person", "route", "first_time", "last_time", "count"))
    expected = set()
    for who in ("p0", "p1", "p2"):
        for level, route, within in (("high", "immediate", 15), ("medium", "daily", 15), ("low", "weekly", 720)):
            times = [row["time"] for row in journal.rows if (row["person"], row["level"]) == (who, level)]
            expected |= {(who, route, *case) for case in by_hand(times, within, max(240, within))}
    assert cases == expected


def by_hand(times, within, longest):
    """The same grouping, written down the slow way."""
    cases = []
    for time in times:
        near = cases and time - cases[-1][-1] <= timedelta(minutes=within)
        if near and time - cases[-1][0] <= timedelta(minutes=longest):
            cases[-1].append(time)
        else:
            cases.append([time])
    return [(case[0], case[-1], len(case)) for case in cases]
