"""The vectorised reader of AdGuard Home's query log, over the JSON family's Polars path."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from filterwatch.decoders.families import jsonlines
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars import adguard
from filterwatch.decoders.line_decoder import Reader
from filterwatch.decoders.reading import address
from filterwatch.decoders.screen import Lines, kept
from filterwatch.decoders.stamps import read_stamps
from filterwatch.decoders.tables import KNOWN, Lookup, looked_up
from filterwatch.events import ACTION, KIND

_TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.(?:[0-9]{3}|[0-9]{6,9}))?(?:Z|[+-][0-9]{2}:[0-9]{2})$"
)


def read(lines: Lines) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    rows = np.flatnonzero(lines.regular)
    if not len(rows):
        return pl.DataFrame(schema={"line": pl.UInt32()})
    texts = pl.read_lines(kept(lines, lines.regular)).to_series()[: len(rows)]
    found = jsonlines.fast(texts, adguard.KEYS).with_columns(line=pl.Series(rows.astype(np.uint32)))
    timed = pl.col("T").str.contains(_TIME).fill_null(value=False)
    ours = pl.any_horizontal(pl.col("QH", "QT", "IP").is_not_null())
    found = found.filter(pl.col(jsonlines.SURE) & timed & ours)
    if found.is_empty():
        return pl.DataFrame(schema={"line": pl.UInt32()})
    stamps = read_stamps(Lines(_times(found["T"])))
    found = found.with_columns(
        stamp_us=pl.Series(stamps.us), stamp_clock=pl.Series(stamps.clock), timed=pl.Series(stamps.found)
    )
    return _events(found.filter("timed"))


def _times(times: pl.Series) -> bytes:
    """Return *times* as lines with at most microseconds, a blank behind each as in a log."""
    plain = times.str.replace(r"(\.[0-9]{6})[0-9]+", "$1")
    return (" \n".join(plain.to_list()) + " \n").encode()


def _word(key: str) -> pl.Expr:
    return pl.when(~pl.col(key).str.contains(adguard.PLAIN)).then(pl.col(key))


_REASON = pl.when(pl.col("Result.Reason").str.contains("^[0-9]{1,3}$")).then("Result.Reason")
_NAME = pl.col("QH").str.to_lowercase().str.strip_chars_end(".")
_NAMED = (pl.col("QH") == ".") | ~pl.col("QH").str.contains(adguard.PLAIN)
_ELAPSED = pl.when(pl.col("Elapsed").str.contains(adguard.ELAPSED)).then("Elapsed")
_TYPE = pl.when(pl.col("QT").str.contains(adguard.TYPE) & ~pl.col("QT").str.contains(adguard.PLAIN)).then("QT")
_LOOKUPS = [
    Lookup("verdict", lambda text: (adguard.verdict(text),), {"verdict_action": ACTION}),
    Lookup("reason", lambda text: (adguard.CATEGORIES.get(text),), {"reason_category": pl.String()}),
    Lookup("letters", lambda text: (adguard.rcode(text),), {"rcode": pl.String()}),
    Lookup("IP", lambda text: (address(text),), {"client_ip": pl.String()}),
    Lookup("Upstream", adguard.upstream, {"dest_ip": pl.String(), "dest_port": pl.Int32()}),
    Lookup("CP", lambda text: (adguard.transport(text),), {"protocol": pl.String()}),
    Lookup("type", lambda text: (text.upper() or None,), {"query_type": pl.String()}),
]


def _events(found: pl.DataFrame) -> pl.DataFrame:
    found = found.with_columns(
        type=_TYPE,
        reason=_REASON,
        verdict=pl.concat_str(_REASON.fill_null(""), pl.lit(" "), pl.col("Result.IsFiltered").fill_null("")),
        letters=pl.when(pl.col("Answer").str.contains(adguard.ANSWERED)).then(pl.col("Answer").str.slice(4, 2)),
        query=pl.when(_NAMED).then(pl.when(_NAME == "").then(pl.lit(".")).otherwise(_NAME)),
        filter_rule=pl.coalesce(_word("Result.Rules.0.Text"), _word("Result.Rule")),
        service=_word("Result.ServiceName"),
        answer=pl.when(pl.col("Result.IPList").str.contains(adguard.ADDRESSES)).then("Result.IPList"),
        duration_ms=_ELAPSED.cast(pl.Int64, strict=False) // 1_000_000,
    )
    keep = (
        "line", "stamp_us", "stamp_clock", "query", "filter_rule", "service", "answer", "duration_ms",
        pl.col("reason").alias("filter_reason"),
    )  # fmt: skip
    found = looked_up(found, _LOOKUPS, pl.struct(*keep).struct.unnest())
    wrong = (pl.col("verdict_action") == "allowed") & pl.col("rcode").is_in(sorted(adguard.ERRORS))
    return found.filter(KNOWN).select(
        "line", "stamp_us", "stamp_clock", "query", "query_type", "client_ip", "rcode", "answer", "protocol",
        "dest_ip", "dest_port", "duration_ms", "filter_reason", "filter_rule",
        filter_category=pl.coalesce("service", "reason_category"),
        action=pl.when(wrong.fill_null(value=False)).then(pl.lit("error", ACTION)).otherwise("verdict_action"),
        kind=pl.lit("dns", KIND),
    )  # fmt: skip


def _claims(line: bytes, event: Mapping[str, object]) -> bool:
    return event.get("query") is not None and b'"QH":' in line and b'"Result":' in line


_OWN = (b"] AdGuard Home, version ", b"] dnsproxy: ", b"] starting adguard home", b"] stopping adguard home",
        b" /control/login: from ip ")  # fmt: skip


FORMATS = {
    "adguard_querylog": Format(
        "AdGuard Home query log (querylog.json)",
        "JSON",
        Options,
        of_lines(lambda name, _: Reader(name, adguard.read, read)),
        _claims,
        "AdGuard Home's documented query log",
    ),
    "adguard_applog": Format(
        "AdGuard Home's own log: failed logins, starts, stops",
        "syslog",
        Options,
        of_lines(lambda name, _: Reader(name, adguard.read_application)),
        lambda line, _: any(mark in line for mark in _OWN),
        "AdGuard Home",
    ),
}
