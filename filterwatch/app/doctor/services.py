"""What writes and rotates the logs: logrotate, squid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from filterwatch.app.doctor.gateway import Finding, Gateway, text_of

KEEP_DAYS = 7
"""Days that rotated logs must be kept: a gateway that fails on Friday is looked at after the weekend, or the next."""

_DAYS = {"hourly": 1 / 24, "daily": 1.0, "weekly": 7.0, "monthly": 30.0, "yearly": 365.0}
_RAW = re.compile(r"%[-0-9.]*'")
_HEADER = re.compile(r"%[-0-9.\"'\[#/]*\{[^}]*\}>h")


@dataclass(frozen=True, slots=True)
class Rotation:
    """What logrotate does with some files.

    Attributes:
        file: Where it says so.
        days: How long a rotated log is kept; null where that hangs on its size.
    """

    file: Path
    patterns: tuple[str, ...]
    copytruncate: bool
    days: float | None


def rotations(root: Path) -> Iterator[Rotation]:
    """Yield what logrotate's configuration below *root* says."""
    usual: dict[str, str] = {}
    folder = root / "etc/logrotate.d"
    for file in (root / "etc/logrotate.conf", *(sorted(folder.iterdir()) if folder.is_dir() else ())):
        patterns: list[str] = []
        inside: dict[str, str] | None = None
        in_script = False
        for line in text_of(file).splitlines():
            words = line.partition("#")[0].replace("{", " { ").replace("}", " } ").split()
            if not words:
                continue
            if in_script or words[0] in {"prerotate", "postrotate", "firstaction", "lastaction", "preremove"}:
                in_script = words[0] != "endscript"
            elif words[0] == "}" and inside is not None:
                yield _rotation(file, patterns, inside)
                patterns, inside = [], None
            elif inside is not None:
                inside |= _directive(words)
            elif words[0].startswith(("/", '"', "'")) or "{" in words:
                before, opens, after = (list(part) for part in _parted(words))
                patterns += [word.strip("\"'") for word in before]
                inside = usual | _directive(after) if opens else None
            elif file.name == "logrotate.conf":
                usual |= _directive(words)


def _parted(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Return what stands before the first ``{``, that itself, and what stands behind."""
    at = words.index("{") if "{" in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


def _directive(words: Sequence[str]) -> dict[str, str]:
    if not words:
        return {}
    return {"every": words[0]} if words[0] in _DAYS else {words[0]: words[1] if len(words) > 1 else ""}


def _rotation(file: Path, patterns: Sequence[str], said: dict[str, str]) -> Rotation:
    times, age = said.get("rotate", "0"), said.get("maxage", "")
    by_size = "size" in said or "every" not in said
    days = None if by_size or not times.isdigit() else int(times) * _DAYS[said["every"]]
    if days is not None and age.isdigit():
        days = min(days, float(age))
    return Rotation(file, tuple(patterns), "copytruncate" in said and "nocopytruncate" not in said, days)


def rotation(gateway: Gateway) -> Iterator[Finding]:
    """Yield watched logs that are rotated in a way that loses lines."""
    known = list(rotations(gateway.root))
    for source, path in gateway.logs():
        for one in known:
            if not any(fnmatch(str(path), pattern) for pattern in one.patterns):
                continue
            if one.copytruncate:
                yield Finding(
                    f"Source {source.name}: {one.file} rotates {path} by copytruncate.",
                    "What is written between copy and truncate is lost for everybody; filterwatch notes a gap.",
                    "Take `copytruncate` out; let `postrotate` tell the service to open its log anew.",
                )
            if one.days is not None and one.days < KEEP_DAYS:
                yield Finding(
                    f"Source {source.name}: {one.file} keeps {path} for {one.days:.3g} days.",
                    "What was deleted while filterwatch was down is lost.",
                    f"Keep it at least {KEEP_DAYS} days, better 14: `rotate 14` with `daily`.",
                )


def squid(gateway: Gateway) -> Iterator[Finding]:
    """Yield what squid's configuration does to its log."""
    folder = gateway.system("etc/squid")
    files = [folder / "squid.conf", *sorted((folder / "conf.d").glob("*.conf"))]
    lines = [(file, line.strip()) for file in files for line in text_of(file).splitlines()]
    said = [(file, line) for file, line in lines if line and not line.startswith("#")]
    if not said or not any(one.format.startswith("squid") for one in gateway.configuration.settings.sources):
        return
    if not any(line.split()[:2] == ["strip_query_terms", "off"] for _, line in said):
        yield Finding(
            f"squid: {folder} does not say `strip_query_terms off`.",
            "squid cuts everything behind ? off each URL: no search term reaches a rule.",
            "Add the line `strip_query_terms off` and run `squid -k reconfigure`.",
        )
    for file, line in said:
        yield from _squid_line(file, line)


def _squid_line(file: Path, line: str) -> Iterator[Finding]:
    words = line.split()
    if words[0] == "logformat" and _RAW.search(line):
        yield Finding(
            f"squid: a logformat in {file} writes fields as they are (%').",
            "A pupil can put a line end into a URL or header, and with it whole lines about somebody else.",
            "Take the ' out of the % codes; squid then encodes what a log must not hold.",
        )
    headers = words[0] in {"useragent_log", "referer_log"} or (words[0] == "access_log" and "combined" in words[1:])
    if headers or words[:2] == ["log_mime_hdrs", "on"] or (words[0] == "logformat" and _HEADER.search(line)):
        yield Finding(
            f"squid: `{words[0]} {words[1] if len(words) > 1 else ''}` in {file} logs request headers.",
            "Header blocks, with passwords, then grow on every line of the native log too.",
            "Log only in squid's own format: `access_log daemon:/var/log/squid/access.log squid`.",
        )


LOOKS: Sequence[Callable[[Gateway], Iterator[Finding]]] = (rotation, squid)
