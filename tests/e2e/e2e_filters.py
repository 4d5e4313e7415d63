"""A real e2guardian and a real system log, each in a folder of its own on loopback."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from e2e_gateway import NAUGHTY, end, free_port, ready, until


def found(name: str) -> str | None:
    """Return where the program *name* lies; daemons are in folders that not everybody's PATH names."""
    return shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


E2GUARDIAN, RSYSLOGD = found("e2guardian"), found("rsyslogd")
UNSHARE, NSENTER = found("unshare"), found("nsenter")
E2GUARDIAN_SETTINGS = Path("/etc/e2guardian")

UTC = {**os.environ, "TZ": "UTC"}
"""The daemons write local time, and the tests' configuration says UTC."""

needs_e2guardian = pytest.mark.skipif(
    E2GUARDIAN is None or not E2GUARDIAN_SETTINGS.is_dir() or os.geteuid() != 0,
    reason="needs e2guardian (Debian: e2guardian), and root to switch to its user",
)


def _spaces() -> str | None:
    """Return why network and mount namespaces cannot be made here; null where they can."""
    if not UNSHARE or not NSENTER:
        return "needs unshare and nsenter (Debian: util-linux)"
    made = subprocess.run([UNSHARE, "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"may not make namespaces: {made.stderr.strip()}" if made.returncode else None


NO_SPACES = _spaces()
needs_spaces = pytest.mark.skipif(NO_SPACES is not None, reason=NO_SPACES or "")
needs_rsyslog = pytest.mark.skipif(RSYSLOGD is None, reason="needs rsyslogd (Debian: rsyslog)")


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
        try:
            until(self.socket.exists, 10, "rsyslogd listens")
            self.socket.chmod(0o666)
        except BaseException:
            self.close()
            raise

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
        forwarded: Whether it tells the proxy behind who asked (X-Forwarded-For).
    """

    def __init__(
        self, folder: Path, proxy: int, log_format: int, syslog: Syslog | None = None, *, forwarded: bool = False
    ) -> None:
        self.forwarded = forwarded
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
            "forwardedfor": "on" if self.forwarded else "off",
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
        ready(self.process, self.port, self.folder / "out")

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
