"""From the texts of a line to the values of event columns, many at once.

A conversion is a function from one text column to one or more value columns.  What nearly always looks the same is an
expression; what does not is asked of the exact function once for each distinct text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import polars as pl

from filterwatch.decoders import url
from filterwatch.decoders.fieldmap import PROTOCOLS
from filterwatch.decoders.reading import IPV4, Value, address, mac, user
from filterwatch.events import CONTROL_EVENT, DECODED_SCHEMA, DataType

Convert = Callable[[pl.Series], pl.DataFrame]
"""From texts (null where there is none) to columns; the first is named ``value``, others by their event column."""

_CREDENTIALS = r"://[^/?#\s]*@"
_PLAIN_URL = r"^[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)(?::([0-9]{1,4}))?(?:[/?#]|$)"
_ENDPOINT = re.compile(r"\[?(?P<host>[^\]]*?)\]?[:#](?P<port>\d{1,5})")


def distinct(texts: pl.Series, read: Callable[[str], Value], dtype: DataType) -> pl.Series:
    """Return what *read* says of each text, asked once for each distinct one."""
    words = texts.drop_nulls().unique()
    values = pl.Series([read(word) for word in words.to_list()], dtype=dtype)
    return texts.replace_strict(words, values, default=None, return_dtype=dtype)


def _one(values: pl.Series) -> pl.DataFrame:
    return values.alias("value").to_frame()


def _of(read: Callable[[str], Value], dtype: DataType = pl.String) -> Convert:
    return lambda texts: _one(distinct(texts, read, dtype))


def _expr(make: Callable[[pl.Expr], pl.Expr]) -> Convert:
    return lambda texts: texts.alias("value").to_frame().select(make(pl.col("value")).alias("value"))


def _addresses(texts: pl.Series) -> pl.DataFrame:
    frame = texts.alias("text").to_frame().with_columns(plain=pl.col("text").str.contains(IPV4))
    odd = frame.select(pl.when(~pl.col("plain")).then("text")).to_series()
    if odd.null_count() == len(odd):
        return _one(texts)
    other = distinct(odd, lambda text: address(text.strip("[] ")), pl.String)
    return frame.select(value=pl.when("plain").then("text").otherwise(other))


def _number(most: int) -> Callable[[pl.Expr], pl.Expr]:
    def convert(text: pl.Expr) -> pl.Expr:
        count = text.str.extract(r"^ *([0-9]{1,18})(?:\.[0-9]*)? *$").cast(pl.Int64)
        return pl.when(count <= most).then(count)

    return convert


def _milliseconds(text: pl.Expr) -> pl.Expr:
    seconds = pl.when(text.str.contains(r"^[0-9]{1,12}(?:\.[0-9]+)?$")).then(text.cast(pl.Float64, strict=False))
    return (seconds * 1000).round().cast(pl.Int64)


def _users(texts: pl.Series) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "value": distinct(texts, lambda text: user(text)[0], pl.String),
            "user_domain": distinct(texts, lambda text: user(text)[1], pl.String),
        }
    )


_COMMON_NAME = re.compile(r"(?:^|[,/])\s*CN\\?=((?:[^,\\]|\\.)+)", re.IGNORECASE)


def _directory_user(text: str) -> str | None:
    r"""Return who a directory name means: ``LDAP://dc OU=..,DC=../NAME`` and ``CN=NAME,OU=..``."""
    common = _COMMON_NAME.search(text)
    if common:
        return common[1].replace("\\", "").strip() or None
    name = text.rpartition("/")[2].strip() if "://" in text else text
    return user(name.replace("\\,", ","))[0]


def _endpoints(port: str) -> Convert:
    def convert(texts: pl.Series) -> pl.DataFrame:
        def host(text: str) -> str | None:
            found = _ENDPOINT.fullmatch(text)
            return address(found["host"]) if found and not address(text) else address(text)

        def number(text: str) -> int | None:
            found = None if address(text) else _ENDPOINT.fullmatch(text)
            value = int(found["port"]) if found and address(found["host"]) else None
            return value if value is not None and value <= 65_535 else None

        return pl.DataFrame({"value": distinct(texts, host, pl.String), port: distinct(texts, number, pl.Int32)})

    return convert


def authority(text: str) -> url.Authority:
    """Return whom a URL, ``host:port`` or ``host/path`` asks; nobody for a path."""
    if "://" in text[:32]:
        return url.asked(text, "")
    return url.NOBODY if text[:1] in ("/", "?", "") or " " in text else url.asked(text, "CONNECT")


def _urls(texts: pl.Series) -> pl.DataFrame:
    clean = pl.col("text").str.replace_all(_CREDENTIALS, "://***@")
    frame = texts.alias("text").to_frame().select(value=clean, plain=pl.col("text").str.extract_groups(_PLAIN_URL))
    frame = frame.unnest("plain").rename({"1": "host", "2": "port"})
    odd = frame.select(pl.when(pl.col("host").is_null()).then("value")).to_series()
    plain = frame.select(
        "value",
        host=pl.when(~pl.col("host").str.contains(r"^[0-9.]+$")).then(pl.col("host").str.to_lowercase()),
        dest_port=pl.col("port").cast(pl.Int32),
        numeric=pl.when(pl.col("host").str.contains(r"^[0-9.]+$")).then("value"),
    )
    asked = odd.fill_null(plain["numeric"])
    if asked.null_count() == len(asked):
        return plain.select("value", "host", "dest_port", dest_ip=pl.lit(None, pl.String))
    return plain.select(
        "value",
        pl.coalesce("host", distinct(asked, lambda text: authority(text).host, pl.String)).alias("host"),
        pl.coalesce("dest_port", distinct(asked, lambda text: authority(text).port, pl.Int32)).alias("dest_port"),
        distinct(asked, lambda text: authority(text).ip, pl.String).alias("dest_ip"),
    )


def _host(text: str) -> str | None:
    found = authority(text).host if "/" in text or ":" in text else text.lower()
    return (found or "").rstrip(".") or None


def _protocol(text: str) -> str:
    return PROTOCOLS.get(text, text.lower())


def _name(text: pl.Expr) -> pl.Expr:
    name = text.str.strip_chars("[] ").str.to_lowercase()
    return pl.when(name == ".").then(name).otherwise(name.str.strip_chars_end("."))


def _control(text: pl.Expr) -> pl.Expr:
    return text.cast(CONTROL_EVENT, strict=False)


CONVERSIONS: Mapping[str, Convert] = {
    "text": _one,
    "lower": _expr(lambda text: text.str.to_lowercase()),
    "upper": _expr(lambda text: text.str.to_uppercase()),
    "clean": _expr(lambda text: text.str.replace_all(_CREDENTIALS, "://***@")),
    "unquoted": _of(unquote),
    "number": _expr(_number(10**18)),
    "port": _expr(_number(65_535)),
    "status": _expr(_number(999)),
    "seconds": _expr(_milliseconds),
    "address": _addresses,
    "mac": _of(mac),
    "protocol": _of(_protocol),
    "user": _users,
    "directory_user": _of(_directory_user),
    "client": _endpoints("client_port"),
    "dest": _endpoints("dest_port"),
    "url": _urls,
    "host": _of(_host),
    "name": _expr(_name),
    "control_event": _expr(_control),
}
"""``seconds`` gives milliseconds; ``unquoted`` decodes %20; ``client`` and ``dest`` read address:port."""

BY_COLUMN: Mapping[str, str] = {
    **{name: "text" for name in DECODED_SCHEMA if name not in ("time", "kind", "action")},
    "client_ip": "address", "client_port": "port", "client_mac": "mac", "user": "user", "host": "host", "url": "url",
    "method": "upper", "status": "status", "bytes_in": "number", "bytes_out": "number", "duration_ms": "number",
    "dest_ip": "address", "dest_port": "port", "protocol": "protocol", "query": "name", "query_type": "upper",
    "rcode": "upper", "mime_type": "text", "user_agent": "clean", "referrer": "clean", "control_event": "control_event",
    "client": "client", "dest": "dest", "request_key": "text",
}  # fmt: skip
"""Columns a field map may fill, and how; ``client`` and ``dest`` fill address and port from one text."""

OWN_COLUMN = {"client": "client_ip", "dest": "dest_ip"}
