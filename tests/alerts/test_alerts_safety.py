import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterwatch.alerts import switch_offs
from filterwatch.alerts.digests import digests
from filterwatch.alerts.escalation import escalate
from filterwatch.alerts.raising import raise_new
from filterwatch.alerts.safety import forbidden, leaks, links
from filterwatch.alerts.work import work
from filterwatch.events import CATEGORIES
from filterwatch.records.models import Outbox

CONSOLE = "https://filterwatch.example.sch.uk"


@pytest.mark.parametrize(
    "text",
    [
        "see secretvpn.example now",
        "SECRETVPN.EXAMPLE",
        "hxxp://www.secretvpn[.]example/x",
        "http%3A%2F%2Fsecretvpn.example",
        "user=sam.poe,",
        "\uff33am.poe",
        "(10.10.4.17)",
        "TROLLEY-12",
    ],
)
def test_a_leak_is_found_however_it_is_written(journal, text):
    secrets = forbidden(journal.add(host="www.secretvpn.example").detections(0, 9))
    assert leaks(text, secrets)


def test_words_inside_other_words_are_no_leak():
    assert leaks("alert, count 12, alerting", {"ale", "12x", "lert"}) == []


def test_words_that_nobody_may_use_are_found():
    assert leaks("Child pornography", set()) == ["child porn"]


@pytest.mark.parametrize(
    "text", ["www.x.org", "bbc.co.uk", "http://x", "192.0.2.1", "mailto:x", "2001:db8:0:1::1", "Ftp://x"]
)
def test_what_links_itself_is_found(text):
    assert links(f"see {text} now", CONSOLE)


def test_the_console_is_the_only_link():
    assert links(f"see {CONSOLE}/alerts/FW-2026-22222/ at 10:41. Now.", CONSOLE) == []


@pytest.mark.usefixtures("database")
def test_no_message_of_any_kind_holds_anything_from_the_logs(journal, make_desk, clock, minutes):
    """A school day: every category, level and group, switch-offs, escalation, repeats, digests, limits."""
    desk = make_desk(digest={"at": "10:05"}, test={"day": "mon", "at": "08:00"})
    digests(desk, clock.now())
    for n, category in enumerate(CATEGORIES):
        for level in ("critical", "high", "medium", "low"):
            journal.add(
                category=category, rule=category, level=level, person=f"pupil{n}.{level}", user=f"pupil{n}",
                device=f"ipad-of-pupil{n}", host=f"www.site{n}.{category}.example", matched=f"how to {category} {n}",
                client_ip=f"10.10.{n}.7", outcome="welfare" if n % 5 == 0 else "breach",
                group=("pupils", "staff", "guests", "unknown")[n % 4],
            )  # fmt: skip
    journal.off(time=minutes(-10)).off("exemption_added", matched="squid of pupil7").off("config_changed")
    work(journal, desk, clock)
    for _ in range(5):
        clock.sleep(16 * 60)
        work(journal, desk, clock)
    secrets = forbidden(journal.detections(0, 10_000)) - {"squid"}
    assert len(secrets) > 300
    texts = [text for row in Outbox.objects.all() for text in (row.title, row.body, row.html)]
    assert {row.kind for row in Outbox.objects.all()} == {"immediate", "escalation", "repeat", "digest", "test"}
    assert [found for text in texts if (found := leaks(text, secrets))] == []
    assert [found for text in texts if (found := links(text, CONSOLE))] == []


@pytest.mark.usefixtures("database")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(codec="utf-8"), min_size=5, max_size=40).filter(lambda text: text.strip(" 0123456789"))
)
def test_no_text_of_a_pupil_changes_a_message(journal, make_desk, clock, text):
    desk = make_desk(limits={"per_hour": 9999, "per_day": 9999})
    Outbox.objects.all().delete()
    first = len(journal.rows)
    journal.add(person=f"plain{first}", host="x", matched="x", device="x", reason="x")
    journal.add(person=f"{text}{first}", host=text, matched=text, device=text, reason=text)
    raise_new(journal, desk, clock)
    shapes = {row.body.replace(row.alert.number, "N").replace(row.code, "C") for row in Outbox.objects.all()}
    assert Outbox.objects.count() == 4
    assert len(shapes) == 1


@pytest.mark.usefixtures("database")
def test_a_message_as_people_read_it(journal, desk, clock, minutes):
    journal.add(time=minutes(-10)).add(time=minutes(-1))
    raise_new(journal, desk, clock)
    row = Outbox.objects.get(channel="jane-mail")
    number = row.alert.number
    assert row.title == f"{number}: high, bypass"
    assert row.body == (
        "A high alert waits for somebody to take it.\n"
        "\n"
        f"Case   {number}\n"
        "Level  high\n"
        "About  bypass\n"
        "Site   st-pauls\n"
        "When   Mon 23 Nov 2026, 09:59\n"
        "First  Mon 23 Nov 2026, 09:50\n"
        "Count  at least 2\n"
        "\n"
        "Sign in to read the case and to acknowledge it:\n"
        f"https://filterwatch.example.sch.uk/alerts/{number}/\n"
        "\n"
        "Or, on the gateway:\n"
        f"  filterwatch alert ack {row.code}\n"
        f"  filterwatch alert show {number}\n"
        "\n"
        "Unless somebody has acknowledged it by 10:15, the next person is told.\n"
    )


@pytest.mark.usefixtures("database")
def test_a_critical_message_says_whom_to_call_and_an_illegal_one_to_stop(journal, make_desk, clock):
    desk = make_desk(console=None)
    journal.add(category="csam", level="critical")
    raise_new(journal, desk, clock)
    body = Outbox.objects.first().body
    assert "call 999" in body
    assert "Stop: do not open" in body
    assert links(body) == []


@pytest.mark.usefixtures("database")
def test_times_are_the_schools_own(journal, desk, clock, minutes):
    journal.add(time=minutes(-60 * 24 * 150))
    raise_new(journal, desk, clock)
    assert "Fri 26 Jun 2026, 11:00" in Outbox.objects.first().body


@pytest.mark.usefixtures("database")
def test_each_recipient_has_a_code_of_their_own_that_stays(journal, desk, clock):
    journal.add(category="csam", level="critical")
    raise_new(journal, desk, clock)
    codes = dict(Outbox.objects.values_list("recipient", "code"))
    assert codes["coordinator"] != codes["head"]
    clock.sleep(3600)
    escalate(desk, clock.now())
    switch_offs.judge(desk, clock.now())
    again = set(Outbox.objects.filter(recipient="head").values_list("code", flat=True))
    assert again == {codes["head"]}
