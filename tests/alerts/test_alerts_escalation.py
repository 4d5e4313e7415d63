from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from filterwatch.alerts.digests import digests
from filterwatch.alerts.escalation import escalate
from filterwatch.alerts.raising import raise_new
from filterwatch.alerts.safety import links
from filterwatch.alerts.work import work
from filterwatch.records import ledger, services
from filterwatch.records.models import Alert, DigestItem, Outbox
from filterwatch.records.services import Actor

pytestmark = pytest.mark.usefixtures("database")

JANE = Actor("Jane Roe")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def raised(database, journal, desk, clock):  # noqa: ARG001 - the database first
    journal.add()
    raise_new(journal, desk, clock)
    return Alert.objects.get()


def told_since(count):
    return [(row.recipient, row.kind) for row in Outbox.objects.order_by("created_at", "kind", "recipient")][count:]


@pytest.mark.usefixtures("raised")
def test_the_next_person_is_told_after_fifteen_minutes_and_not_before(desk, clock):
    clock.move(15 * MINUTE - timedelta(seconds=1))
    assert escalate(desk, clock.now()) == 0
    clock.move(timedelta(seconds=1))
    assert escalate(desk, clock.now()) == 1
    assert told_since(2) == [("deputy", "escalation")]
    assert "for 15 minutes" in Outbox.objects.get(kind="escalation").body
    assert escalate(desk, clock.now()) == 0


def test_after_the_last_person_everybody_is_told_again_until_somebody_acknowledges(raised, make_desk, clock):
    desk = make_desk(limits={"per_hour": 99, "per_day": 99})
    for _ in range(20):
        clock.move(15 * MINUTE)
        escalate(desk, clock.now())
    kinds = [kind for _, kind in told_since(2)]
    assert kinds.count("escalation") == 2
    assert kinds.count("repeat") == 18 * 4
    services.acknowledge(raised.number, JANE, clock.now())
    clock.move(timedelta(hours=2))
    assert escalate(desk, clock.now()) == 0


@pytest.mark.usefixtures("raised")
def test_acknowledging_in_time_means_nobody_else_is_told(desk, clock):
    services.acknowledge_by_code(Outbox.objects.first().code, JANE, clock.now())
    clock.move(timedelta(hours=5))
    assert escalate(desk, clock.now()) == 0


@pytest.mark.usefixtures("raised")
def test_timers_go_on_after_a_restart_however_late(desk, clock):
    clock.move(timedelta(hours=9))
    assert escalate(desk, clock.now()) == 1
    assert Alert.objects.get().next_escalation_at == clock.now() + 15 * MINUTE


@pytest.mark.usefixtures("raised")
def test_a_step_that_reaches_nobody_is_not_waited_for(desk, clock):
    Outbox.objects.update(state="dead")
    clock.move(MINUTE)
    assert escalate(desk, clock.now()) == 1
    assert told_since(2) == [("deputy", "escalation")]
    clock.move(MINUTE)
    assert escalate(desk, clock.now()) == 0


@pytest.mark.usefixtures("raised")
def test_one_dead_channel_of_two_is_no_reason_to_hurry(desk, clock):
    Outbox.objects.filter(channel="jane-push").update(state="dead")
    assert escalate(desk, clock.now() + MINUTE) == 0


@pytest.mark.usefixtures("raised")
def test_dead_channels_everywhere_do_not_spin(desk, clock):
    for _ in range(30):
        clock.move(MINUTE)
        escalate(desk, clock.now())
        Outbox.objects.update(state="dead")
    assert Outbox.objects.count() < 15


def test_quiet_hours_hold_high_alerts_and_not_critical_ones(journal, make_desk, clock):
    desk = make_desk(quiet_hours=[{"days": "mon-fri", "from": "10:05", "to": "11:00"}])
    journal.add().add(level="critical", person="kim", category="gambling")
    raise_new(journal, desk, clock)
    clock.move(20 * MINUTE)
    escalate(desk, clock.now())
    assert [row.alert.level for row in Outbox.objects.filter(kind="escalation")] == ["critical"]
    clock.move(41 * MINUTE)
    escalate(desk, clock.now())
    assert Outbox.objects.filter(kind="escalation", alert__level="high").count() == 1


def test_escalations_keep_to_the_limit_and_wait_for_a_digest(journal, desk, clock):
    for n in range(10):
        journal.add(person=f"p{n}")
    raise_new(journal, desk, clock)
    clock.move(15 * MINUTE)
    escalate(desk, clock.now())
    assert Outbox.objects.filter(recipient="deputy").count() == 6
    assert DigestItem.objects.filter(recipient="deputy").count() == 4


def test_what_exceeds_the_limit_is_told_together_at_most_hourly_and_never_lost(journal, desk, clock):
    for n in range(20):
        journal.add(person=f"p{n}", category="malware")
    raise_new(journal, desk, clock)
    for number in Alert.objects.values_list("number", flat=True):
        Alert.objects.filter(number=number).update(next_escalation_at=None)
    assert digests(desk, clock.now()) == 0
    clock.move(10 * MINUTE)
    assert digests(desk, clock.now()) == 2
    body = Outbox.objects.filter(kind="digest").first().body
    told = {row.alert.number for row in Outbox.objects.filter(kind="immediate")}
    for alert in Alert.objects.all():
        assert (alert.number in body) != (alert.number in told)
    journal.add(person="late")
    raise_new(journal, desk, clock)
    clock.move(15 * MINUTE)
    assert digests(desk, clock.now()) == 0
    clock.move(60 * MINUTE)
    digests(desk, clock.now())
    assert not DigestItem.objects.filter(told_at=None).exists()


def test_the_daily_digest_comes_once_also_when_there_is_nothing(journal, make_desk, clock):
    desk = make_desk(digest={"at": "15:45"})
    digests(desk, clock.now())
    clock.move(timedelta(hours=5, minutes=44))
    assert digests(desk, clock.now()) == 0
    clock.move(MINUTE)
    assert digests(desk, clock.now()) == 2
    assert digests(desk, clock.now()) == 0
    body = Outbox.objects.first().body
    assert "No alerts since the last digest." in body
    assert "If it stays away, ask the technician." in body
    clock.move(timedelta(days=1))
    journal.add(level="medium", category="gambling")
    raise_new(journal, desk, clock)
    digests(desk, clock.now())
    body = Outbox.objects.filter(about="digest-2026-11-24").first().body
    assert Alert.objects.get().number in body
    assert "medium" in body


def test_the_digest_carries_the_signed_head_of_the_ledger_to_coordinator_and_head(journal, make_desk, clock):
    key = Ed25519PrivateKey.generate()
    desk = make_desk(digest={"at": "10:30"})
    desk = replace(desk, head_of=lambda day: ledger.signed_head("filterwatch/st-pauls", key, day))
    digests(desk, clock.now())
    journal.add()
    raise_new(journal, desk, clock)
    clock.move(31 * MINUTE)
    digests(desk, clock.now())
    rows = Outbox.objects.filter(kind="digest")
    assert {row.recipient for row in rows} == {"coordinator", "head"}
    for row in rows:
        note = row.body[row.body.index("filterwatch/st-pauls\n") :].split("\n\nSign in")[0]
        assert ledger.verify([note], key.public_key()) == []
        assert links(row.body, str(desk.settings.console)) == []


def test_no_digest_for_a_day_before_filterwatch_ran(make_desk, clock):
    desk = make_desk(digest={"at": "09:00"})
    for _ in range(3):
        assert digests(desk, clock.now()) == 0
    clock.move(timedelta(days=1))
    assert digests(desk, clock.now()) == 2


def test_no_digest_at_the_weekend(make_desk, clock):
    desk = make_desk()
    digests(desk, clock.now())
    clock.move(timedelta(days=5, hours=7))
    assert digests(desk, clock.now()) == 0


def test_the_digest_counts_what_is_open(journal, make_desk, clock):
    desk = make_desk(digest={"at": "10:30"})
    digests(desk, clock.now())
    journal.add()
    raise_new(journal, desk, clock)
    Outbox.objects.filter(channel="jane-push").update(state="dead")
    clock.move(31 * MINUTE)
    digests(desk, clock.now())
    body = Outbox.objects.filter(kind="digest").first().body
    assert "Still open: 1 alerts that nobody has acknowledged." in body
    assert "Still open: 1 notifications of the last 7 days that could not be delivered." in body


def test_everybody_gets_a_weekly_test_over_every_channel(make_desk, clock):
    desk = make_desk(test={"day": "mon", "at": "10:00"})
    assert digests(desk, clock.now()) == 6
    assert digests(desk, clock.now()) == 0
    clock.move(timedelta(days=7))
    assert digests(desk, clock.now()) == 6


def test_a_round_does_everything_and_an_idle_one_writes_nothing(journal, desk, clock):
    journal.add()
    assert work(journal, desk, clock).notifications == 2
    before = Outbox.objects.count()
    for _ in range(3):
        assert work(journal, desk, clock).notifications == 0
    assert Outbox.objects.count() == before


def test_an_alert_escalates_although_the_journal_cannot_be_read(journal, desk, clock):
    journal.add(level="critical")
    work(journal, desk, clock)
    clock.move(timedelta(minutes=16))

    assert work(None, desk, clock).notifications > 0
