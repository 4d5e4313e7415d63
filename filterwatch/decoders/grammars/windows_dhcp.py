"""The audit log of Windows' DHCP server: ``DhcpSrvLog-Mon.log``.

``10,11/22/26,09:00:01,Assign,10.0.0.5,laptop7.school.lan,001122334455,,...``.  The head is in the server's language and
is passed over; what a line means its number tells, not the word behind it.  Month, day, year: in any language.
Source: "Analyze DHCP server log files", Microsoft Learn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Clock, Event, Rejected, Skipped, Stamp, address, mac, visible
from filterwatch.decoders.stamps import DAY, SECOND, days, valid

_WORDS = {
    "10": "Assign", "11": "Renew", "12": "Release", "16": "Delete", "17": "Expired", "18": "Expired",
    "20": "Assign BOOTP", "21": "Assign BOOTP", "23": "Delete",
}  # fmt: skip
_LINE = re.compile(
    r"(?P<id>\d{1,5}),(?P<month>\d\d)/(?P<day>\d\d)/(?P<year>\d\d),(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d):"
    r"(?P<second>[0-5]\d),(?P<word>[^,]*),(?P<ip>[^,]*),(?P<name>[^,]*),(?P<mac>[^,]*)(?P<rest>(?:,.*)?)",
    re.DOTALL,
)
_HARDWARE = re.compile(r",[0-9A-Fa-f]{12}(?=,|\Z)")
"""A hardware address in a later cell: the server quotes nothing, and a host name may hold commas."""


def read(line: bytes) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    found = _LINE.fullmatch(text)
    if not found:
        # Head and description of the codes, in the server's language, stand before the first line.
        return Rejected("windows_dhcp: expected 'ID,MM/DD/YY,HH:MM:SS,...'") if text[:1].isdigit() else _HEAD
    year, month, day = 2000 + int(found["year"]), int(found["month"]), int(found["day"])
    if not valid(year, month, day):
        return Rejected("windows_dhcp: no such day; expected MM/DD/YY")
    word, client = _WORDS.get(found["id"]), address(found["ip"])
    if word is None or client is None:
        return Skipped("windows_dhcp: no line about a lease")
    if _HARDWARE.search(found["rest"]):
        return Rejected("windows_dhcp: two hardware addresses; commas in the host name move the cells")
    seconds = int(found["hour"]) * 3600 + int(found["minute"]) * 60 + int(found["second"])
    stamp = Stamp(int(days(year, month, day)) * DAY + seconds * SECOND, Clock.WALL)
    digits = found["mac"].replace("-", "").replace(":", "")
    hardware = ":".join(digits[at : at + 2] for at in range(0, 12, 2)) if len(digits) == 12 else ""
    return Event(
        stamp,
        {
            "kind": "lease",
            "client_ip": client,
            "client_mac": mac(hardware),
            "host": found["name"].strip().lower() or None,
            "filter_reason": word,
        },
    )


_HEAD = Skipped("windows_dhcp: the head of the file")


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "lease"


FORMATS = {
    "windows_dhcp": Format(
        "Windows DHCP server audit log",
        "CSV",
        Options,
        of_lines(lambda name, _: Reader(name, read)),
        _claims,
        "Microsoft Learn: Analyze DHCP server log files",
    ),
}
