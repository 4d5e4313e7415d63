"""Real unbound and BIND that refuse names by lists and policy zones: a question and all that follows is one event."""

import shutil
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

import polars as pl
import pytest
from e2e_filters import Syslog, needs_rsyslog, needs_spaces
from e2e_gateway import until
from e2e_resolvers import Named, Unbound, ask, needs_named, needs_unbound
from e2e_watch import Watch, control, lines_of

pytestmark = [
    pytest.mark.e2e, needs_unbound, needs_named, needs_rsyslog, needs_spaces, pytest.mark.timeout(120)
]  # fmt: skip

BY_POLICY = {
    "nordvpn.com": "blocked",
    "www.nordvpn.com": "blocked",
    "mullvad.net": "blocked",
    "protonvpn.com": "blocked",
    "expressvpn.com": "rewritten",
}
"""What the policy zone says, with how it must be told."""

BY_LISTS = {"privateinternetaccess.com": "blocked", "windscribe.com": "blocked"}
"""unbound's own zones."""

LISTED, ORDINARY = "surfshark.com", "www.school.test"
RESOLVERS = ("unbound-words", "unbound-seconds", "bind-words", "bind-iso")


class Resolvers:
    """Two of each, which write their times in different ways, and our daemon over all their logs."""

    def __init__(self, folder: Path, closes: ExitStack) -> None:
        self.syslog = closes.enter_context(closing(Syslog(folder / "syslog")))
        made = {
            "unbound-words": Unbound(folder / "unbound-words", ascii_=True),
            "unbound-seconds": Unbound(folder / "unbound-seconds", ascii_=False),
            "bind-words": Named(folder / "bind-words", "yes", self.syslog),
            "bind-iso": Named(folder / "bind-iso", "iso8601-utc"),
        }
        self.daemons = {name: closes.enter_context(closing(one)) for name, one in made.items()}
        self.logs = {name: one.log for name, one in self.daemons.items()}
        own = {f"{name}-itself": self.daemons[name].general for name in ("bind-words", "bind-iso")}
        sources = [
            {"name": name, "format": name.partition("-")[0], "path": str(log)} for name, log in self.logs.items()
        ]
        for one in sources[:2]:
            one["options"] = {"block_zones": ["windscribe.com"]}
        sources += [{"name": name, "format": "filter_events", "path": str(log)} for name, log in own.items()]
        sources.append({"name": "system", "format": "syslog", "path": str(self.syslog.log)})
        self.logs |= own | {"system": self.syslog.log}
        self.watch = closes.enter_context(closing(Watch(folder, sources)))

    def ask(self, resolver: str, name: str) -> str:
        """Ask *resolver* as a device of its own; return its address once all lines of it are journalled."""
        client, seen = self.watch.client(), lines_of(self.logs[resolver])
        ask(self.daemons[resolver].port, name, client)
        until(lambda: lines_of(self.logs[resolver]) > seen, 5, "the resolver writes")
        time.sleep(0.05)  # its other lines
        self.watch.wait_for_lines(resolver, self.logs[resolver])
        return client

    def events(self, resolver: str, client: str) -> pl.DataFrame:
        return self.watch.events(resolver).filter(client_ip=client)


@pytest.fixture(scope="module")
def resolvers():
    folder = Path(tempfile.mkdtemp(prefix="filterwatch-e2e-"))
    folder.chmod(0o755)
    try:
        with ExitStack() as closes:
            yield Resolvers(folder, closes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


CASES = [
    (resolver, name, action)
    for resolver in RESOLVERS
    for name, action in (BY_POLICY | (BY_LISTS if resolver.startswith("unbound") else {})).items()
]


@pytest.mark.parametrize(("resolver", "name", "action"), CASES)
def test_a_refused_name_is_one_detection_and_one_mail_for_all_its_lines(resolvers, resolver, name, action):
    asked: list[str] = []
    mail, _ = resolvers.watch.next_mail(lambda: asked.append(resolvers.ask(resolver, name)), 10)
    assert "FW-" in mail.subject
    assert asked[0] not in mail.text
    assert name not in mail.text
    events = resolvers.events(resolver, asked[0])
    assert len(events) >= 2
    assert set(events["query"]) == {name}
    counted = events.filter("counted")
    assert counted["action"].to_list() == [action]
    found = resolvers.watch.detections(asked[0])
    assert found.select("rule", "action").rows() == [("bypass-vpn", action)]


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_a_listed_name_that_is_answered_is_one_detection(resolvers, resolver):
    asked: list[str] = []
    resolvers.watch.next_mail(lambda: asked.append(resolvers.ask(resolver, LISTED)), 10)
    assert resolvers.events(resolver, asked[0])["counted"].sum() == 1
    found = resolvers.watch.detections(asked[0])
    assert found["rule"].to_list() == ["bypass-vpn"]
    assert found["action"].to_list() == ["allowed" if resolver.startswith("unbound") else "unknown"]


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_an_ordinary_name_counts_once_and_raises_nothing(resolvers, resolver):
    client = resolvers.ask(resolver, ORDINARY)
    assert resolvers.events(resolver, client)["counted"].sum() == 1
    assert resolvers.watch.detections(client).is_empty()


def test_stops_and_starts_are_read_and_every_line_is_answered(resolvers):
    watch = resolvers.watch
    found = watch.detections().drop_nulls("client_ip")  # the rest is that resolvers were started
    assert len(watch.mailbox.mails) == len(found), "each device did one thing: one mail for each detection"
    for daemon in resolvers.daemons.values():
        daemon.close()
    time.sleep(0.3)  # the system log is written by another
    for name, log in resolvers.logs.items():
        watch.wait_for_lines(name, log)
    for name in ("unbound-words", "unbound-seconds"):
        assert control(watch.events(name)) == [("filter_started", "unbound"), ("filter_stopped", "unbound")], name
    for name in ("bind-words-itself", "bind-iso-itself", "system"):
        assert control(watch.events(name)) == [("filter_started", "named"), ("filter_stopped", "named")], name
    assert watch.rejected() == []
    for name, counts in watch.totals().items():
        assert counts["lines"] == lines_of(resolvers.logs[name]) == counts["events"] + counts["skipped"], name
