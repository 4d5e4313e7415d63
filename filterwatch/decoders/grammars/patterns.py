"""Lines that say something about the filter itself: the table ``filter_events.yaml``, read by RE2.

Everything in a log may be written by somebody who wants to deceive, so a pattern begins where the message begins, names
the program that must have written it, and runs on an engine that is linear in the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import re2

from filterwatch.config import Part, read, validate
from filterwatch.decoders.envelope import Envelope
from filterwatch.decoders.reading import Event, Value
from filterwatch.decoders.redact import redact

_TABLE = Path(__file__).with_name("filter_events.yaml")


class _Line(Part):
    id: str
    programs: list[str | None]
    needle: str
    pattern: str
    example: str
    pid: str | None = None
    host: str | None = None
    file: bool = False
    event: str | None = None
    service: str | None = None


class _Command(Part):
    pattern: str
    event: str
    service: str | None = None


class _Table(Part):
    services: dict[str, list[str]]
    lines: list[_Line]
    commands: list[_Command]
    bin: str
    conf: str


class Found(Protocol):
    """A match of RE2."""

    def groupdict(self) -> dict[str, str | None]:
        """Return the named groups; null for those that took no part."""
        ...


class Compiled(Protocol):
    """An expression of RE2."""

    def match(self, text: str) -> Found | None:
        """Return the match at the beginning of *text*."""
        ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of line or command."""

    id: str
    compiled: Compiled
    event: str | None
    service: str | None
    pid: str | None = None
    host: str | None = None
    own_file: bool = False

    def may_be(self, envelope: Envelope) -> bool:
        """Return whether what stands around the message allows it."""
        if self.pid not in (None, envelope.pid) or self.host not in (None, envelope.host):
            return False
        return not (self.own_file and envelope.host)


@dataclass(frozen=True)
class Patterns:
    """The table, compiled.

    Attributes:
        needles: Texts of which every line of ours holds at least one.
        examples: One line of each kind, with the kind's id.
    """

    needles: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]
    by_program: Mapping[str | None, tuple[Pattern, ...]]
    commands: tuple[Pattern, ...]
    services: Mapping[str, str]

    def control(self, envelope: Envelope) -> Event | None:
        """Return the control event that a message is; null when it is none."""
        for pattern in self.by_program.get(envelope.program, ()):
            found = pattern.compiled.match(envelope.message) if pattern.may_be(envelope) else None
            if found:
                return self._event(envelope, pattern, found.groupdict())
        return None

    def _event(self, envelope: Envelope, pattern: Pattern, groups: Mapping[str, str | None]) -> Event | None:
        event, service, reason = pattern.event, pattern.service, None
        if "command" in groups:
            command = groups["command"] or ""
            meant = self._command(command)
            if meant is None:
                return None
            event, service = meant
            reason = redact(command.encode())[:_LONGEST_COMMAND].decode("utf-8", "replace")
        elif "service" in groups:
            service = self.service(groups["service"] or "")
        if service is None:
            return None
        values: dict[str, Value] = {
            "kind": "control",
            "control_event": event,
            "control_service": service,
            "user": groups.get("user"),
            "filter_rule": pattern.id,
            "filter_reason": reason,
        }
        return Event(envelope.stamp, values)

    def _command(self, command: str) -> tuple[str | None, str] | None:
        for pattern in self.commands:
            found = pattern.compiled.match(command)
            service = pattern.service or (self.service(found.groupdict().get("service") or "") if found else None)
            if found and service:
                return pattern.event, service
        return None

    def service(self, text: str) -> str | None:
        """Return our name of the first service that *text* (a title, or units separated by blanks) names."""
        if whole := self.services.get(text.removesuffix(".")):
            return whole
        names = (word.removesuffix(".service").removesuffix(".socket") for word in text.split(" "))
        return next((self.services[name] for name in names if name in self.services), None)


_LONGEST_COMMAND = 500
"""Bytes of a command that are kept as the reason."""


@lru_cache(maxsize=1)
def patterns() -> Patterns:
    """Return the shipped table.

    Raises:
        ConfigurationError: The table is broken.
    """
    table = validate(read(_TABLE), _Table)
    by_program: dict[str | None, list[Pattern]] = {}
    for line in table.lines:
        pattern = Pattern(line.id, re2.compile(line.pattern), line.event, line.service, line.pid, line.host, line.file)
        for program in line.programs:
            by_program.setdefault(program, []).append(pattern)
    return Patterns(
        needles=tuple(sorted({line.needle for line in table.lines})),
        examples=tuple((line.id, line.example) for line in table.lines),
        by_program={program: tuple(found) for program, found in by_program.items()},
        commands=tuple(_commands(table)),
        services={name: service for service, names in table.services.items() for name in names},
    )


def _commands(table: _Table) -> Iterator[Pattern]:
    for command in table.commands:
        text = command.pattern.replace("{bin}", table.bin).replace("{conf}", table.conf)
        yield Pattern("command", re2.compile(text), command.event, command.service)


def control(envelope: Envelope) -> Event | None:
    """Return the control event that a message is, by the shipped table; null when it is none."""
    return patterns().control(envelope)
