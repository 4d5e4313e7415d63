"""Who logged in to the firewall's own pages and who changed its settings: pfSense and OPNsense.

pfSense writes as ``php-fpm`` with the page in front: ``/index.php: webConfigurator authentication error for user 'x'
from: 10.0.0.1``, ``/firewall_rules_edit.php: Configuration Change: admin@10.0.0.1 (Local Database): ...``; OPNsense
writes ``audit`` lines.  Logins by sshd and stops of a filter in the same log are taken too.  A refused login has the
action ``auth_required``: it is a challenge, not a verdict of the filter.

Source: crowdsecurity/hub's lines (logins); pfSense src/etc/inc/config.lib.inc and OPNsense's audit log, both not seen
live.  One line after the other: such logs are short.
"""

from __future__ import annotations

import re

from filterwatch.decoders.envelope import Envelope, open_envelope
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import filter_events, logins
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Event, Skipped, Value, address, visible

_PROGRAMS = frozenset(("php-fpm", "php", "audit", "lighttpd", "nginx", "configd.py", "configd", "opnsense"))
_PAGE = r"(?:/[^ :]*: )?"
# The name is the attacker's: what stands behind its last quote is the firewall's own.
_REFUSED = re.compile(
    _PAGE
    + r"(?:webConfigurator|Web GUI) authentication error for (?:user )?'(?P<user>.*)' from:? (?P<ip>[^ ]+)(?: .*)?"
)
_ACCEPTED = re.compile(_PAGE + r"Successful login for user '(?P<user>.*)' from:? (?P<ip>[^ ]+)(?: .*)?")
_CHANGES = (
    re.compile(_PAGE + r"Configuration Change: (?:(?P<user>[^ @]+)@(?P<ip>[^ ]+)|\([^)]*\))(?: .*|: ?.*)?"),
    re.compile(r"user (?P<user>[^ @]+)@(?P<ip>[^ ]+) changed configuration to [^ ]+ in .*"),
)
_SERVICE = "pfsense"


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    envelope = open_envelope(visible(line))
    found = (_own(envelope) if envelope.program in _PROGRAMS else None) or logins.read(envelope)
    if found:
        return found
    other = filter_events.read(line)
    return other if isinstance(other, Event) else Skipped("no login and no change of the firewall's settings")


def _own(envelope: Envelope) -> Event | None:
    for pattern, action in ((_REFUSED, "auth_required"), (_ACCEPTED, "allowed")):
        login = pattern.fullmatch(envelope.message)
        client = address(login["ip"].rstrip(",.")) if login else None
        if login and client:
            values: dict[str, Value] = {"client_ip": client, "user": login["user"] or None, "action": action}
            return Event(envelope.stamp, values | {"kind": "auth", "filter_reason": "webConfigurator"})
    change = next((found for pattern in _CHANGES if (found := pattern.fullmatch(envelope.message))), None)
    if not change:
        return None
    values = {"kind": "control", "control_event": "config_changed", "control_service": _SERVICE}
    if change["user"]:
        values |= {"user": change["user"], "client_ip": address(change["ip"])}
    return Event(envelope.stamp, values)


FORMATS = {
    "pfsense_audit": Format(
        "pfSense and OPNsense: logins and changes of settings",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        source="crowdsecurity/hub; pfSense config.lib.inc",
    ),
}
