"""A real e2guardian in front of a real squid, in every log format it has: one request, one event for the rules."""

import base64
import shutil
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import polars as pl
import pytest
from e2e_filters import GROUP, E2guardian, Syslog, needs_e2guardian, needs_rsyslog, needs_spaces
from e2e_gateway import Origin, Squid, free_port, needs_squid, until
from e2e_watch import Watch, control, lines_of

pytestmark = [
    pytest.mark.e2e, needs_squid, needs_e2guardian, needs_rsyslog, needs_spaces, pytest.mark.timeout(120)
]  # fmt: skip

FORMATS = (1, 2, 3, 4, 5, 6)
"""Those of 5.3.5; it refuses to start with 7 and 8."""

FORWARDED = 0
"""Stands for one more: format 6, the package's own, and X-Forwarded-For, so that squid logs the pupil's address."""

PASSWORD = "hunter2hunter2"
BANNED, ORDINARY, REFUSED = "http://www.mullvad.net/", "http://www.bbc.co.uk/", "http://motherless.com/"
LISTED, PHRASE = "http://hackforums.net/", "http://hackforums.net/naughty"


class Chain:
    """One squid with a port and a log for each e2guardian in front of it, and our daemon over all their logs."""

    def __init__(self, folder: Path, closes: ExitStack) -> None:
        origin = closes.enter_context(closing(Origin()))
        ports = {number: free_port() for number in (*FORMATS, FORWARDED)}
        more = "".join(
            f"http_port 127.0.0.1:{port} name=p{number}\nacl p{number} myportname p{number}\n"
            f"access_log daemon:{{folder}}/behind{number}.log squid p{number}\n"
            for number, port in ports.items()
        )
        more += f"follow_x_forwarded_for allow p{FORWARDED}\n"
        self.squid = closes.enter_context(closing(Squid(folder / "squid", origin.port, more=more)))
        self.syslog = closes.enter_context(closing(Syslog(folder / "syslog", "RSYSLOG_FileFormat")))
        self.filters = {}
        for number, port in ports.items():
            one = E2guardian(folder / f"front{number}", port, number or 6, self.syslog, forwarded=number == FORWARDED)
            self.filters[number] = closes.enter_context(closing(one))
        self.logs = {"squid-itself": folder / "squid" / "cache.log", "system": self.syslog.log}
        sources = [
            {"name": "squid-itself", "format": "filter_events", "path": "squid/cache.log"},
            {"name": "system", "format": "syslog", "path": "syslog/syslog"},
        ]
        for number, one in self.filters.items():
            front, behind = f"front{number}", f"behind{number}"
            self.logs |= {front: folder / front / "access.log", behind: folder / "squid" / f"{behind}.log"}
            joined = {"behind": front, "behind_addresses": ["127.0.77.0/24" if one.forwarded else "127.0.0.1/32"]}
            sources += [
                {"name": behind, "format": "squid", "path": f"squid/{behind}.log", **joined},
                {"name": front, "format": f"e2guardian_{one.format}", "path": f"{front}/access.log"},
            ]
        self.watch = closes.enter_context(closing(Watch(folder, sources)))

    def ask(self, number: int, url: str, *, login: bool = True) -> tuple[str, str]:
        """Ask the filter as a pupil and a device of their own; return both once all lines are journalled."""
        client, log = self.watch.client(), self.logs[f"front{number}"]
        user, seen = f"y5.amina{client.rpartition('.')[2]}", lines_of(log)
        secret = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        self.filters[number].get(url, client, f"Proxy-Authorization: Basic {secret}\r\n" if login else "")
        until(lambda: lines_of(log) > seen, 10, "e2guardian writes its line")
        self.settle(number)
        return client, user

    def settle(self, number: int) -> None:
        for name in (f"front{number}", f"behind{number}"):
            self.watch.wait_for_lines(name, self.logs[name])

    def events(self, number: int, url: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return what the filter and the proxy behind logged of the latest requests for *url*."""
        events = self.watch.events(f"front{number}", f"behind{number}")
        asked = events.filter(pl.col("url").str.strip_suffix("/") == url.removesuffix("/"))
        return tuple(asked.filter(source=f"{side}{number}") for side in ("front", "behind"))


@pytest.fixture(scope="module")
def chain():
    folder = Path(tempfile.mkdtemp(prefix="filterwatch-e2e-"))  # their users cannot enter pytest's
    folder.chmod(0o755)
    try:
        with ExitStack() as closes:
            yield Chain(folder, closes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


each_format = pytest.mark.parametrize("number", FORMATS)


@each_format
def test_what_the_filter_bans_is_one_blocked_detection_and_one_mail(chain, number):
    asked: list[str] = []
    mail, _ = chain.watch.next_mail(lambda: asked.extend(chain.ask(number, BANNED)), 10)
    client, user = asked
    found = chain.watch.detections(client)
    assert found.select("rule", "action", "source", "user").rows() == [
        ("bypass-vpn", "blocked", f"front{number}", user)
    ]
    assert "FW-" in mail.subject
    for secret in (user, client, "mullvad", PASSWORD):
        assert secret not in mail.text + mail.subject
    front, behind = chain.events(number, BANNED)
    assert front["counted"].to_list() == [True]
    assert behind.is_empty()  # it never got there
    if number != 3:  # which knows no reason
        assert front["filter_category"].to_list() == ["VPN"]
        assert "mullvad.net" in front["filter_reason"][0]


@each_format
def test_a_page_of_both_logs_counts_once_with_the_pupil_of_the_filters_line(chain, number):
    client, user = chain.ask(number, LISTED)
    found = chain.watch.detections(client)
    assert found.select("action", "source", "user").rows() == [("allowed", f"front{number}", user)]
    front, behind = chain.events(number, LISTED)
    assert front.select("counted", "client_ip", "user").rows() == [(True, client, user)]
    assert behind.select("counted", "client_ip", "user").rows() == [(False, "127.0.0.1", user)]


@each_format
def test_a_phrase_on_a_page_that_the_proxy_behind_let_through_is_one_block(chain, number):
    client, user = chain.ask(number, PHRASE)
    found = chain.watch.detections(client)
    # Format 3 writes the same for a page with a banned phrase as for one that the site itself refuses.
    verdict = "unknown" if number == 3 else "blocked"
    assert found.select("action", "source", "user").rows() == [(verdict, f"front{number}", user)]
    front, behind = chain.events(number, PHRASE)
    assert front["counted"].to_list() == [True]
    assert behind.select("counted", "action").rows() == [(False, "allowed")]


@each_format
def test_what_the_proxy_behind_refuses_is_told_as_blocked_with_the_pupil(chain, number):
    client, user = chain.ask(number, REFUSED)
    told = chain.watch.detections(client).filter(action="blocked")
    front, behind = chain.events(number, REFUSED)
    # Where the filter's line was journalled before the block was read, the block counts too (decision 0129).
    late = behind["counted"].to_list() == [True]
    alone = "unknown" if number == 3 else "allowed"
    assert front.select("counted", "action").rows() == [(True, alone if late else "blocked")]
    assert set(told.select("user", "source").rows()) == {(user, f"behind{number}" if late else f"front{number}")}
    assert told["rule"].is_unique().all()


@each_format
def test_an_ordinary_page_and_a_request_for_a_login_raise_nothing(chain, number):
    clients = [chain.ask(number, ORDINARY)[0], chain.ask(number, LISTED, login=False)[0]]
    assert [len(chain.watch.detections(client)) for client in clients] == [0, 0]
    front, behind = chain.events(number, ORDINARY)
    assert (front["counted"].to_list(), behind["counted"].to_list()) == ([True], [False])
    front, _ = chain.events(number, LISTED)
    assert front["action"].to_list()[-1] == "auth_required"


def test_a_page_counts_once_where_the_proxy_behind_logs_the_pupils_address_too(chain):
    client, user = chain.ask(FORWARDED, LISTED)
    front, behind = chain.events(FORWARDED, LISTED)
    assert front.select("counted", "client_ip", "user").rows() == [(True, client, user)]
    assert behind.select("counted", "client_ip", "user").rows() == [(False, client, user)]
    assert chain.watch.detections(client)["source"].to_list() == [f"front{FORWARDED}"]


def test_who_goes_past_the_filter_is_seen(chain):
    client, log = chain.watch.client(), chain.logs["behind6"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain.squid, "port", chain.filters[6].proxy)
        seen = lines_of(log)
        assert chain.squid.get(BANNED, client) == 200
    until(lambda: lines_of(log) > seen, 5, "squid writes its line")
    chain.settle(6)
    assert chain.watch.detections(client).select("action", "source").rows() == [("allowed", "behind6")]


def test_a_filter_that_cannot_start_is_told_as_off(chain):
    assert control(chain.watch.events("system")) == [("filter_started", "e2guardian")]
    with pytest.raises(AssertionError, match="logfileformat"):
        E2guardian(chain.watch.folder / "broken", free_port(), 7, chain.syslog)
    until(lambda: b"Error parsing" in chain.syslog.log.read_bytes(), 5, "rsyslogd writes")
    chain.watch.wait_for_lines("system", chain.syslog.log)
    assert control(chain.watch.events("system"))[1:] == [("filter_stopped", "e2guardian")]


def test_stops_and_starts_of_both_are_read_and_every_line_is_answered(chain):
    told = len(chain.watch.events("system"))
    chain.filters[6].close()
    chain.squid.close()
    until(lambda: b"connections stopped" in chain.syslog.log.read_bytes(), 5, "rsyslogd writes")
    for name, log in chain.logs.items():
        chain.watch.wait_for_lines(name, log)
    assert control(chain.watch.events("squid-itself")) == [("filter_started", "squid"), ("filter_stopped", "squid")]
    assert control(chain.watch.events("system")[told:]) == [("filter_stopped", "e2guardian")]
    assert chain.watch.rejected() == []
    for name, counts in chain.watch.totals().items():
        assert counts["lines"] == lines_of(chain.logs[name]) == counts["events"] + counts["skipped"], name
    assert GROUP.encode() in chain.logs["front1"].read_bytes()
