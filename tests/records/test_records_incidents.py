import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from filterwatch.records import ledger, services, triggers
from filterwatch.records.drift import drift
from filterwatch.records.models import Incident, IncidentAction, IncidentPerson, LedgerText
from filterwatch.records.services import Actor, RecordsError

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
JANE = Actor("Jane Roe", "jroe")

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def draft():
    incident = Incident(happened_at=NOW, place="Room 4", description="A page was opened.", identified="staff report")
    return services.open_incident(incident, JANE, NOW)


@pytest.fixture
def concluded(draft):
    services.add_person(IncidentPerson(name="Sam Poe", role="subject", group="pupils"), draft.number, JANE, NOW)
    services.add_action(draft.number, "parent contacted", "Spoke to the mother.", NOW, JANE, NOW)
    return services.conclude(draft.number, "education and advice", "", JANE, NOW)


@pytest.fixture
def signed(concluded):
    return services.sign(concluded.number, "jane roe", JANE, NOW)


def test_a_signed_incident_holds_the_fields_of_both_policies(signed):
    found = services.find_incident(signed.number)
    assert (found.place, found.description, found.recorder, found.signed_by, found.state) == (
        "Room 4",
        "A page was opened.",
        "Jane Roe",
        "Jane Roe",
        "signed",
    )
    assert drift() == []
    assert ledger.verify() == []


def test_what_is_missing_is_listed_all_at_once():
    made = services.open_incident(Incident(happened_at=NOW, illegal=True, compartment="staff"), JANE, NOW)
    with pytest.raises(RecordsError) as refused:
        services.conclude(made.number, "unfounded", "", JANE, NOW)
    text = str(refused.value)
    for part in ("description", "where it took", "people", "actions", "police", "lado", "ip1, ip2, ip3, ip4, ip5"):
        assert part in text


def test_a_serious_incident_needs_the_decision_on_the_police(draft):
    services.edit_incident(draft.number, JANE, NOW, people="nobody known")
    services.add_action(draft.number, "other", "Looked into it.", NOW, JANE, NOW)
    with pytest.raises(RecordsError, match="police"):
        services.conclude(draft.number, "unfounded", "", JANE, NOW, serious=True)
    services.add_decision(draft.number, "police", "no crime is suspected", JANE, NOW, told=False)
    assert services.conclude(draft.number, "unfounded", "", JANE, NOW, serious=True).serious


def test_who_completes_a_draft_of_the_daemon_records_it():
    draft = Incident(happened_at=NOW, place="st-pauls", description="x", people="nobody known")
    number = services.open_incident(draft, services.DAEMON, NOW).number
    services.add_action(number, "other", "Looked into it.", NOW, JANE, NOW)
    services.conclude(number, "unfounded", "", JANE, NOW)
    assert services.sign(number, "Jane Roe", JANE, NOW).recorder == "Jane Roe"
    assert drift() == []


def test_signing_needs_the_signers_own_name_and_a_conclusion(draft, concluded):
    with pytest.raises(RecordsError, match="type your own name"):
        services.sign(concluded.number, "Joan Roe", JANE, NOW)
    services.reopen_incident(concluded.number, "one more action", JANE, NOW)
    with pytest.raises(RecordsError, match="conclude it first"):
        services.sign(draft.number, "Jane Roe", JANE, NOW)


def test_a_signed_incident_cannot_be_edited_but_followed(signed):
    for change in (
        lambda: services.edit_incident(signed.number, JANE, NOW, place="x"),
        lambda: services.add_action(signed.number, "other", "x", NOW, JANE, NOW),
        lambda: services.conclude(signed.number, "unfounded", "", JANE, NOW),
        lambda: services.sign(signed.number, "Jane Roe", JANE, NOW),
    ):
        with pytest.raises(RecordsError, match="final"):
            change()
    services.review_incident(signed.number, "committee", "read", JANE, NOW)
    more = services.open_incident(Incident(happened_at=NOW, follows=signed), JANE, NOW)
    assert list(signed.addenda.all()) == [more]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records_incident SET description = 'x'",
        "UPDATE records_incident SET signed_at = NULL",
        "UPDATE records_incident SET erased_at = '2026-01-01', description = ''",
        (
            "UPDATE records_incident SET erased_at = '2026-01-01', description = '', place = '', people = '',"
            " identified_how = '', conclusion_text = '', serious = 1"
        ),
        "DELETE FROM records_incident",
        "INSERT OR REPLACE INTO records_incident SELECT * FROM records_incident",
        "UPDATE records_incidentaction SET text = 'x'",
        "DELETE FROM records_incidentaction",
        "DELETE FROM records_incidentperson",
        "INSERT OR REPLACE INTO records_incidentaction SELECT * FROM records_incidentaction",
        (
            "INSERT INTO records_incidentdecision (incident_id, whom, told, why, reference, at, by)"
            " SELECT id, 'police', 1, 'x', '', '2026-01-01', 'x' FROM records_incident"
        ),
    ],
)
def test_the_database_refuses_to_change_what_is_signed(signed, statement):
    before = services.incidents.content(signed)
    with pytest.raises(IntegrityError, match="is final"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert services.incidents.content(Incident.objects.get()) == before


def test_an_action_cannot_be_moved_into_a_signed_incident(signed):
    other = services.open_incident(Incident(happened_at=NOW), JANE, NOW)
    services.add_action(other.number, "other", "x", NOW, JANE, NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        IncidentAction.objects.filter(incident=other).update(incident=signed)
    with pytest.raises(IntegrityError), transaction.atomic():
        IncidentAction.objects.filter(incident=signed).update(incident=other)


def test_an_unsigned_incident_may_still_change(draft):
    services.edit_incident(draft.number, JANE, NOW, place="Library")
    assert Incident.objects.get().place == "Library"


def test_lawful_erasure_leaves_number_signature_and_a_valid_chain(signed):
    services.erase_incident(signed.number, "retention RT5", JANE, NOW)
    found = Incident.objects.get()
    assert (found.number, found.signature, found.description) == (signed.number, signed.signature, "")
    assert found.involved.count() == 0
    texts = "".join(body or "" for body in LedgerText.objects.values_list("body", flat=True))
    assert "Sam Poe" not in texts
    assert "Room 4" not in texts
    assert ledger.verify() == []
    assert drift() == []


def test_who_read_an_incident_is_recorded(draft):
    services.read_incident(draft.number, Actor("The Head"), NOW)
    assert [row.action for row in ledger.rows()] == ["opened", "read"]
    assert "The Head" in list(ledger.rows())[-1].body


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE records_incident SET description = 'nothing'", "changed past the ledger: description"),
        ("DELETE FROM records_incidentaction", "actions were added or taken away"),
        ("UPDATE records_incidentaction SET text = 'x'", "no longer what was signed"),
    ],
)
def test_a_change_past_the_services_is_found(database, signed, statement, what):
    connection.close()
    with closing(sqlite3.connect(database)) as raw:
        for guard in triggers.GUARDS:
            raw.execute(f"DROP TRIGGER {guard.name}")
        raw.execute(statement)
        raw.commit()
    assert any(what in problem.what and signed.number in problem.what for problem in drift())


def test_a_record_made_or_deleted_past_the_services_is_found(draft):
    Incident.objects.create(number="IN-2026-XXXXX", happened_at=NOW, created_at=NOW, recorder="x")
    draft.delete()
    whats = {problem.what for problem in drift()}
    assert whats == {"incident IN-2026-XXXXX was made past the ledger", f"incident {draft.number} was deleted"}


def test_choices_and_fields_are_checked_with_what_is_possible(draft):
    with pytest.raises(RecordsError, match="kind: must be one of other, parent contacted"):
        services.add_action(draft.number, "shouting", "x", NOW, JANE, NOW)
    with pytest.raises(RecordsError, match="no such field: signature"):
        services.edit_incident(draft.number, JANE, NOW, signature="x")
    with pytest.raises(RecordsError, match="no such number"):
        services.edit_incident("IN-2026-ZZZZZ", JANE, NOW, place="x")
    with pytest.raises(RecordsError, match="--by"):
        services.edit_incident(draft.number, Actor("  "), NOW, place="x")


def test_hostile_text_is_kept_without_what_a_database_cannot_bear(draft):
    services.edit_incident(draft.number, JANE, NOW, description="a\x00b\ud800c <script> {0.__class__} %s")
    assert Incident.objects.get().description == "ab?c <script> {0.__class__} %s"
    with pytest.raises(RecordsError, match="20000 are possible"):
        services.edit_incident(draft.number, JANE, NOW, description="x" * 20_001)
