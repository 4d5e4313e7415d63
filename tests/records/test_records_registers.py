from datetime import UTC, date, datetime, timedelta

import pytest

from filterwatch.records import ledger, services
from filterwatch.records.drift import drift
from filterwatch.records.models import Alert, LedgerEntry, Outbox, SwitchOff, UnblockRequest
from filterwatch.records.outbox import Message, Occasion, enqueue
from filterwatch.records.services import Actor, RecordsError
from filterwatch.records.services.switch_offs import Plan
from filterwatch.records.services.unblocks import Wish

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
JANE, HEAD, TECH = Actor("Jane Roe", "jroe"), Actor("Ann Head"), Actor("Tom Tech")

pytestmark = pytest.mark.usefixtures("database")


def make_alert(number="FW-2026-22222", **fields):
    values = {
        "id": number.lower(), "site": "st-pauls", "family": "bypass", "chain": "general", "level": "high",
        "route": "immediate", "outcome": "breach", "subject": "s", "pseudonym": "P-1", "person": "sam.poe",
        "first_time": NOW, "last_time": NOW, "created_at": NOW, "next_escalation_at": NOW + HOUR,
    }  # fmt: skip
    alert = Alert(number=number, **{**values, **fields})
    services.open_alert(alert, NOW)
    return alert


def test_acknowledging_stops_escalation_and_takes_back_what_is_not_sent():
    alert = make_alert()
    words = Message("t", "b", code="2222-3333")
    enqueue(Occasion(alert.pk, "immediate", alert=alert), "coordinator", ["mail", "push"], words, NOW)
    Outbox.objects.filter(channel="mail").update(state="sent")
    found = services.acknowledge_by_code("2222 3333", JANE, NOW)
    assert (found.state, found.acknowledged_by, found.next_escalation_at) == ("acknowledged", "Jane Roe", None)
    assert {row.state for row in Outbox.objects.all()} == {"acked"}


def test_a_code_works_once_and_a_wrong_one_never():
    alert = make_alert()
    enqueue(Occasion(alert.pk, "immediate", alert=alert), "head", ["mail"], Message("t", "b", code="2222-3333"), NOW)
    services.acknowledge_by_code("2222-3333", JANE, NOW)
    with pytest.raises(RecordsError, match="already acknowledged: Jane Roe has it since 23 Nov 2026 09:00"):
        services.acknowledge_by_code("2222-3333", HEAD, NOW)
    for wrong in ("2222-3334", "", "--"):
        with pytest.raises(RecordsError, match="no such code"):
            services.acknowledge_by_code(wrong, HEAD, NOW)


def test_an_alert_is_triaged_closed_and_reopened_with_every_step_in_the_ledger():
    alert = make_alert()
    with pytest.raises(RecordsError, match="no verdict"):
        services.close(alert.number, JANE, NOW)
    with pytest.raises(RecordsError, match="must be one of welfare"):
        services.triage(alert.number, "boring", "", JANE, NOW)
    services.triage(alert.number, "accidental", "a typing mistake", JANE, NOW)
    services.close(alert.number, JANE, NOW)
    with pytest.raises(RecordsError, match="closed"):
        services.triage(alert.number, "breach", "", JANE, NOW)
    services.reopen(alert.number, "it happened again", JANE, NOW)
    steps = LedgerEntry.objects.values_list("action", flat=True)
    assert list(steps) == ["raised", "triaged", "closed", "reopened"]
    assert drift() == []


def test_names_need_a_reason_and_for_staff_a_second_person():
    alert = make_alert()
    with pytest.raises(RecordsError, match="say why"):
        services.reveal(alert.number, " ", JANE, None, NOW)
    assert services.reveal(alert.number, "to speak to the pupil", JANE, None, NOW).person == "sam.poe"
    staff = make_alert("FW-2026-33333", compartment="staff")
    for second in (None, Actor("JANE roe ")):
        with pytest.raises(RecordsError, match="second person"):
            services.reveal(staff.number, "to ask", JANE, second, NOW)
    services.reveal(staff.number, "to ask", JANE, HEAD, NOW)
    assert LedgerEntry.objects.filter(action="names looked at").count() == 2


def test_the_ledger_does_not_hold_who_an_alert_is_about():
    make_alert()
    assert "sam.poe" not in str([row.body for row in ledger.rows()])


def test_a_silence_has_an_owner_a_reason_and_an_end():
    for reason, until, what in (
        ("", NOW + HOUR, {"rule": "games"}),
        ("x", NOW - HOUR, {"rule": "games"}),
        ("x", NOW + timedelta(days=60), {"rule": "games"}),
        ("x", NOW + HOUR, {}),
    ):
        with pytest.raises(RecordsError):
            services.silence(reason, until, JANE, NOW, **what)
    made = services.silence("the game club", NOW + HOUR, JANE, NOW, rule="games")
    assert made.owner == "Jane Roe"
    services.end_silence(made.pk, JANE, NOW)
    with pytest.raises(RecordsError):
        services.end_silence(made.pk, JANE, NOW)
    assert drift() == []


PLAN = Plan("new proxy", NOW, NOW + HOUR, supervision="Ms Low watches")


def test_a_switch_off_goes_from_request_to_check():
    made = services.request_switch_off(PLAN, TECH, NOW)
    with pytest.raises(RecordsError, match="must approve it first"):
        services.start(made.number, TECH, NOW)
    services.approve(made.number, "agreed", HEAD, NOW)
    services.start(made.number, TECH, NOW)
    with pytest.raises(RecordsError, match="end it first"):
        services.check_restored(made.number, "test page blocked", TECH, NOW)
    services.end(made.number, TECH, NOW + HOUR)
    services.check_restored(made.number, "test page blocked", TECH, NOW + HOUR)
    found = SwitchOff.objects.get()
    assert (found.state, found.approved_by, found.actual_end) == ("checked", "Ann Head", NOW + HOUR)
    assert drift() == []


def test_nobody_approves_their_own_switch_off():
    made = services.request_switch_off(PLAN, HEAD, NOW)
    with pytest.raises(RecordsError, match="asked for it"):
        services.approve(made.number, "", Actor("ann head"), NOW)
    services.refuse(made.number, "not during lessons", Actor("A Governor"), NOW)
    with pytest.raises(RecordsError, match="refused, not waiting"):
        services.approve(made.number, "", Actor("A Governor"), NOW)


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        (Plan("", NOW, NOW + HOUR), "reason"),
        (Plan("x", NOW, NOW), "not after"),
        (Plan("x", NOW - 2 * HOUR, NOW - HOUR), "past"),
        (Plan("x", NOW, NOW + HOUR, scope="class"), "scope: must be all"),
        (Plan("x", NOW, NOW + HOUR, scope="person"), "name the person"),
        (Plan("x", NOW, NOW + HOUR, scope_name="sam"), "name the person"),
    ],
)
def test_an_incomplete_plan_is_refused(plan, problem):
    with pytest.raises(RecordsError, match=problem):
        services.request_switch_off(plan, TECH, NOW)
    assert not SwitchOff.objects.exists()


def test_a_found_switch_off_can_be_explained_and_stays_unauthorised():
    found = services.record_found("st-pauls", NOW, "unauthorised", NOW)
    services.explain(found.number, "power cut", TECH, NOW)
    again = SwitchOff.objects.get()
    assert (again.reason, again.reconciliation, again.found) == ("power cut", "unauthorised", True)


WISH = Wish("https://www.stmarys.kent.sch.uk/page?x=1", "Y5 history", risk_check="looked at five pages")


def test_an_unblock_request_goes_from_asking_to_review():
    made = services.request_unblock(WISH, JANE, NOW)
    assert made.domain == "stmarys.kent.sch.uk"
    with pytest.raises(RecordsError, match="coordinator must agree"):
        services.apply(made.number, TECH, NOW)
    with pytest.raises(RecordsError, match="somebody else"):
        services.decide(made.number, agreed=True, reason="fine", by=JANE, now=NOW)
    services.decide(made.number, agreed=True, reason="fine", by=HEAD, now=NOW, expires=date(2026, 12, 1))
    services.apply(made.number, TECH, NOW)
    services.verify(made.number, "12 requests allowed since", TECH, NOW)
    services.review_unblock(made.number, "read", Actor("Committee"), NOW)
    assert services.overdue(date(2026, 12, 1)) == []
    assert [late.number for late in services.overdue(date(2026, 12, 2))] == [made.number]
    services.end_unblock(made.number, TECH, NOW)
    assert services.overdue(date(2027, 1, 1)) == []
    assert UnblockRequest.objects.get().state == "ended"
    assert drift() == []


def test_agreeing_needs_a_risk_check():
    made = services.request_unblock(Wish("example.org", "art"), JANE, NOW)
    with pytest.raises(RecordsError, match="--risk"):
        services.decide(made.number, agreed=True, reason="fine", by=HEAD, now=NOW)
    services.decide(made.number, agreed=False, reason="not needed", by=HEAD, now=NOW)


@pytest.mark.parametrize(
    ("site", "domain"),
    [
        ("www.Example.ORG", "example.org"),
        ("http://user@a.b.example.co.uk:8080/x", "example.co.uk"),
        ("https://alice.Blogspot.com/2026/", "alice.blogspot.com"),
        ("www.alice.github.io", "alice.github.io"),
        ("blogspot.com", "blogspot.com"),
        ("www.intranet.unknown", "intranet.unknown"),
        ("192.0.2.7", "192.0.2.7"),
        ("http://[2001:db8::1]/x", "2001:db8::1"),
    ],
)
def test_the_registrable_domain_of_what_people_type(site, domain):
    assert services.registrable(site) == domain


@pytest.mark.parametrize("site", ["", "kent.sch.uk", "localhost", "http://[", "what is this"])
def test_what_is_no_site_is_refused(site):
    with pytest.raises(RecordsError, match=r"www\.example\.org"):
        services.registrable(site)
