from __future__ import annotations

import pytest
from decoding import decode, event

from filterwatch.decoders.grammars import patterns
from filterwatch.events import CONTROL_EVENTS

SUDO = b"Nov 22 02:04:36 gw sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND="


@pytest.mark.parametrize(("kind", "line"), patterns.patterns().examples)
def test_every_kind_of_line_reads_its_own_example(kind: str, line: str) -> None:
    found = event("filter_events", line.encode())

    assert found["filter_rule"] == kind
    assert found["control_event"] in CONTROL_EVENTS
    assert found["control_service"]


@pytest.mark.parametrize(
    ("command", "control", "service"),
    [
        (b"/usr/bin/systemctl stop squid", "filter_stopped", "squid"),
        (b"/bin/systemctl --now disable e2guardian.service", "filter_disabled", "e2guardian"),
        (b"/usr/bin/systemctl stop nginx dnsmasq", "filter_stopped", "dnsmasq"),
        (b"/usr/bin/systemctl restart unbound", "filter_started", "unbound"),
        (b"/usr/sbin/service squid stop", "filter_stopped", "squid"),
        (b"/etc/init.d/dnsmasq stop", "filter_stopped", "dnsmasq"),
        (b"/usr/bin/pkill -9 -f squid", "filter_stopped", "squid"),
        (b"/usr/sbin/squid -k shutdown", "filter_stopped", "squid"),
        (b"/usr/sbin/squid -f /etc/squid/squid.conf -k reconfigure", "config_changed", "squid"),
        (b"/usr/local/bin/pihole disable 5m", "filter_disabled", "pihole"),
        (b"/usr/local/bin/pihole enable", "filter_enabled", "pihole"),
        (b"/usr/local/bin/pihole allow games.test", "exemption_added", "pihole"),
        (b"/usr/local/bin/pihole -w games.test", "exemption_added", "pihole"),
        (b"/usr/local/bin/pihole -w -d games.test", "exemption_removed", "pihole"),
        (b"/usr/sbin/ufw disable", "filter_disabled", "netfilter"),
        (b"/usr/sbin/iptables -F", "filter_disabled", "netfilter"),
        (b"/usr/sbin/iptables -t nat -I PREROUTING -j ACCEPT", "config_changed", "netfilter"),
        (b"/usr/sbin/nft flush ruleset", "filter_disabled", "netfilter"),
        (b"/usr/bin/vim /etc/squid/squid.conf", "config_changed", "squid"),
        (b"sudoedit /etc/e2guardian/lists/exceptionsitelist", "config_changed", "e2guardian"),
        (b"/usr/bin/tee -a /etc/dnsmasq.d/allow.conf", "config_changed", "dnsmasq"),
        (b"/usr/bin/sed -i s/a/b/ /etc/squid/squid.conf", "config_changed", "squid"),
        (b"/usr/bin/apt-get -y remove squid", "filter_disabled", "squid"),
        (b"/usr/bin/systemctl stop filterwatch", "filter_stopped", "filterwatch"),
        (b"/usr/bin/systemctl --runtime mask squid.service", "filter_disabled", "squid"),
        (b"/usr/bin/docker stop -t 5 pihole", "filter_stopped", "pihole"),
        (b"/usr/bin/docker restart adguardhome", "filter_started", "adguardhome"),
        (b"/usr/bin/snap disable adguard-home", "filter_disabled", "adguardhome"),
        (b"/usr/sbin/update-rc.d squid disable", "filter_disabled", "squid"),
        (b"/opt/AdGuardHome/AdGuardHome -s stop", "filter_stopped", "adguardhome"),
        (b"/usr/sbin/e2guardian -q", "filter_stopped", "e2guardian"),
        (b"/usr/local/bin/pihole -g", "config_changed", "pihole"),
        (b"/sbin/pfctl -d", "filter_disabled", "netfilter"),
        (b"/usr/local/sbin/configctl unbound stop", "filter_stopped", "unbound"),
        (b"/usr/sbin/nft delete table inet filter", "filter_disabled", "netfilter"),
        (b"/usr/sbin/nft delete rule inet filter input handle 4", "config_changed", "netfilter"),
        (b"/usr/bin/apt-get -y autoremove e2guardian", "filter_disabled", "e2guardian"),
    ],
)
def test_what_somebody_ran_through_sudo_is_read(command: bytes, control: str, service: str) -> None:
    found = event("filter_events", SUDO + command)

    assert (found["control_event"], found["control_service"], found["user"]) == (control, service, "alice")
    assert found["filter_reason"] == command.decode()


@pytest.mark.parametrize(
    "line",
    [
        SUDO + b"/usr/bin/echo /usr/bin/systemctl stop squid",
        SUDO + b"/home/alice/systemctl stop squid",
        SUDO + b"/usr/bin/systemctl stop nginx",
        SUDO + b"/usr/bin/systemctl status squid",
        SUDO + b"/usr/bin/docker ps pihole",
        SUDO + b"/usr/bin/docker stop web",
        b"Nov 22 02:00:01 gw CRON[9]: (root) CMD (/usr/bin/systemctl status squid)",
        b"Nov 22 02:00:01 gw app[9]: (root) CMD (/usr/bin/systemctl stop squid)",
        SUDO + b"/usr/bin/cat /etc/squid/squid.conf",
        SUDO + b"/usr/bin/cp /etc/squid/squid.conf /root/",
        SUDO.replace(b" : TTY", b" : command not allowed ; TTY") + b"/usr/bin/systemctl stop squid",
        SUDO.replace(b" : TTY", b" : 3 incorrect password attempts ; TTY") + b"/usr/bin/systemctl stop squid",
        SUDO.replace(b" : TTY", b" : user NOT in sudoers ; TTY") + b"/usr/bin/systemctl stop squid",
        b"Nov 22 02:04:41 gw systemd[811]: Stopped squid.service - Squid Web Proxy Server.",
        b"Nov 22 02:04:41 gw systemd[1]: Stopped nginx.service - A web server.",
        b"Nov 22 02:04:41 gw sshd[9]: Invalid user exiting on receipt of SIGTERM from 192.0.2.9",
        b"Nov 22 02:04:41 gw app[9]: dnsmasq[1]: exiting on receipt of SIGTERM",
        b"Nov 22 02:04:41 gw named[9]: client 10.0.0.7: query: exiting IN A",
        b"Nov 22 02:04:41 gw dnsmasq[9]: query[A] started, version from 10.0.0.7",
        b"2026/11/22 02:04:38| WARNING: Preparing for shutdown after 5 requests",
        b"",
    ],
)
def test_what_only_looks_like_it_is_passed_over(line: bytes) -> None:
    decoded = decode("filter_events", line)

    assert (len(decoded.events), len(decoded.skipped)) == (0, 1)


def test_a_password_on_a_command_line_is_not_kept() -> None:
    found = event("filter_events", SUDO + b"/usr/local/bin/pihole allow games.test --password=geheim")

    assert "geheim" not in str(found)
