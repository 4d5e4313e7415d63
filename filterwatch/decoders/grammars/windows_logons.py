"""Windows logons, exported from a domain controller's security log as CSV by PowerShell's ``Export-Csv``.

The columns are those that docs/identity.md tells to export, or those that the option ``columns`` names, in the order of
the file; the first line, which names them, must agree.  Read are events 4624 (logon), 4634 and 4647 (logoff), 4768
(Kerberos ticket), 4625 and 4771 (refused).  A logoff of a network logon says nothing: it follows within seconds.
Source: "Audit logon events", Microsoft Learn; logon types there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from pydantic import Field, field_validator

from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import Answer, Clock, Event, Rejected, Skipped, Stamp, Value, address, number, visible
from filterwatch.decoders.stamps import DAY, SECOND, days, read_stamp, valid

COLUMNS = (
    "TimeCreated", "Id", "TargetUserName", "TargetDomainName", "IpAddress", "IpPort", "LogonType", "Computer",
)  # fmt: skip

_AT_THE_MACHINE = frozenset(("2", "7", "10", "11", "12", "13"))
"""Logon types of somebody who sits there: interactive, unlock, remote, cached ones."""

_OVER_THE_NETWORK = frozenset(("3", ""))
_NOBODY = re.compile(r"(?i)-?|system|anonymous logon|local service|network service|(?:dwm|umfd)-\d+|.*\$")
_LOCAL = re.compile(
    r"(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})[/.-](?P<year>\d{4}),? (?P<hour>\d{1,2}):(?P<minute>[0-5]\d)"
    r"(?::(?P<s>[0-5]\d))?(?: (?P<half>[AaPp][Mm]))?"
)


class WindowsLogonsOptions(Options):
    """Options of ``windows_logons``."""

    columns: list[str] = Field(
        default=list(COLUMNS),
        description="The columns of the file in order; at least TimeCreated, Id and TargetUserName.",
    )
    date_order: Literal["dmy", "mdy"] = Field(
        default="dmy", description="Order of dates such as 05/02/2026, where the export does not write ISO 8601."
    )

    @field_validator("columns")
    @classmethod
    def _needed(cls, value: list[str]) -> list[str]:
        missing = [name for name in COLUMNS[:3] if name not in value]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}; name every column of the file in order")
        return value


def read(line: bytes, columns: Sequence[str], date_order: str) -> Answer:
    """Read one line exactly."""
    text = visible(line)
    if text.startswith("#TYPE"):
        return Skipped("windows_logons: the type line of Export-Csv")
    try:
        cells = next(csv.reader([text], strict=True), [])
    except csv.Error:
        return Rejected("windows_logons: no row of a CSV file")
    if any(name in cells for name in COLUMNS[:3]):
        same = [cell.strip() for cell in cells] == list(columns)
        return _HEAD if same else Rejected("windows_logons: the head names other columns than the option 'columns'")
    if len(cells) != len(columns):
        return Rejected(f"windows_logons: expected {len(columns)} columns")
    row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    stamp = _stamp(row["TimeCreated"], date_order)
    if stamp is None or not row["Id"].isdigit():
        return Rejected("windows_logons: expected a time in TimeCreated and an event number in Id")
    values = _said(row)
    return Event(stamp, values) if values else Skipped("windows_logons: no logon of a person")


def _said(row: Mapping[str, str]) -> dict[str, Value] | None:
    """Return what a row says; null where no person logged on or off."""
    number_, kind = row["Id"], row.get("LogonType", "")
    if _NOBODY.fullmatch(row["TargetUserName"]):
        return None
    if number_ in ("4634", "4647"):
        if number_ == "4634" and kind not in _AT_THE_MACHINE:
            return None
        action, what = None, "logoff"
    elif number_ in ("4625", "4771"):
        action, what = "auth_required", "logon refused"
    elif number_ == "4768" or (number_ == "4624" and kind in _AT_THE_MACHINE | _OVER_THE_NETWORK):
        action, what = "allowed", "logon" if number_ == "4624" else "kerberos ticket"
    else:
        return None
    name, at, realm = row["TargetUserName"].partition("@")
    domain = row.get("TargetDomainName", "-")
    port = number(row.get("IpPort", "")) or None
    return {
        "kind": "auth",
        "client_ip": _address(row.get("IpAddress", "")),
        "client_port": port if port is not None and port <= 65_535 else None,
        "user": name,
        "user_domain": domain if domain not in ("", "-") else realm if at else None,
        "action": action,
        "filter_reason": f"{what} {number_}" + (f" type {kind}" if kind.isdigit() else ""),
    }


def _address(text: str) -> str | None:
    """Return the address; the server itself is nobody's place."""
    found = address(text)
    return None if found is None or found == "::1" or found.startswith("127.") else found


def _stamp(text: str, date_order: str) -> Stamp | None:
    iso = read_stamp(text)
    if iso and iso[1] == len(text):
        return iso[0]
    found = _LOCAL.fullmatch(text)
    if not found:
        return None
    first, second = int(found["first"]), int(found["second"])
    day, month = (first, second) if date_order == "dmy" else (second, first)
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"].lower() == "pm" else 0)
    if hour > 23 or not valid(int(found["year"]), month, day):
        return None
    seconds = hour * 3600 + int(found["minute"]) * 60 + int(found["s"] or 0)
    return Stamp(int(days(int(found["year"]), month, day)) * DAY + seconds * SECOND, Clock.WALL)


_HEAD = Skipped("windows_logons: the head of the file")


def _reader(name: str, options: Options) -> Reader:
    own = options if isinstance(options, WindowsLogonsOptions) else WindowsLogonsOptions()
    return Reader(name, partial(read, columns=tuple(own.columns), date_order=own.date_order))


def _claims(_: bytes, event: Mapping[str, object]) -> bool:
    return event.get("kind") == "auth"


FORMATS = {
    "windows_logons": Format(
        "Windows logons, exported as CSV",
        "CSV",
        WindowsLogonsOptions,
        of_lines(_reader),
        _claims,
        "Microsoft Learn: Audit logon events",
    ),
}
