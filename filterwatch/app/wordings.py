"""What the filters' own configuration says of their logs: format, and logformat."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SQUID = {
    "squid": "squid", "common": "squid_common", "combined": "squid_combined", "referrer": "squid_referrer",
    "useragent": "squid_useragent",
}  # fmt: skip
"""Formats that squid knows by itself."""

_ACCESS_LOG = re.compile(r"\s*access_log\s+(?:daemon:|stdio:)?(?P<path>/\S+)(?P<rest>.*)")
_LOGFORMAT = re.compile(r"\s*logformat\s+(?P<name>\S+)\s+(?P<text>.*\S)\s*")
_FILE_FORMAT = re.compile(r"\s*logfileformat\s*=\s*'?(?P<number>[1-8])\b", re.MULTILINE)
_LOCATION = re.compile(r"^\s*loglocation\s*=\s*'?(?P<path>/[^'\s]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wording:
    """What a configuration says of a log.

    Attributes:
        format: Name of the decoder.
        why: Where it says so.
        options: Options of the format.
        sure: Whether it counts for more than marks in the lines: a logformat of one's own may look like another.
    """

    format: str
    why: str
    options: Mapping[str, object] = field(default_factory=dict)
    sure: bool = False


def wordings(root: Path = Path("/")) -> Mapping[str, Wording]:
    """Return what is said of logs, by their names with the folder in front: what is looked at may be a copy.

    A log whose name stands only once is found by its name alone as well.
    """
    found: dict[str, Wording] = {}
    names: dict[str, list[Wording]] = {}
    for path, wording in (*_squid(root), *_guardians(root)):
        found["/".join(path.split("/")[-2:])] = wording
        names.setdefault(path.rpartition("/")[2], []).append(wording)
    return {name: several[0] for name, several in names.items() if len(several) == 1} | found


def said_of(path: Path, known: Mapping[str, Wording]) -> Wording | None:
    """Return what the configurations, as :func:`wordings` gives them, say of a log."""
    return known.get("/".join(path.parts[-2:])) or known.get(path.name)


def _squid(root: Path) -> Iterator[tuple[str, Wording]]:
    folder = root / "etc/squid"
    text = "\n".join(_text(file) for file in (folder / "squid.conf", *sorted((folder / "conf.d").glob("*.conf"))))
    lines = re.sub(r"\\\n\s*", "", text).split("\n")
    own = {match["name"]: match["text"] for line in lines if (match := _LOGFORMAT.fullmatch(line))}
    for line in lines:
        match = _ACCESS_LOG.fullmatch(line)
        if match is None:
            continue
        words = match["rest"].split()
        named = next((word.removeprefix("logformat=") for word in words if word.startswith("logformat=")), None)
        named = named or next((word for word in words[:1] if "=" not in word), "squid")
        if named in own:
            why = f"logformat {named} of squid.conf"
            yield match["path"], Wording("squid_custom", why, {"logformat": own[named]}, sure=True)
        elif named in SQUID:
            yield match["path"], Wording(SQUID[named], "access_log of squid.conf")


def _guardians(root: Path) -> Iterator[tuple[str, Wording]]:
    for product in ("e2guardian", "dansguardian"):
        text = _text(root / f"etc/{product}/{product}.conf")
        number = _FILE_FORMAT.search(text)
        location = _LOCATION.search(text)
        if number is None:
            continue
        name = (
            "dansguardian" if (product, number["number"]) == ("dansguardian", "1") else f"e2guardian_{number['number']}"
        )
        path = location["path"] if location else f"/var/log/{product}/access.log"
        yield path, Wording(name, f"logfileformat of {product}.conf", sure=True)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
