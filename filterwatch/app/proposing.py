"""The section ``sources:`` that fits the logs of a survey, and a table of what was seen."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from filterwatch.app.surveying import EVENTS, SYSTEM, Log
from filterwatch.text import printable

WIDTH = 80

WELL = 0.95
"""Share of lines that must be read: odd lines are fewer than one in a hundred in every log we have."""

_CHANGES = "starts, stops and changes of filters"
_FRONT = re.compile(r"e2guardian_\d|dansguardian")
_PROXY = re.compile(r"squid(?:_(?:mimehdrs|custom|common|combined))?")
_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_./-]*")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One source.

    Attributes:
        name: Fits the configuration, and is no other's.
        path: As the daemon will see it.
        behind: Name of the source with the log of the filter in front.
        note: What was seen, for a comment.
    """

    name: str
    format: str
    path: str
    note: str
    options: Mapping[str, object] = field(default_factory=dict)
    zone: str | None = None
    behind: str | None = None


def proposed(logs: Sequence[Log], root: Path = Path("/"), taken: Sequence[str] = ()) -> list[Proposal]:
    """Return the sources for *logs*, one for each format that a log holds.

    Args:
        logs: Of a survey.
        root: What was taken for ``/``; the daemon sees paths without it.
        taken: Names of sources that are there already.
    """
    names = set(taken)
    found: list[Proposal] = []
    for log in logs:
        if not _fits(log.path):
            continue
        for format_, note in _formats(log):
            name = _name(format_, log.path, names)
            names.add(name)
            found.append(Proposal(name, format_, _seen(log.path, root), note, log.options, log.zone))
    return chained(found)


def chained(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return *proposals* with each squid behind the filter in front of it, where there is one (decision 0129)."""
    front = next((one.name for one in proposals if _FRONT.fullmatch(one.format)), None)
    return [replace(one, behind=front) if _PROXY.fullmatch(one.format) else one for one in proposals]


def _formats(log: Log) -> Iterator[tuple[str, str]]:
    if log.format:
        yield log.format, _note(log)
    for name, share in log.held.items():
        if name != EVENTS:
            yield name, f"{_percent(share)} of its lines"
    if EVENTS in log.held:
        yield EVENTS, _CHANGES
    elif log.path.name in SYSTEM and log.format != EVENTS and not log.passed:
        yield EVENTS, "where starts, stops and changes of filters would stand"


def _note(log: Log) -> str:
    if not log.lines:
        return log.why
    return f"{log.why}: {log.lines} lines looked at, {_percent(log.read)} read"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share in (0, 1) or 0.005 <= share < 0.995 else "<1%" if share < 0.5 else ">99%"


def _fits(path: Path) -> bool:
    text = str(path)
    return text.isascii() and text.isprintable()


def _seen(path: Path, root: Path) -> str:
    whole = path.absolute()
    below = root.absolute()
    seen = Path("/") / whole.relative_to(below) if whole.is_relative_to(below) else whole
    return glob.escape(str(seen))


def _name(format_: str, path: Path, names: set[str]) -> str:
    """Return a short name: the format's, with the folder or a number behind it where another has that."""
    short = "system" if format_ in (EVENTS, "syslog") else re.sub(r"_\d$", "", format_).replace("_", "-")
    folder = re.sub(r"[^a-z0-9-]+", "-", path.parent.name.lower()).strip("-")
    stem = re.sub(r"[^a-z0-9-]+", "-", path.stem.lower()).strip("-")
    for name in (short, f"{short}-{stem}", f"{short}-{folder}-{stem}"):
        if name[:64] not in names and not name.endswith("-"):
            return name[:64]
    return next(name for number in range(2, 10_000) if (name := f"{short}-{number}") not in names)


def section(proposals: Sequence[Proposal]) -> str:
    """Return the proposals as YAML, to paste into the configuration."""
    return f"sources:\n{entries(proposals)}\n"


def entries(proposals: Sequence[Proposal]) -> str:
    """Return the entries of the section ``sources``."""
    lines: list[str] = []
    for one in proposals:
        lines += [f"  # {printable(one.note)}", f"  - name: {one.name}", f"    format: {one.format}"]
        lines.append(f"    path: {_yaml(one.path)}")
        if one.zone:
            lines.append(f"    zone: {one.zone}")
        if one.behind:
            lines.append(f"    behind: {one.behind}   # the filter in front: its line of a request counts")
        if one.options:
            lines += ["    options:", *(f"      {key}: {_yaml(value)}" for key, value in one.options.items())]
    return "\n".join(lines)


def _yaml(value: object) -> str:
    """Return a value as YAML; a text that means something else there is quoted."""
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value)


def table(logs: Sequence[Log], folders: Sequence[Path]) -> Iterator[str]:
    """Yield the lines of a table of *logs* that fits :data:`WIDTH` columns."""
    below = folders[0] if len(folders) == 1 and folders[0].is_dir() else None
    yield f"{'log':<34} {'format':<17} {'lines':>5} {'read':>5} {'newest (UTC)':<15}".rstrip()
    for log in logs:
        path = log.path.relative_to(below) if below else log.path
        name = printable(str(path)) + (f" +{log.siblings}" if log.siblings else "")
        shown = name if len(name) <= 34 else f"…{name[-33:]}"
        if log.passed:
            yield f"{shown:<34} {'-':<17} {log.why[:27]}"
            continue
        read = _percent(log.read) if log.format else "-"
        when = log.newest.strftime("%y-%m-%d %H:%M") if log.newest else "-"
        format_ = log.format or ("only in part" if log.held else "cannot tell")
        yield f"{shown:<34} {format_[:17]:<17} {log.lines:>5} {read:>5} {when:<15}".rstrip()
        for name, share in log.held.items():
            yield f"    {name}: {_CHANGES if name == EVENTS else f'{_percent(share)} of its lines'}"
        if log.rejected:
            yield f"    first line that was not read: {printable(log.rejected)}"[:WIDTH]
        if not _fits(log.path):
            yield "    not proposed: its name holds characters that a configuration should not"
    if any(not log.passed and log.format is None and not log.held for log in logs):
        yield ""
        yield "What cannot be told is no filter's log, or in a format that must be named: see"
        yield "docs/formats.md, and try it with: filterwatch decode --format F FILE"


def well(logs: Sequence[Log], proposals: Sequence[Proposal]) -> bool:
    """Say whether there is something to follow, and nearly every line of each log with a format is read."""
    return bool(proposals) and all(log.read >= WELL for log in logs if log.format and log.lines)
