from datetime import timedelta

import pytest

from filterwatch.alerts.escalation import escalate
from filterwatch.alerts.work import work
from filterwatch.records import ledger, services
from filterwatch.records.drift import drift
from filterwatch.records.models import Alert, DetectedOff, Incident, Outbox, SwitchOff
from filterwatch.records.services import Actor
from filterwatch.records.services.switch_offs import Plan

pytestmark = pytest.mark.usefixtures("database")

TECH, HEAD = Actor("Tom Tech"), Actor("Ann Head")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def agree(minutes):
    def make(start=0, end=60, **more):
        asked = Plan("new proxy", minutes(start), minutes(end), **more)
        made = services.request_switch_off(asked, TECH, minutes(-120))
        return services.approve(made.number, "agreed", HEAD, minutes(-60))

    return make


@pytest.fixture
def at(journal, desk, clock, minutes):
    """Do a round so many minutes after ten."""

    def go(count):
        clock.move(minutes(count) - clock.now())
        return work(journal, desk, clock)

    return go


def told():
    return sorted(set(Outbox.objects.exclude(kind="digest").values_list("recipient", flat=True)))


def test_an_unasked_switch_off_is_told_at_once_to_head_and_governor(journal, at, minutes):
    journal.off("filter_disabled", time=minutes(0))
    at(0)
    found = SwitchOff.objects.get()
    assert (found.found, found.state, found.reconciliation, found.actual_start) == (
        True, "off", "unauthorised", minutes(0),
    )  # fmt: skip
    assert told() == ["governor", "head"]
    alert = Alert.objects.get()
    assert (alert.family, alert.level, alert.switch_off) == ("filter", "high", found)
    assert "filtering was switched off and nobody had agreed to it" in Outbox.objects.first().body
    assert Incident.objects.get().type == "filter"
    assert drift() == []


def test_a_stop_is_told_once_it_is_longer_than_a_restart(journal, at):
    journal.off()
    at(1)
    assert not SwitchOff.objects.exists()
    at(2)
    assert SwitchOff.objects.get().reconciliation == "unauthorised"


def test_a_restart_within_the_grace_time_is_no_switch_off(journal, at, minutes):
    journal.off(time=minutes(0)).restored(time=minutes(1))
    at(1)
    at(30)
    assert DetectedOff.objects.get().restart
    assert not SwitchOff.objects.exists()
    assert not Outbox.objects.exists()


def test_a_switch_off_found_late_is_still_told(journal, at, minutes):
    journal.off(time=minutes(-300)).restored(time=minutes(-200))
    at(0)
    found = SwitchOff.objects.get()
    assert (found.reconciliation, found.state, found.actual_end) == ("unauthorised", "ended", minutes(-200))
    assert told() == ["governor", "head"]


def test_an_agreed_one_is_authorised_and_tells_nobody(journal, at, agree, minutes):
    agreed = agree()
    journal.off(time=minutes(2)).restored(time=minutes(40))
    at(20)
    at(41)
    found = SwitchOff.objects.get()
    assert (found.number, found.reconciliation, found.state) == (agreed.number, "authorised", "ended")
    assert (found.actual_start, found.actual_end) == (minutes(2), minutes(40))
    assert not Outbox.objects.exists()
    assert drift() == []
    services.check_restored(found.number, "test page blocked", TECH, minutes(50))
    assert ledger.verify() == []


def test_an_overrun_is_told_while_it_lasts_and_once(journal, at, agree, minutes):
    agree(end=60)
    journal.off(time=minutes(2))
    at(64)
    assert not Outbox.objects.exists()
    at(66)
    assert SwitchOff.objects.get().reconciliation == "overrun"
    assert told() == ["governor", "head"]
    assert "for longer than agreed" in Outbox.objects.first().body
    journal.restored(time=minutes(90))
    at(90)
    found = SwitchOff.objects.get()
    assert (found.state, found.reconciliation, found.actual_end) == ("ended", "overrun", minutes(90))
    assert Alert.objects.count() == 1


def test_an_overrun_that_ended_before_we_looked_is_an_overrun(journal, at, agree, minutes):
    agree(end=10)
    journal.off(time=minutes(2)).restored(time=minutes(40))
    at(50)
    assert SwitchOff.objects.get().reconciliation == "overrun"
    assert told() == ["governor", "head"]


@pytest.mark.parametrize("begins", [-10, 61])
def test_outside_the_planned_time_it_is_unauthorised(journal, at, agree, minutes, begins):
    agree()
    journal.off("filter_disabled", time=minutes(begins))
    at(70)
    assert SwitchOff.objects.get(found=True).reconciliation == "unauthorised"


def test_approval_after_the_fact_does_not_count(journal, at, minutes):
    asked = services.request_switch_off(Plan("x", minutes(0), minutes(60)), TECH, minutes(-10))
    journal.off("filter_disabled", time=minutes(1))
    services.approve(asked.number, "", HEAD, minutes(5))
    at(6)
    assert SwitchOff.objects.get(found=True).reconciliation == "unauthorised"


def test_a_refused_request_is_no_agreement(journal, at, minutes):
    asked = services.request_switch_off(Plan("x", minutes(0), minutes(60)), TECH, minutes(-10))
    services.refuse(asked.number, "no", HEAD, minutes(-5))
    journal.off("filter_disabled", time=minutes(1))
    at(6)
    assert SwitchOff.objects.filter(found=True).exists()


def test_an_exemption_nobody_agreed_to_is_partial(journal, at, minutes):
    journal.off("exemption_added", time=minutes(0))
    at(0)
    assert SwitchOff.objects.get().reconciliation == "partial"
    assert "exempted from filtering" in Outbox.objects.first().body
    journal.restored("exemption_removed", time=minutes(5))
    at(5)
    assert SwitchOff.objects.get().state == "ended"


def test_an_agreement_for_one_person_covers_an_exemption_and_not_all_filtering(journal, at, agree, minutes):
    agree(scope="person", scope_name="Ms Low")
    journal.off("exemption_added", time=minutes(1))
    at(1)
    assert not Outbox.objects.exists()
    journal.off("filter_disabled", time=minutes(2))
    at(2)
    assert SwitchOff.objects.get(found=True).reconciliation == "unauthorised"


def test_a_changed_configuration_is_unexplained_unless_work_was_agreed(journal, at, agree, minutes):
    journal.off("config_changed", time=minutes(-30))
    at(0)
    assert SwitchOff.objects.get().reconciliation == "unexplained"
    agree(start=10)
    journal.off("config_changed", time=minutes(11))
    at(12)
    assert SwitchOff.objects.filter(found=True).count() == 1


def test_two_services_that_stop_together_are_one_switch_off_and_one_alert(journal, at, minutes):
    journal.off("filter_disabled").off("filter_disabled", matched="dnsmasq", time=minutes(1))
    at(1)
    assert SwitchOff.objects.count() == 1
    assert Alert.objects.count() == 1
    journal.restored(time=minutes(5))
    at(5)
    assert SwitchOff.objects.get().state == "off"
    journal.restored(time=minutes(6), matched="dnsmasq")
    at(6)
    assert SwitchOff.objects.get().actual_end == minutes(6)


def test_stopped_and_disabled_is_one_stretch(journal, at, minutes):
    journal.off("filter_disabled").off("filter_stopped", time=minutes(1))
    at(5)
    assert DetectedOff.objects.count() == 1


def test_a_restored_journal_finds_nothing_twice(journal, at, minutes):
    journal.off("filter_disabled").off("filter_stopped", time=minutes(1)).restored(time=minutes(5))
    at(6)
    before = list(DetectedOff.objects.values())
    journal.rows += journal.rows[:3]
    at(7)
    assert list(DetectedOff.objects.values()) == before
    assert Alert.objects.count() == 1


def test_the_same_service_may_be_off_again(journal, at, minutes):
    journal.off("filter_disabled").restored(time=minutes(5))
    at(6)
    journal.off("filter_disabled", time=minutes(60))
    at(60)
    assert SwitchOff.objects.filter(found=True).count() == 2


def test_a_silent_source_is_unexplained_in_the_register_and_a_case_for_the_technician(journal, at, minutes):
    journal.off(None, "source_silent", matched="squid-log", time=minutes(0))
    at(0)
    assert SwitchOff.objects.get().reconciliation == "unexplained"
    assert told() == ["technician"]


def test_nobody_acknowledging_goes_on_to_the_coordinator(journal, at, desk, clock):
    journal.off("filter_disabled")
    at(0)
    clock.move(15 * MINUTE)
    escalate(desk, clock.now())
    assert "coordinator" in told()
