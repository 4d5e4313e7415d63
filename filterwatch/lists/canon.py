"""A list as it came, written in our own form: what the index is compiled from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import quote

import idna
import polars as pl

from filterwatch.lists import addresses, domains
from filterwatch.lists.catalogue import SUFFIXES, Listed
from filterwatch.lists.domains import Piece
from filterwatch.lists.formats import FORMATS
from filterwatch.lists.guard import Aside, Guard
from filterwatch.lists.modes import Mode
from filterwatch.lists.unpacking import Capped, Refused, whole_lines

LONGEST_LINE = 1 << 20
MOST_ASIDE = 200
"""Entries set aside that are kept by name; all are counted."""

WRONG_SHARE = 0.05
"""Share of lines that may be no entries: real lists stay below 0.02 (bare words, names with two dots)."""

FEWEST_SUFFIXES = 5_000
"""Rules of the Public Suffix List; it has had more since 2013."""

MOST_OF_SUFFIXES = 4 << 20
"""Bytes of the Public Suffix List; it has some 330,000."""

SURE_SUFFIXES = frozenset({"com", "uk", "co.uk", "gov.uk", "*.ck"})
"""Rules that it never lacked: without them every site below would be one and the same."""

_SECTIONS = ("===BEGIN ICANN DOMAINS===", "===BEGIN PRIVATE DOMAINS===")
_LABEL = r"[^\x00-,./:-@\[-^`{-\x7f]+"
_SUFFIX = re.compile(rf"(?:!|\*\.)?{_LABEL}(?:\.{_LABEL})*")

_MARKS = {Mode.SUFFIX: "", Mode.EXACT: "=", Mode.CHILDREN: "*.", Mode.PAGE: "", Mode.ALLOW: "@@",
          Mode.ALLOW_EXACT: "@@=", Mode.ALLOW_CHILDREN: "@@*.", Mode.ALLOW_PAGE: "@@", Mode.ASIDE: "?"}  # fmt: skip
_PAGE = re.compile(rb"<\s*(?:!doctype\s+html|html|head|body|script|meta)\b", re.IGNORECASE)
_DECLARED = re.compile(
    r"^[#!;]\s*(?:number of |total )?(?:entries|domains|unique domains)\s*:\s*([0-9][0-9,. ]{0,19})$", re.IGNORECASE
)


@dataclass
class Tally:
    """What a list holds.

    Attributes:
        lines: Entries and lines that are none; comments are neither.
        entries: Entries that are used or set aside.
        left_out: Lines that say something filterwatch does not use: regular expressions, rules of browsers.
        wrong: Lines that are no entries.
        aside: How many entries are set aside.
        named: The first of them, with the reason.
        declared: How many entries the list says it has; null where it says nothing.
    """

    entries: int = 0
    left_out: int = 0
    wrong: int = 0
    aside: int = 0
    named: list[Aside] = field(default_factory=list)
    declared: int | None = None

    @property
    def lines(self) -> int:
        """Entries, and lines that are none."""
        return self.entries + self.wrong


def write(stream: Capped, format_: str, listed: Listed, guard: Guard, out: BinaryIO, tally: Tally) -> None:
    """Write the entries of *stream* to *out*, a line each, and count them in *tally*.

    Raises:
        Refused: It is a web page, packed, or has lines without an end.
    """
    if format_ == SUFFIXES:
        out.write(_suffixes(stream, tally))
        return
    for number, raw in enumerate(whole_lines(stream, LONGEST_LINE)):
        if tally.entries == 0:
            _sniff(raw)
        text = raw.decode("utf-8-sig" if number == 0 else "utf-8", errors="replace")
        if number == 0:
            tally.declared = tally.declared or _declared(text)
        lines = pl.Series("line", [text]).str.replace_all("\r", "").str.split("\n").explode()
        piece, wrong, left_out = _entries(lines, format_)
        piece, exceptions = _speaking(piece, listed)
        piece, aside = guard.judge(piece, listed)
        tally.entries += len(piece.names)
        tally.wrong += wrong
        tally.left_out += left_out + exceptions
        tally.aside += len(aside)
        # The worst first: they decide whether the list is believed.
        tally.named = sorted([*tally.named, *aside], key=lambda one: one.reason not in _FIRST)[:MOST_ASIDE]
        out.write(_text(piece))


def _suffixes(stream: Capped, tally: Tally) -> bytes:
    """Return the Public Suffix List as it came; all of filterwatch reads it, so it must be one."""
    raw = stream.read(MOST_OF_SUFFIXES + 1)
    _sniff(raw)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("it is not UTF-8") from None
    rules = [line.split()[0] for line in text.split("\n") if line.strip() and not line.startswith("//")]
    if len(raw) > MOST_OF_SUFFIXES or not SURE_SUFFIXES.issubset(rules) or any(mark not in text for mark in _SECTIONS):
        raise Refused("it is no Public Suffix List")
    good = sum(1 for rule in rules if _SUFFIX.fullmatch(rule))
    tally.entries, tally.wrong = good, len(rules) - good
    return text.encode()


_FIRST = {"name of the school", "a whole registry", "name that everybody uses", "public suffix"}


def _entries(lines: pl.Series, format_: str) -> tuple[Piece, int, int]:
    """Return the entries, how many lines are none, and how many are left out."""
    if format_ in FORMATS:
        said = FORMATS[format_](lines)["entry"]
        left_out = said.null_count()
        lines = said.drop_nulls()
    else:
        left_out = 0
    piece, bad = domains.read(_ascii(lines.alias("line")))
    unset = piece.modes == Mode.ASIDE  # set aside somewhere else: judged anew here
    if unset.any():
        slashed = piece.names.str.contains("/", literal=True) & ~piece.names.str.contains(r"^[0-9a-f.:]+/[0-9]{1,3}$")
        again = pl.when(slashed).then(pl.lit(int(Mode.PAGE), pl.UInt8)).otherwise(pl.lit(0, pl.UInt8))
        piece = Piece(piece.names, pl.select(pl.when(unset).then(again).otherwise(piece.modes)).to_series())
    return piece, len(bad), left_out


def _speaking(piece: Piece, listed: Listed) -> tuple[Piece, int]:
    """Return the entries without the exceptions of a list that may make none, and how many those are.

    An exception cancels what every list of the category says: one line more on a stranger's list would silence a site.
    """
    if listed.may_except:
        return piece, 0
    gives = ~piece.modes.is_between(Mode.ALLOW, Mode.ALLOW_PAGE)
    return Piece(piece.names.filter(gives), piece.modes.filter(gives)), len(gives) - int(gives.sum())


def _ascii(lines: pl.Series) -> pl.Series:
    """Return the lines with international names as ``xn--...``; comments stay as they are."""
    odd = lines.str.contains(r"[^\x00-\x7f]") & ~lines.str.contains(r"^\s*#")
    if not odd.any():
        return lines
    forms = {one: _encoded(one) for one in lines.filter(odd).unique().to_list()}
    return lines.replace_strict(list(forms), list(forms.values()), default=lines)


def _encoded(line: str) -> str:
    found = re.match(r"\s*((?:@@|\?)?(?:=|\*\.)?)([^/?#\s]+)(.*)$", line, re.DOTALL)
    if found is None:
        return line
    try:
        return f"{found[1]}{idna.encode(found[2], uts46=True).decode()}{found[3]}"
    except (idna.IDNAError, UnicodeError):
        return line


_UNSAFE = re.compile(r"[%#\x00-\x20\x7f-\xa0\u2028\u2029]")
_LIKE_A_RANGE = re.compile(r"[0-9a-f.:]+/[0-9]+")


def _page(entry: str, mode: Mode) -> str:
    """Return a page (or a range that was set aside) as a line of its own, that is read as the same page again."""
    if _LIKE_A_RANGE.fullmatch(entry):
        return entry if mode is Mode.ASIDE and addresses.normal(entry) else f"{entry}/"
    return _UNSAFE.sub(lambda found: quote(found[0], safe=""), entry)


def _text(piece: Piece) -> bytes:
    marks = piece.modes.replace_strict({int(mode): mark for mode, mark in _MARKS.items()}, return_dtype=pl.String)
    names = piece.names
    slashed = names.str.contains("/", literal=True)
    if slashed.any():
        modes = [Mode(mode).scope for mode in piece.modes.filter(slashed)]
        pages = zip(names.filter(slashed), modes, strict=True)
        odd = {one: _page(one, mode) for one, mode in pages if mode is not Mode.SUFFIX}
        names = names.replace_strict(list(odd), list(odd.values()), default=names) if odd else names
    lines = (marks + names).str.join("\n").item() if len(piece.names) else ""
    return f"{lines}\n".encode() if lines else b""


def _sniff(raw: bytes) -> None:
    head = raw[:2048]
    if _PAGE.search(head):
        raise Refused("a web page comes in its place (a captive portal?)")
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ", b"BZh")) or b"\0" in head:
        raise Refused("it is packed or no text")


def _declared(text: str) -> int | None:
    for line in text[:8192].split("\n"):
        if found := _DECLARED.match(line.strip()):
            return int(re.sub(r"\D", "", found[1]) or 0)
    return None


def problems(tally: Tally, listed: Listed) -> Iterator[str]:
    """Yield why a list is not believed, by what it holds."""
    fewest = max(listed.at_least, FEWEST_SUFFIXES if listed.format == SUFFIXES else 1)
    if tally.entries - tally.aside < fewest:
        yield f"it holds {tally.entries - tally.aside:,} entries of use, fewer than {fewest:,}"
    if tally.wrong > WRONG_SHARE * tally.lines and tally.wrong > 2:
        yield f"{tally.wrong:,} of {tally.lines:,} lines are no entries"
    if tally.declared and tally.entries < 0.9 * tally.declared:
        yield f"it says it has {tally.declared:,} entries and {tally.entries:,} came"
