"""A firewall in a network namespace of its own, logged by a real ulogd."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from e2e_filters import NSENTER, UNSHARE, UTC, Syslog, found
from e2e_gateway import end, until

ULOGD, NFT, IP = found("ulogd"), found("nft"), found("ip")
PLUGINS = next(iter(Path("/usr/lib").glob("*/ulogd")), None)

needs_ulogd = pytest.mark.skipif(
    None in (ULOGD, PLUGINS, NFT, IP), reason="needs ulogd, nft and ip (Debian: ulogd2, nftables, iproute2)"
)

INSIDE, OUTSIDE = "10.77.0.{}", "203.0.113.9"
INSIDE_6, OUTSIDE_6 = "2001:db8:77::{}", "2001:db8:ffff::9"

RULES = """
table inet gateway {
  chain seen {
    type filter hook input priority 0;
    udp dport 1194 log prefix "VPN-BLOCK: " group 1 drop
    tcp dport 25 log prefix "[FW BLOCK] " group 1 drop
    tcp dport 853 log prefix "DoT drop " group 1 reject
    udp dport 3478 log prefix "ACCEPT stun: " group 1 accept
    udp dport 51820 log prefix "DROP wireguard: " group 2 drop
  }
}
"""
"""Group 1 goes to a file, group 2 to the system log."""

ULOGD_CONF = """
[global]
{plugins}
logfile="{folder}/ulogd.log"
loglevel=3
stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU
stack=log2:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,sys1:SYSLOG
[log1]
group=1
netlink_qthreshold=1
[log2]
group=2
netlink_qthreshold=1
[emu1]
file="{folder}/firewall.log"
sync=1
[sys1]
facility=LOG_KERN
"""

_PLUGINS = (
    "inppkt_NFLOG", "raw2packet_BASE", "filter_IFINDEX", "filter_IP2STR", "filter_PRINTPKT", "output_LOGEMU",
    "output_SYSLOG",
)  # fmt: skip

_SEND = """
import socket, sys
kind, client, to, port = sys.argv[1:]
family = socket.AF_INET6 if ":" in to else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as sock:
    sock.settimeout(0.2)
    sock.bind((client, 0))
    try:
        sock.connect((to, int(port)))
        sock.send(b"hello")
    except OSError:
        pass
"""


class Firewall:
    """nftables and ulogd; both vanish with the process that holds the namespace.

    Args:
        folder: A new folder.
        syslog: Where group 2 goes.
        clients: How many devices there are.
    """

    def __init__(self, folder: Path, syslog: Syslog, clients: int = 9) -> None:
        folder.mkdir(mode=0o755)
        self.log, self.own_log = folder / "firewall.log", folder / "ulogd.log"
        self.log.touch()
        self.ulogd: subprocess.Popen[bytes] | None = None
        self._holder = subprocess.Popen([str(UNSHARE), "--net", "sleep", "600"])
        try:
            ours = Path("/proc/self/ns/net").readlink()
            theirs = Path(f"/proc/{self._holder.pid}/ns/net")
            until(lambda: theirs.readlink() != ours, 5, "a network of its own")
            self._run([IP, "link", "set", "lo", "up"])
            devices = range(2, 2 + clients)
            for address in [OUTSIDE, *(INSIDE.format(one) for one in devices)]:
                self._run([IP, "address", "add", f"{address}/32", "dev", "lo"])
            for address in [OUTSIDE_6, *(INSIDE_6.format(one) for one in devices)]:
                self._run([IP, "-6", "address", "add", f"{address}/128", "dev", "lo", "nodad"])
            (folder / "rules.nft").write_text(RULES)
            self._run([NFT, "-f", folder / "rules.nft"])
            plugins = "\n".join(f'plugin="{PLUGINS}/ulogd_{one}.so"' for one in _PLUGINS)
            (folder / "ulogd.conf").write_text(ULOGD_CONF.format(plugins=plugins, folder=folder))
            command = self._within(syslog.wrapped([ULOGD, "-c", folder / "ulogd.conf"]))
            self.ulogd = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=UTC)
            until(self._hears, 10, "ulogd listens")
        except BaseException:
            self.close()
            raise

    def _within(self, command: list[object]) -> list[str]:
        return [str(NSENTER), f"--net=/proc/{self._holder.pid}/ns/net", *map(str, command)]

    def _run(self, command: list[object]) -> None:
        done = subprocess.run(self._within(command), capture_output=True, text=True, check=False, timeout=10)
        assert done.returncode == 0, done.stderr

    def _hears(self) -> bool:
        """Whether both groups have a listener, as the kernel says."""
        assert self.ulogd is not None
        assert self.ulogd.poll() is None, self.own_log.read_text()
        done = subprocess.run(
            self._within(["cat", "/proc/net/netfilter/nfnetlink_log"]), capture_output=True, text=True, check=False
        )
        return len(done.stdout.splitlines()) >= 2

    def send(self, kind: str, client: str, to: str, port: int) -> None:
        """Send one packet as *client* does; ``udp`` or ``tcp``."""
        self._run([sys.executable, "-I", "-S", "-c", _SEND, kind, client, to, port])

    def close(self) -> None:
        if self.ulogd is not None:
            end(self.ulogd)
        end(self._holder)
