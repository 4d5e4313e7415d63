"""Real unbound and BIND, each in a folder of its own on loopback."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from e2e_filters import UTC, Syslog, found
from e2e_gateway import end, free_port, ready

UNBOUND, NAMED = found("unbound"), found("named")

needs_unbound = pytest.mark.skipif(UNBOUND is None, reason="needs unbound (Debian: unbound)")
needs_named = pytest.mark.skipif(NAMED is None, reason="needs BIND (Debian: bind9)")


def ask(port: int, name: str, client: str) -> bytes | None:
    """Ask for the IPv4 address of *name* as *client* does; return the whole answer, null where none comes."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = b"\x2a\x2a\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((client, 0))
        sock.settimeout(0.7)
        sock.sendto(question, ("127.0.0.1", port))
        try:
            return sock.recv(512)
        except TimeoutError:
            return None


POLICY_ZONE = """$TTL 300
@ SOA localhost. root.localhost. 1 60 60 60 60
@ NS localhost.
nordvpn.com CNAME .
*.nordvpn.com CNAME .
mullvad.net CNAME *.
protonvpn.com CNAME rpz-drop.
expressvpn.com A 127.0.0.1
"""
"""What either resolver refuses: with NXDOMAIN, with no address, with silence, with another's address."""

UNBOUND_CONF = """
server:
  interface: 127.0.0.1@{port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/pid"
  use-syslog: no
  logfile: "{folder}/unbound.log"
  log-time-ascii: {ascii}
  log-tag-queryreply: {ascii}
  log-queries: yes
  log-replies: yes
  log-local-actions: yes
  log-servfail: yes
  verbosity: 1
  num-threads: 1
  module-config: "respip iterator"
  local-zone: "test." nodefault
  local-data: "www.school.test. A 127.0.0.1"
  local-data: "surfshark.com. A 192.0.2.7"
  local-zone: "privateinternetaccess.com." always_nxdomain
  local-zone: "windscribe.com." redirect
  local-data: "windscribe.com. A 0.0.0.0"
rpz:
  name: rpz.school
  zonefile: "{folder}/rpz.zone"
  rpz-log: yes
  rpz-log-name: "school-rpz"
remote-control:
  control-enable: no
"""


class Unbound:
    """A real unbound that knows a few names and asks nobody.

    Args:
        folder: A new folder.
        ascii_: Whether stamps are words and lines are tagged, or stamps are seconds and lines are not.
    """

    def __init__(self, folder: Path, *, ascii_: bool) -> None:
        folder.mkdir(mode=0o755)
        self.port, self.log = free_port(), folder / "unbound.log"
        (folder / "rpz.zone").write_text(POLICY_ZONE)
        conf = folder / "unbound.conf"
        conf.write_text(UNBOUND_CONF.format(port=self.port, folder=folder, ascii="yes" if ascii_ else "no"))
        self.process = subprocess.Popen([UNBOUND, "-d", "-c", conf], stderr=subprocess.DEVNULL, env=UTC)
        ready(self.process, self.port, self.log)

    def close(self) -> None:
        end(self.process)


NAMED_CONF = """
options {{
  directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion yes; allow-query {{ 127.0.0.0/8; }}; allow-recursion {{ 127.0.0.0/8; }}; dnssec-validation no;
  empty-zones-enable no; querylog yes; forward only; forwarders {{ 127.0.0.1 port {nobody}; }};
  response-policy {{ zone "rpz.school" log yes; }} qname-wait-recurse no;
}};
controls {{ }};
zone "rpz.school" {{ type primary; file "rpz.zone"; }};
zone "school.test" {{ type primary; file "school.zone"; }};
zone "surfshark.com" {{ type primary; file "school.zone"; }};
logging {{
  channel queries {{ file "query.log"; print-time {time}; print-category yes; print-severity yes; severity dynamic; }};
  channel general {{ file "general.log"; print-time {time}; print-category yes; print-severity yes; }};
  channel system {{ syslog daemon; }};
  category queries {{ queries; }}; category rpz {{ queries; }}; category query-errors {{ queries; }};
  category default {{ general; system; }};
}};
"""

SCHOOL_ZONE = """$TTL 300
@ SOA localhost. root.localhost. 1 60 60 60 60
@ NS localhost.
@ A 192.0.2.7
www A 127.0.0.1
"""


class Named:
    """A real BIND that knows two zones and asks nobody.

    Args:
        folder: A new folder whose parents may be entered.
        time: ``yes`` or ``iso8601-utc``: how it writes times.
        syslog: Where it tells that it starts and stops, besides its own log.
    """

    def __init__(self, folder: Path, time: str = "yes", syslog: Syslog | None = None) -> None:
        folder.mkdir(mode=0o755)
        self.port, self.log, self.general = free_port(), folder / "query.log", folder / "general.log"
        (folder / "rpz.zone").write_text(POLICY_ZONE)
        (folder / "school.zone").write_text(SCHOOL_ZONE)
        conf = folder / "named.conf"
        conf.write_text(NAMED_CONF.format(folder=folder, port=self.port, nobody=free_port(), time=time))
        command: list[object] = [NAMED, "-f", "-n", "1", "-c", conf]
        command = [*(syslog.wrapped(command) if syslog else command)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=UTC)
        ready(self.process, self.port, self.general)

    def close(self) -> None:
        end(self.process)
