"""Real filters besides squid and dnsmasq, each in a folder of its own on loopback."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from e2e_gateway import NAUGHTY, answers, end, free_port, until


def _found(name: str) -> str | None:
    return shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


E2GUARDIAN, UNBOUND, NAMED, ULOGD = _found("e2guardian"), _found("unbound"), _found("named"), _found("ulogd")
NFT, RSYSLOGD, UNSHARE, NSENTER = _found("nft"), _found("rsyslogd"), _found("unshare"), _found("nsenter")
E2GUARDIAN_SETTINGS = Path("/etc/e2guardian")
ULOGD_PLUGINS = next(iter(Path("/usr/lib").glob("*/ulogd")), None)

UTC = {**os.environ, "TZ": "UTC"}
"""The daemons write local time, and the tests' configuration says UTC."""

needs_e2guardian = pytest.mark.skipif(
    E2GUARDIAN is None or not E2GUARDIAN_SETTINGS.is_dir() or os.geteuid() != 0,
    reason="needs e2guardian (Debian: e2guardian), and root to switch to its user",
)
needs_unbound = pytest.mark.skipif(UNBOUND is None, reason="needs unbound (Debian: unbound)")
needs_named = pytest.mark.skipif(NAMED is None, reason="needs BIND (Debian: bind9)")


def _spaces() -> str | None:
    """Return why network and mount namespaces cannot be made here; null where they can."""
    if not UNSHARE or not NSENTER:
        return "needs unshare and nsenter (Debian: util-linux)"
    made = subprocess.run([UNSHARE, "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"may not make namespaces: {made.stderr.strip()}" if made.returncode else None


NO_SPACES = _spaces()
needs_spaces = pytest.mark.skipif(NO_SPACES is not None, reason=NO_SPACES or "")
needs_rsyslog = pytest.mark.skipif(RSYSLOGD is None, reason="needs rsyslogd (Debian: rsyslog)")
needs_ulogd = pytest.mark.skipif(
    ULOGD is None or ULOGD_PLUGINS is None or NFT is None, reason="needs ulogd and nft (Debian: ulogd2, nftables)"
)


def give(folder: Path, user: str) -> None:
    """Let *user*, to whom a daemon of root switches, write in *folder*."""
    if os.geteuid() == 0:
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)


# -- a system log -----------------------------------------------------------------------------------------------------

SYSLOG_CONF = """
global(workDirectory="{folder}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/socket" CreatePath="on")
action(type="omfile" file="{folder}/syslog" template="{template}")
"""


class Syslog:
    """A real rsyslogd behind a ``/dev/log`` that only its own children see."""

    def __init__(self, folder: Path, template: str = "RSYSLOG_TraditionalFileFormat") -> None:
        folder.mkdir(mode=0o755)
        self.log, self.socket = folder / "syslog", folder / "socket"
        self.log.touch()
        conf = folder / "rsyslog.conf"
        conf.write_text(SYSLOG_CONF.format(folder=folder, template=template))
        command = [RSYSLOGD, "-n", "-f", conf, "-i", folder / "pid"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=UTC)
        self.devices = folder / "dev"
        self.devices.mkdir()
        for device in ("null", "zero", "random", "urandom"):
            (self.devices / device).touch()
        (self.devices / "log").symlink_to(self.socket)
        until(self.socket.exists, 10, "rsyslogd listens")
        self.socket.chmod(0o666)

    def wrapped(self, command: list[object]) -> list[str]:
        """Return *command* as it must be started for its system log to end up here."""
        mounts = "".join(
            f"mount --bind /dev/{one} {self.devices}/{one}\n" for one in ("null", "zero", "random", "urandom")
        )
        script = f'set -e\n{mounts}mount --rbind {self.devices} /dev\nexec "$@"'
        return [str(UNSHARE), "--mount", "sh", "-c", script, "sh", *map(str, command)]

    def close(self) -> None:
        end(self.process)


# -- e2guardian -------------------------------------------------------------------------------------------------------

GROUP = "pupils year5"
_LISTS = {
    "bannedsitelist": '#listcategory: "VPN"\nmullvad.net\n',
    "bannedphraselist": f"<{NAUGHTY.decode()}>\n",
    "weightedphraselist": "",
    "exceptionphraselist": "",
}


class E2guardian:
    """A real e2guardian in front of a proxy, with the settings of the package but for those a test needs.

    It does not end on SIGTERM with ``-N`` (5.3.5): its threads stop and it goes on waiting, so it is killed in the end.

    Args:
        folder: A new folder whose parents its own user can enter.
        proxy: Port of the proxy behind.
        log_format: ``logfileformat``, 1 to 8.
        syslog: Where it tells that it starts and stops.
    """

    def __init__(self, folder: Path, proxy: int, log_format: int, syslog: Syslog | None = None) -> None:
        self.folder, self.port, self.proxy, self.format = folder, free_port(), proxy, log_format
        self.log, self.syslog = folder / "access.log", syslog
        settings = folder / "etc"
        (folder / "cache").mkdir(parents=True, mode=0o755)
        shutil.copytree(E2GUARDIAN_SETTINGS, settings, ignore=shutil.ignore_patterns("phraselists", "private"))
        for file in [*settings.glob("*.conf"), *settings.glob("*.story"), *settings.glob("*/*.conf")]:
            file.write_text(file.read_text().replace(f"{E2GUARDIAN_SETTINGS}/", f"{settings}/"))
        for name, entries in _LISTS.items():
            (settings / "lists" / name).write_text(entries)
        self.conf = settings / "e2guardian.conf"
        self._set(self.conf, "groupname", f"'{GROUP}'", file=settings / "e2guardianf1.conf")
        for path in [folder, folder / "cache"]:
            give(path, "e2guardian")
        self._configure()
        self._start()

    def _configure(self) -> None:
        said = {
            "filterip": "127.0.0.1",
            "filterports": self.port,
            "proxyip": "127.0.0.1",
            "proxyport": self.proxy,
            "httpworkers": 20,  # the least it takes
            "pidfilename": f"'{self.folder}/pid'",
            "filecachedir": f"'{self.folder}/cache'",
            "loglocation": f"'{self.log}'",
            "logfileformat": self.format,
            "loguseragent": "on",
            "authplugin": f"'{self.conf.parent}/authplugins/proxy-basic.conf'",
            "checkip": None,
            "transparenthttpsport": None,
        }
        for name, value in said.items():
            self._set(self.conf, name, value)

    @staticmethod
    def _set(conf: Path, name: str, value: object, *, file: Path | None = None) -> None:
        """Set *name*, or leave it out where *value* is null."""
        file = file or conf
        kept = [line for line in file.read_text().splitlines() if not re.match(rf"{name}\s*=", line)]
        file.write_text("\n".join([*kept, *([] if value is None else [f"{name} = {value}"]), ""]))

    def _start(self) -> None:
        command: list[object] = [E2GUARDIAN, "-N", "-c", self.conf]
        command = [*(self.syslog.wrapped(command) if self.syslog else command)]
        with (self.folder / "out").open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, cwd=self.folder, env=UTC)
        try:
            until(lambda: self.process.poll() is not None or answers(self.port), 20, "e2guardian listens")
            assert self.process.poll() is None, (self.folder / "out").read_text()
        except BaseException:
            self.close()
            raise

    def get(self, url: str, client: str, headers: str = "") -> bytes:
        """Ask for *url* as *client* does (any address of 127.0.0.0/8) and return the answer."""
        host = url.split("/")[2]
        with socket.create_connection(("127.0.0.1", self.port), 10, source_address=(client, 0)) as sock:
            sock.sendall(f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n".encode())
            answer = b""
            while part := sock.recv(65_536):
                answer += part
        return answer

    def close(self) -> None:
        end(self.process, 0.5)


# -- resolvers --------------------------------------------------------------------------------------------------------


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
        until(lambda: self.process.poll() is not None or answers(self.port), 10, "unbound listens")
        assert self.process.poll() is None, self.log.read_text()

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
        until(lambda: self.process.poll() is not None or answers(self.port), 10, "named listens")
        assert self.process.poll() is None, "named did not start"

    def close(self) -> None:
        end(self.process)
