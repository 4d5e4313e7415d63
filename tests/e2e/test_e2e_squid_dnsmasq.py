"""A real squid and a real dnsmasq feed the running daemon; mails arrive at a real mail server."""

import base64
import email
import email.policy
import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from e2e_gateway import Dnsmasq, Origin, Squid, needs_dnsmasq, needs_squid, until
from e2e_watch import WITHIN, Watch

from filterwatch.alerts.safety import forbidden, leaks

pytestmark = [pytest.mark.e2e, needs_squid, needs_dnsmasq, pytest.mark.timeout(120)]

VPN = "www.mullvad.net"
TERM = "how to hide self harm scars"
SEARCH = f"http://www.google.co.uk/search?q={quote_plus(TERM)}"
CASE = re.compile(r"\bFW-\d{4}-[0-9A-Z]+")


@pytest.fixture(scope="module")
def folder():
    """A folder that squid's own user can enter; pytest's cannot be."""
    path = Path(tempfile.mkdtemp(prefix="filterwatch-e2e-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class School(Watch):
    def __init__(self, folder):
        self.origin = Origin()
        self.squid = Squid(folder / "squid", self.origin.port)
        self.dnsmasq = Dnsmasq(folder / "dnsmasq")
        sources = [
            {"name": "squid", "format": "squid", "path": "squid/access.log", "rotate_wait": "1s"},
            {"name": "dns", "format": "dnsmasq_extra", "path": "dnsmasq/dnsmasq.log"},
        ]
        super().__init__(folder, sources)

    def close(self):
        super().close()
        self.dnsmasq.close()
        self.squid.close()
        self.origin.close()


@pytest.fixture(scope="module")
def school(folder):
    running = School(folder)
    yield running
    running.close()


def everything(mail) -> str:
    """Return all that a mail holds: its bytes as sent, and each part decoded."""
    message = email.message_from_bytes(mail.raw, policy=email.policy.default)
    parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([mail.raw.decode(), mail.subject, *parts])


def assert_safe(mail, *secrets):
    text = everything(mail)
    assert CASE.search(mail.subject)
    assert CASE.search(mail.text)
    assert leaks(text, secrets) == []
    for secret in secrets:
        assert secret not in text
        assert base64.b64encode(secret.encode()).decode().rstrip("=") not in text


def test_a_listed_site_becomes_a_mail_that_names_nobody(school):
    client = school.client()
    mail, seconds = school.next_mail(lambda: school.squid.get(f"http://{VPN}/", client))
    assert seconds < WITHIN
    assert mail.to == ("coordinator@school.test",)
    found = school.detections(client)
    assert found["rule"].to_list() == ["bypass-vpn"]
    assert_safe(mail, client, VPN, "mullvad.net", "mullvad", *forbidden(found))


def test_a_search_for_self_harm_becomes_a_mail_without_its_words(school):
    client = school.client()
    mail, _ = school.next_mail(lambda: school.squid.get(SEARCH, client))
    assert "critical" in mail.subject
    found = school.detections(client)
    assert "self_harm-searches" in found["rule"].to_list()
    assert_safe(mail, client, TERM, quote_plus(TERM), "self harm", "scars", "google", *forbidden(found))


def test_what_squid_refuses_is_told_as_blocked(school):
    client = school.client()
    mail, _ = school.next_mail(lambda: school.squid.get("http://motherless.com/", client))
    found = school.detections(client)
    assert set(found["action"]) == {"blocked"}
    assert_safe(mail, client, "motherless", *forbidden(found))


def test_a_request_for_a_login_is_no_finding_and_the_request_that_follows_is(school):
    client, seen = school.client(), school.squid.lines()
    assert school.squid.get("http://hackforums.net/", client) == 407
    until(lambda: school.squid.lines() > seen, 5, "squid writes its line")
    assert b"/407" in school.squid.log.read_bytes()
    login = base64.b64encode(b"y5.amina:hunter2hunter2").decode()
    mail, _ = school.next_mail(
        lambda: school.squid.get("http://hackforums.net/", client, f"Proxy-Authorization: Basic {login}\r\n")
    )
    found = school.detections(client)
    assert found["user"].to_list() == ["y5.amina"]
    assert_safe(mail, client, "y5.amina", "hunter2hunter2", login, "hackforums.net", *forbidden(found))
    for file in (school.folder / "state").glob("*.db*"):
        assert b"hunter2hunter2" not in file.read_bytes()


def test_a_blocked_name_asked_of_dnsmasq_becomes_a_mail(school):
    client = school.client()
    mail, _ = school.next_mail(lambda: school.dnsmasq.ask("nordvpn.com", client))
    found = school.detections(client)
    assert found["rule"].to_list() == ["bypass-vpn"]
    assert found["action"].to_list() == ["blocked"]
    assert_safe(mail, client, "nordvpn.com", "nordvpn", *forbidden(found))


def test_an_ordinary_name_and_an_ordinary_site_raise_nothing(school):
    client, before = school.client(), school.read("dns")
    school.dnsmasq.ask("www.school.test", client)
    school.squid.get("http://www.bbc.co.uk/", client)
    until(lambda: school.read("dns") >= before + 2, 5, "the question and its answer are journalled")
    until(lambda: school.read("squid") == school.squid.lines(), 5, "the request is journalled")
    assert school.detections(client).is_empty()


def test_rotation_by_squid_itself_loses_nothing(school):
    clients = [school.client() for _ in range(3)]
    wanted = school.squid.lines()
    for number in range(300):
        if number % 100 == 50:
            school.squid.rotate()
        school.squid.get(f"http://www.school.test/page/{number}", clients[number % 3])
    until(lambda: school.squid.lines() >= wanted + 300, 10, "squid has written all")
    assert len(list(school.squid.folder.glob("access.log.*"))) >= 3
    until(lambda: school.read("squid") >= school.squid.lines(), 10, "every line is journalled")
    time.sleep(0.5)
    assert school.read("squid") == school.squid.lines()
    with school.journal() as journal:
        assert journal.gaps().is_empty()


def test_from_request_to_mail_it_takes_less_than_three_seconds(school):
    took = []
    for number in range(20):
        client = school.client()
        mail, seconds = school.next_mail(lambda client=client: school.squid.get(f"http://{VPN}/", client), 10)
        assert_safe(mail, client, VPN)
        took.append(seconds)
        time.sleep(0.037 * (number % 10))  # not always at the same moment of the daemon's rounds
    took.sort()
    print(f"\nrequest to mail, 20 requests: p50 {statistics.median(took):.2f} s, p99 {took[-1]:.2f} s")
    assert took[-1] < WITHIN
