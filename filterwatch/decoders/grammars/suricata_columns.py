"""Suricata's events as columns, many at once: says what ``suricata`` says of one line.

Leases are few, and user names in URLs fewer: such lines are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from filterwatch.decoders.decoded import EVENT_ROWS
from filterwatch.decoders.reading import MOST_DIGITS, Clock, address, mac, user
from filterwatch.decoders.tables import KNOWN, Lookup, Row, looked_up
from filterwatch.decoders.url import SECRETS, authority

_USUAL_STAMP = r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}[+-](?:0[0-9]|1[0-3])00$"


def kind_of(kinds: Mapping[str, str]) -> pl.Expr:
    """Return the kind of a row of texts by name; null for leases and for lines that say nothing."""
    alert = pl.col("alert.signature").is_not_null() & pl.col("src_ip").is_not_null()
    said = pl.coalesce(_filled("event_type"), pl.when(alert).then(pl.lit("alert")))
    request = pl.any_horizontal(_filled(f"http.{key}").is_not_null() for key in ("hostname", "url", "http_method"))
    known = {word: kind for word, kind in kinds.items() if kind != "lease"}
    return (
        pl.when((said == "alert") & request)
        .then(pl.lit("http"))
        .otherwise(said.replace_strict(known, default=None, return_dtype=pl.String))
    )


def frame_of(texts: pl.DataFrame, kinds: Mapping[str, str]) -> pl.DataFrame:
    """Return the columns of lines that can surely be read, their ``line``, and their stamps.

    Args:
        texts: ``line``, ``sure`` and a text column for each name, null where a line does not have it.
        kinds: Type of an event -> its kind.
    """
    plain = ~pl.any_horizontal(
        pl.col(f"http.{key}").str.contains(f"@|{SECRETS}").fill_null(value=False)
        for key in ("hostname", "url", "http_refer")
    )
    rows = texts.with_columns(kind_of(kinds).alias("kind"), _instant().alias("stamp_us"))
    rows = rows.filter(pl.col("sure") & plain & pl.col("kind").is_not_null() & pl.col("stamp_us").is_not_null())
    http, dns, flow = (pl.col("kind") == name for name in ("http", "dns", "flow"))
    prepared = rows.select(
        "line",
        "stamp_us",
        pl.lit(int(Clock.UTC), pl.UInt8).alias("stamp_clock"),
        "kind",
        *_ends(dns),
        _action().alias("action"),
        pl.when(http).then(_url()).alias("url"),
        pl.when(http).then("http.http_method").alias("method"),
        pl.when(http & _number("http.status").is_between(1, 999)).then(_number("http.status")).alias("status"),
        pl.when(http).then(_number("http.length")).when(flow).then(_number("flow.bytes_toclient")).alias("bytes_in"),
        pl.when(http | flow).then(_number("flow.bytes_toserver")).alias("bytes_out"),
        pl.when(http).then("http.http_user_agent").alias("user_agent"),
        pl.when(http).then("http.http_refer").alias("referrer"),
        pl.when(http).then("http.http_content_type").alias("mime_type"),
        pl.when(http | flow).then("alert.signature").alias("filter_rule"),
        pl.when(http | flow).then("alert.category").alias("filter_category"),
        pl.when(http | flow).then("drop.reason").alias("filter_reason"),
        pl.when(dns).then(_answer()).alias("answer"),
        pl.when(http).then("http.hostname").when(flow).then(_first("tls.sni", "quic.sni")).alias("host text"),
        pl.when(http).then("http.username").alias("user text"),
        pl.when(flow).then("ether.src_mac").alias("mac text"),
        pl.col("proto").alias("protocol text"),
        pl.when(dns).then(_first("dns.rrname", "dns.queries.0.rrname", "dns.query.0.rrname")).alias("query text"),
        pl.when(dns).then(_first("dns.rrtype", "dns.queries.0.rrtype", "dns.query.0.rrtype")).alias("query_type text"),
        pl.when(dns).then("dns.rcode").alias("rcode text"),
    )
    lookups = [one for one in _LOOKUPS if prepared[one.column].null_count() < len(prepared)]
    kept = [name for name in prepared.columns if not name.endswith(" text")]
    prepared = prepared.cast({name: EVENT_ROWS[name] for name in kept if name in EVENT_ROWS})
    return looked_up(prepared, lookups, pl.col(*kept)).drop(KNOWN) if lookups else prepared.select(kept)


def _filled(name: str) -> pl.Expr:
    """Return a text that is not empty."""
    return pl.when(pl.col(name) != "").then(name)


def _first(*names: str) -> pl.Expr:
    return pl.coalesce(_filled(name) for name in names)


def _instant() -> pl.Expr:
    """Return the microseconds of a stamp as Suricata writes it; null where only the exact reader can tell."""
    stamp = pl.when(pl.col("timestamp").str.contains(_USUAL_STAMP)).then("timestamp")
    return stamp.str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%z", strict=False, time_unit="us").dt.epoch("us")


def _number(name: str) -> pl.Expr:
    text = pl.col(name)
    usual = text.str.contains(f"^[0-9]{{1,{MOST_DIGITS}}}$")
    return pl.when(usual).then(text).cast(pl.Int64)


def _ends(dns: pl.Expr) -> list[pl.Expr]:
    """Return texts of addresses, and ports: ``src`` is the server in answers up to version 2, and in downloads."""
    answer = pl.col("dns.type").is_in(["answer", "response"]).fill_null(value=False) | pl.col("dns.rcode").is_not_null()
    to_client = (pl.col("src_port") == "53") & (pl.col("dest_port") != "53").fill_null(value=True)
    download = (pl.col("event_type") == "fileinfo") & pl.col("src_port").is_in(["80", "443", "8080", "3128"])
    turned = ((dns & answer & to_client) | (~dns & download)).fill_null(value=False)
    found = []
    for end, own, other in (("client", "src", "dest"), ("dest", "dest", "src")):
        port = pl.when(turned).then(_number(f"{other}_port")).otherwise(_number(f"{own}_port"))
        found.append(pl.when(turned).then(f"{other}_ip").otherwise(f"{own}_ip").alias(f"{end}_ip text"))
        found.append(pl.when(port <= 65_535).then(port).alias(f"{end}_port"))
    return found


def _action() -> pl.Expr:
    verdict, alert = pl.col("verdict.action"), pl.col("alert.action")
    blocked = (pl.col("event_type") == "drop") | verdict.is_in(["drop", "reject"]) | (alert == "blocked")
    return (
        pl.when(blocked.fill_null(value=False))
        .then(pl.lit("blocked"))
        .when(alert == "allowed")
        .then(pl.lit("allowed"))
        .otherwise(pl.lit("unknown"))
    )


def _url() -> pl.Expr:
    name, url, port = pl.col("http.hostname"), pl.col("http.url"), pl.col("http.http_port").fill_null("80")
    bare = port.is_in(["80", "443"]) | name.str.contains(":", literal=True)
    behind = pl.when(bare).then(pl.lit("")).otherwise(":" + port)
    path = url.str.starts_with("/") & (name != "")
    return pl.when(path).then(pl.concat_str(pl.lit("http://"), name, behind, url)).otherwise(url)


def _answer() -> pl.Expr:
    grouped = pl.concat_str(
        (_filled(f"dns.grouped.{kind}") for kind in ("CNAME", "A", "AAAA")), separator=", ", ignore_nulls=True
    )
    return pl.coalesce(_filled("dns.answers.*.rdata"), pl.when(grouped != "").then(grouped), _filled("dns.rdata"))


def _lookup(name: str, read: Callable[[str], Row], *more: str) -> Lookup:
    dtypes = dict.fromkeys((name, *more), pl.String())
    return Lookup(f"{name} text", lambda text: read(text) if text else (None,) * len(dtypes), dtypes)


_LOOKUPS = [
    _lookup("client_ip", lambda text: (address(text),)),
    _lookup("dest_ip", lambda text: (address(text),)),
    _lookup("protocol", lambda text: (text.lower(),)),
    _lookup("host", lambda text: (authority(text).host,)),
    _lookup("user", user, "user_domain"),
    Lookup("mac text", lambda text: (mac(text),), {"client_mac": pl.String()}),
    _lookup("query", lambda text: (text.lower().removesuffix(".") or ".",)),
    _lookup("query_type", lambda text: (text.upper(),)),
    _lookup("rcode", lambda text: (text.upper(),)),
]
