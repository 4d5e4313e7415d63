"""The vectorised reader of a compiled ``logformat``: one regular expression in Rust, then columns.

It takes the lines in which no text that a client chose holds a character that separates fields: there only one
reading can fit.  Everything else is left to the exact reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import polars as pl

from filterwatch.decoders.families.logformat import Definition, Field, Piece
from filterwatch.decoders.families.logformat_codes import Shape
from filterwatch.decoders.families.logformat_match import time_pattern
from filterwatch.decoders.families.logformat_reader import REFERRER, USER_AGENT, Compiled
from filterwatch.decoders.families.logformat_times import stamp_of
from filterwatch.decoders.families.logformat_values import (
    BETWEEN,
    TIMES,
    action,
    count_of,
    name_of,
    person,
    port_of,
    shown,
)
from filterwatch.decoders.reading import MOST_DIGITS, Clock, address, mac
from filterwatch.decoders.screen import NEWLINE, Lines, Mask, kept
from filterwatch.decoders.tables import KNOWN, Lookup, Row, looked_up
from filterwatch.decoders.url import CUT, SECRETS, authority, plain_authorities
from filterwatch.events import ACTION, KIND, DataType

_TAB: Final = 9
_CREDENTIALS: Final = r"://[^/?#\s]*@"
_PLAIN_AUTHORITY: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(?::\d{1,5})?")
_SUPPORTED: Final = frozenset({
    "seconds", "millis", "local", "gmt", "elapsed", "client", "client_port", "mac", "peer", "peer_port", "user",
    "result", "error", "status", "method", "url", "mime", "agent", "referrer", "sni", "size_in", "size_out",
})  # fmt: skip
"""Roles that have a column here; a definition with another one (a URL in parts) is read exactly."""

_STRICT: Final = {
    Shape.ADDRESS: r"[0-9A-Fa-f:.]+|-",
    Shape.NUMBER: r"[0-9]+|-",
    Shape.SECONDS: r"[0-9]{9,10}",
    Shape.MILLIS: r"[0-9]{1,3}",
    Shape.STATUS: r"[0-9]{1,3}|-",
    Shape.VERSION: r"[0-9]{1,2}\.[0-9]{1,2}",
    Shape.PROTOCOL: Shape.PROTOCOL.value,
    Shape.RESULT: r"[A-Z][A-Z0-9_]*|-",
}


class Fast:
    """Reads many lines of one definition.

    Args:
        compiled: The definition.
    """

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._tabs = "\t" in compiled.definition.text
        self._names, pattern = _strict(compiled)
        blocks = r"(?: \[([^\[\]]*)\] \[[^\[\]]*\])?" if compiled.blocks else ""
        self._pattern = f"^{pattern}{blocks}$"
        self._lookups = _lookups(compiled)

    @staticmethod
    def able(compiled: Compiled) -> bool:
        """Return whether lines of a definition can be read many at once."""
        return set(compiled.roles) <= _SUPPORTED and ("url" in compiled.roles or "sni" not in compiled.roles)

    def read(self, lines: Lines) -> pl.DataFrame:
        """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
        good = (self._regular(lines) if self._tabs else lines.regular) & (lines.ends > lines.starts)
        rows = np.flatnonzero(good).astype(np.uint32)
        if not len(rows):
            return pl.DataFrame(schema={"line": pl.UInt32()})
        whole = pl.read_csv(
            kept(lines, good), separator="\x1e", quote_char=None, has_header=False, schema={"text": pl.String()}
        )["text"]
        found = whole.str.extract_groups(self._pattern).struct
        names = [*self._names, "headers"] if self._compiled.blocks else self._names
        texts = found.unnest()
        texts.columns = names
        texts = texts.with_columns(line=pl.Series(rows)).filter(pl.col(names[0]).is_not_null())
        if not len(texts):
            return pl.DataFrame(schema={"line": pl.UInt32()})
        frame = self._events(texts)
        return (frame if frame["known"].all() else frame.filter("known")).drop("known")

    def _regular(self, lines: Lines) -> Mask:
        array = lines.array
        odd = np.flatnonzero(((array < 32) & (array != NEWLINE) & (array != _TAB)) | (array > 126))
        regular = np.ones(len(lines), np.bool_)
        regular[np.searchsorted(lines.ends, odd)] = False
        return regular

    def _events(self, texts: pl.DataFrame) -> pl.DataFrame:
        roles = self._compiled.roles
        made = (
            [pl.concat_str([f"user {n}" for n in range(len(roles["user"]))], separator=BETWEEN).alias("user")]
            if ("user" in roles)
            else []
        )
        made.append(_joined(roles).alias("verdict"))
        more: list[pl.Expr] = [pl.col("line")]
        checks: list[pl.Expr] = []
        for role, column in (("elapsed", "duration_ms"), ("size_in", "bytes_in"), ("size_out", "bytes_out")):
            if role in roles:
                more.append(pl.col(role).cast(pl.Int64, strict=False).alias(column))
                checks.append(pl.col(role).str.len_bytes() <= MOST_DIGITS)
        if "seconds" in roles:
            millis = pl.col("millis").cast(pl.Int64) if "millis" in roles else pl.lit(0, pl.Int64)
            more.append(((pl.col("seconds").cast(pl.Int64) * 1000 + millis) * 1000).alias("stamp_us"))
            more.append(pl.lit(int(Clock.UTC), pl.UInt8).alias("stamp_clock"))
        if "url" in roles:
            made += [_target().alias("target"), _whom_asked(connects="method" in roles).alias("whom")]
            more += [pl.when(pl.col("url") != "-").then("url").alias("url")]
            checks += [~pl.col("url").str.contains("@", literal=True) | ~pl.col("url").str.contains(_CREDENTIALS)]
            checks.append(~pl.col("url").str.contains(SECRETS))
            checks.append(_plain_request(connects="method" in roles))
        if "referrer" in roles:
            more.append(pl.when(pl.col("referrer") != "-").then("referrer").alias("referrer"))
            checks.append(~pl.col("referrer").str.contains(f"{_CREDENTIALS}|{SECRETS}"))
        if self._compiled.blocks:
            more.append(pl.col("headers"))
        frame = looked_up(
            texts.with_columns(made).with_columns(pl.all_horizontal(*checks, True).alias("plain")),
            self._lookups,
            *more,
            pl.col("plain"),
        )
        return self._finished(frame)

    def _finished(self, frame: pl.DataFrame) -> pl.DataFrame:
        have = set(frame.columns)
        made: list[pl.Expr] = [pl.lit("http", KIND).alias("kind"), (pl.col(KNOWN) & pl.col("plain")).alias("known")]
        if "sni_name" in have:
            named = pl.col("sni_name").is_not_null() & (pl.col("ip").is_not_null() | pl.col("host").is_null())
            made.append(pl.when(named).then("sni_name").otherwise("host").alias("host"))
        if "peer_ip" in have or "ip" in have:
            made.append(pl.coalesce([name for name in ("peer_ip", "ip") if name in have]).alias("dest_ip"))
        ports = [name for name in ("url_port", "peer_port") if name in have]
        if ports:
            made.append(pl.coalesce(ports).alias("dest_port"))
        if "headers" in have:
            # The rest of the block, with its credentials, goes no further.
            for column, pattern in (("user_agent", USER_AGENT), ("referrer", REFERRER)):
                taken = pl.col("headers").str.extract(pattern, 1).str.replace_all(_CREDENTIALS, "://***@")
                taken = taken.str.replace_all(SECRETS, CUT)
                taken = pl.when(taken.is_in(["", "-"])).then(None).otherwise(taken)
                made.append((pl.coalesce(column, taken) if column in have else taken).alias(column))
        if "stamp_us" not in have:
            made += [pl.lit(0, pl.Int64).alias("stamp_us"), pl.lit(int(Clock.NONE), pl.UInt8).alias("stamp_clock")]
        gone = [
            name
            for name in ("ip", "peer_ip", "url_port", "peer_port", "headers", "sni_name", "plain", KNOWN)
            if name in have and name != "known"
        ]
        return frame.with_columns(made).drop(gone)


def _strict(compiled: Compiled) -> tuple[list[str], str]:
    """Return the names of the groups and the expression of lines that are certain."""
    pieces, names, parts, number = compiled.definition.pieces, [], [], 0
    wanted = _wanted(compiled)
    separators = _separators(compiled.definition)
    for at, piece in enumerate(pieces):
        if isinstance(piece, str):
            parts.append(pl.escape_regex(piece))
            continue
        before = pieces[at - 1] if at else ""
        behind = pieces[at + 1] if at + 1 < len(pieces) else ""
        body = _body(
            piece, before if isinstance(before, str) else "", behind if isinstance(behind, str) else "", separators
        )
        pad = f" {{0,{piece.padding}}}" if piece.padding else ""
        stop = _ends_name(pieces[at + 1 : at + 4]) if piece.meaning.role == "user" else ""
        if stop and body.endswith("]+"):
            # A name of two words: the second cannot begin the columns behind it.
            second = _none_of(' "-[]\\' + stop + separators)
            body += f"(?: {second})?"
        name = wanted.get(number)
        group = f"({body})" if name else f"(?:{body})"
        if name:
            names.append(name)
        parts.append(f"{group}{pad}" if piece.left else f"{pad}{group}")
        number += 1
    return names, "".join(parts)


def _ends_name(behind: Sequence[Piece]) -> str:
    """Return the character without which the columns behind a user's name cannot begin; empty where none is known."""
    if len(behind) < 3 or behind[0] != " ":
        return ""
    code, text = behind[1], behind[2]
    ends = isinstance(code, Field) and code.meaning.shape is Shape.RESULT and isinstance(text, str)
    return text[0] if ends and isinstance(text, str) and text[0] in "/:" else ""


def _wanted(compiled: Compiled) -> dict[int, str]:
    """Return the column that each field with a role goes to."""
    wanted: dict[int, str] = {}
    for role, numbers in compiled.roles.items():
        for rank, number in enumerate(numbers):
            wanted[number] = f"user {rank}" if role == "user" else role
    return wanted


def _separators(definition: Definition) -> str:
    """Return the characters that stand beside texts that somebody else chose."""
    found: set[str] = set()
    for before, piece, behind in _neighbours(definition):
        if piece.meaning.shape in (Shape.URL, Shape.FREE):
            found |= {before[-1:], behind[:1]}
        elif piece.meaning.shape is Shape.WORD:
            found |= {before[-1:], behind[:1]} & {" ", '"', "\t"}
    return "".join(sorted(found - {""}))


def _neighbours(definition: Definition) -> list[tuple[str, Field, str]]:
    texts = ["", *definition.pieces, ""]
    return [
        (before if isinstance(before, str) else "", piece, behind if isinstance(behind, str) else "")
        for before, piece, behind in zip(texts, texts[1:], texts[2:], strict=False)
        if isinstance(piece, Field)
    ]


_ENCODED: Final = {'"': "\\", "/": '\\"', "[": "\\%[]", "#": "%"}
"""Characters by which an encoded text differs from the plain one; users may hold ``%``: who reads them decodes it."""


def _body(piece: Field, before: str, behind: str, separators: str) -> str:
    """Return the expression of a field that holds no separator."""
    shape = piece.meaning.shape
    if shape is Shape.TIME:
        return time_pattern(piece)
    if shape in _STRICT:
        return _STRICT[shape]
    encoded = _ENCODED.get(piece.encoding, "")
    if piece.meaning.role == "user":
        encoded = {"[": "[]", "#": ""}.get(piece.encoding, encoded)
    if before.endswith('"') and behind.startswith('"') and shape is Shape.FREE:
        return _none_of('"' + encoded)
    if shape is Shape.FREE and behind.startswith(" [") and before.endswith(" "):
        return _none_of(separators.replace(" ", "") + "[" + encoded)
    return _none_of(separators + ' "' * (shape is not Shape.FREE) + encoded)


def _none_of(characters: str) -> str:
    return "[^" + "".join(f"\\x{ord(one):02x}" for one in sorted(set(characters) | {"\t"})) + "]+"


def _joined(roles: Collection[str]) -> pl.Expr:
    """Return the text that decides the action: result, status and error page."""
    have = [role for role in ("result", "status", "error") if role in roles]
    return pl.concat_str(have, separator=BETWEEN) if have else pl.lit("")


def _target() -> pl.Expr:
    return pl.col("url").str.strip_prefix("http://").str.strip_prefix("https://")


def _absolute() -> pl.Expr:
    return pl.col("url").str.contains("^https?://")


def _whom_asked(*, connects: bool) -> pl.Expr:
    """Return ``host:port`` of a URL; empty for one that names nobody."""
    connect = (pl.col("method") == "CONNECT") if connects else pl.lit(False)
    first = _target().str.splitn("/", 2).struct.field("field_0")
    return pl.when(_absolute() | connect).then(first).otherwise(pl.lit(""))


def _plain_request(*, connects: bool) -> pl.Expr:
    """Return which requests need no closer look: absolute ones, paths, and a CONNECT of ``host:port``."""
    connect = (pl.col("method") == "CONNECT") if connects else pl.lit(False)
    path = pl.col("url").str.starts_with("/") | (pl.col("url") == "-")
    return pl.when(connect).then(~_absolute() & ~path).otherwise(_absolute() | path)


@lru_cache(maxsize=65_536)
def _whom(text: str) -> Row | None:
    if not text:
        return (None, None, None)
    plain_text = _PLAIN_AUTHORITY.fullmatch(text) and not text.startswith("error:")
    return tuple(authority(text)) if plain_text else None


@lru_cache(maxsize=65_536)
def _client(text: str) -> Row | None:
    found = address(text)
    return (found,) if found is not None or text == "-" else None


def _lookups(compiled: Compiled) -> list[Lookup]:
    """Return what is asked once per distinct text."""
    roles, layouts = compiled.roles, compiled.layouts

    def known(text: str) -> Row:
        return (None if text in ("", "-") else text,)

    def stamp(role: str) -> Lookup:
        def read(text: str) -> Row | None:
            found = stamp_of(text, layouts[role], gmt=role == "gmt")
            return None if found is None else (found.us, int(found.clock))

        return Lookup(role, read, {"stamp_us": pl.Int64(), "stamp_clock": pl.UInt8()})

    def decision(text: str) -> Row:
        have = [role for role in ("result", "status", "error") if role in roles]
        parts = dict(zip(have, text.split(BETWEEN), strict=False))
        status, reason = parts.get("status"), parts.get("result", parts.get("error"))
        decided = action(parts.get("result"), status, parts.get("error"))
        return (decided, count_of(status) or None, None if reason in (None, "", "-") else reason)

    one_column: dict[str, tuple[Callable[[str], Row | None], str, DataType]] = {
        "client": (_client, "client_ip", pl.String()),
        "client_port": (lambda text: (port_of(text),), "client_port", pl.Int32()),
        "mac": (lambda text: (mac(text),), "client_mac", pl.String()),
        "peer": (lambda text: (address(text),), "peer_ip", pl.String()),
        "peer_port": (lambda text: (port_of(text),), "peer_port", pl.Int32()),
        "method": (known, "method", pl.String()),
        "mime": (known, "mime_type", pl.String()),
        "agent": (lambda text: (shown(text),), "user_agent", pl.String()),
        "sni": (lambda text: (name_of(text),), "sni_name", pl.String()),
    }
    found = [Lookup(role, read, {column: dtype}) for role, (read, column, dtype) in one_column.items() if role in roles]
    if "user" in roles:
        found.append(Lookup("user", person, {"user": pl.String(), "user_domain": pl.String()}))
    if "url" in roles:
        found.append(
            Lookup("whom", _whom, {"host": pl.String(), "url_port": pl.Int32(), "ip": pl.String()}, plain_authorities)
        )
    times = [role for role in TIMES if role in roles]
    if "seconds" not in roles and times:
        found.append(stamp(times[0]))
    found.append(Lookup("verdict", decision, {"action": ACTION, "status": pl.Int32(), "filter_reason": pl.String()}))
    return found
