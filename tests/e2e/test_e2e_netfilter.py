"""A real nftables firewall, logged by a real ulogd to its file and to the system log."""

import shutil
import tempfile
import time
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import pytest
from e2e_filters import Syslog, needs_rsyslog, needs_spaces
from e2e_gateway import until
from e2e_netfilter import INSIDE, INSIDE_6, OUTSIDE, OUTSIDE_6, Firewall, needs_ulogd
from e2e_watch import Watch, lines_of

pytestmark = [pytest.mark.e2e, needs_ulogd, needs_rsyslog, needs_spaces, pytest.mark.timeout(120)]

PEOPLE = {
    "ranges": [
        {"net": net, "group": "pupils", "device_class": "individual"} for net in ("10.77.0.0/16", "2001:db8:77::/48")
    ]
}


class Gateway:
    """The firewall and our daemon over what ulogd writes."""

    def __init__(self, folder: Path, closes: ExitStack) -> None:
        self.syslog = closes.enter_context(closing(Syslog(folder / "syslog", "RSYSLOG_FileFormat")))
        self.firewall = closes.enter_context(closing(Firewall(folder / "firewall", self.syslog)))
        self.logs = {"file": self.firewall.log, "system": self.syslog.log, "ulogd-itself": self.firewall.own_log}
        formats = {"file": "netfilter", "system": "netfilter", "ulogd-itself": "filter_events"}
        sources = [{"name": name, "format": formats[name], "path": str(log)} for name, log in self.logs.items()]
        self.watch = closes.enter_context(closing(Watch(folder, sources, people=PEOPLE)))
        self._devices = count(2)

    def send(self, source: str, kind: str, port: int, *, six: bool = False) -> str:
        """Send a packet as a device of its own; return its address once it is journalled."""
        client, seen = (INSIDE_6 if six else INSIDE).format(next(self._devices)), lines_of(self.logs[source])
        self.firewall.send(kind, client, OUTSIDE_6 if six else OUTSIDE, port)
        until(lambda: lines_of(self.logs[source]) > seen, 5, "ulogd writes")
        self.watch.wait_for_lines(source, self.logs[source])
        return client


@pytest.fixture(scope="module")
def gateway():
    folder = Path(tempfile.mkdtemp(prefix="filterwatch-e2e-"))
    folder.chmod(0o755)
    try:
        with ExitStack() as closes:
            yield Gateway(folder, closes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(("source", "port"), [("file", 1194), ("system", 51820)])
@pytest.mark.parametrize("six", [False, True], ids=["4", "6"])
def test_a_dropped_tunnel_is_one_blocked_flow_and_one_mail(gateway, source, port, six):
    sent: list[str] = []
    mail, _ = gateway.watch.next_mail(lambda: sent.append(gateway.send(source, "udp", port, six=six)), 10)
    assert "FW-" in mail.subject
    assert sent[0] not in mail.text
    events = gateway.watch.events(source).filter(client_ip=sent[0])
    told = events.select("kind", "action", "protocol", "dest_ip", "dest_port", "counted").rows()
    assert told == [("flow", "blocked", "udp", OUTSIDE_6 if six else OUTSIDE, port, True)]
    found = gateway.watch.detections(sent[0])
    assert found.select("rule", "action", "source").rows() == [("bypass-vpn-flow", "blocked", source)]


@pytest.mark.parametrize(
    ("kind", "port", "action", "rule"),
    [
        ("tcp", 25, "blocked", "[FW BLOCK]"),
        ("tcp", 853, "blocked", "DoT drop"),
        ("udp", 3478, "allowed", "ACCEPT stun"),
    ],
)
def test_what_a_rule_did_is_read_from_the_words_of_its_prefix(gateway, kind, port, action, rule):
    client = gateway.send("file", kind, port)
    events = gateway.watch.events("file").filter(client_ip=client)
    told = set(events.select("kind", "action", "protocol", "dest_port", "filter_rule").rows())
    assert told == {("flow", action, kind, port, rule)}
    assert gateway.watch.detections(client).is_empty()


def test_every_line_is_answered_and_ulogd_itself_is_no_filter(gateway):
    assert len(gateway.watch.mailbox.mails) == len(gateway.watch.detections())
    gateway.firewall.close()
    time.sleep(0.3)  # the system log is written by another
    for name, log in gateway.logs.items():
        gateway.watch.wait_for_lines(name, log)
    assert gateway.watch.rejected() == []
    for name, counts in gateway.watch.totals().items():
        assert counts["lines"] == lines_of(gateway.logs[name]) == counts["events"] + counts["skipped"], name
    # The kernel filters on while ulogd is away: its end switches no filter off; `liveness` tells of its silence.
    assert b"Terminal signal received, exiting" in gateway.firewall.own_log.read_bytes()
    assert gateway.watch.events("ulogd-itself").is_empty()
