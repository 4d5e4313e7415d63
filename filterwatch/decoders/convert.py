"""From the texts of a line to the values of event columns, many at once.

A conversion is an expression where texts nearly always look the same, and a function asked once for each distinct text
for those that do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import polars as pl

from filterwatch.decoders import url
from filterwatch.decoders.reading import IPV4, PROTOCOLS, address, mac, port_number, user
from filterwatch.decoders.tables import Row
from filterwatch.events import CONTROL_EVENT, DECODED_SCHEMA, DataType

_CREDENTIALS = r"://[^/?#\s]*@"
_PLAIN_URL = r"^[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.[A-Za-z][A-Za-z0-9-]*)(?:[/?#]|$)"
_ENDPOINT = re.compile(r"\[?(?P<host>[^\]]*?)\]?[:#](?P<port>\d{1,5})")

Texts = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True, slots=True)
class Conversion:
    """From a text to one value or several.

    Attributes:
        exact: The values of one text; null where *values* serves for all texts.
        plain: Which texts need no asking; null for none.
        values: The values of a plain text.
        beside: Event columns that the second and further values are for, with their types.
    """

    exact: Callable[[str], Row] | None = None
    plain: Texts | None = None
    values: Callable[[pl.Expr], tuple[pl.Expr, ...]] | None = None
    beside: Mapping[str, DataType] | None = None


def _expression(values: Texts) -> Conversion:
    return Conversion(values=lambda text: (values(text),))


def _asked(read: Callable[[str], str | int | None]) -> Conversion:
    return Conversion(lambda text: (read(text),))


def _count(most: int) -> Texts:
    def convert(text: pl.Expr) -> pl.Expr:
        count = text.str.extract(r"^ *([0-9]{1,18})(?:\.[0-9]*)? *$").cast(pl.Int64)
        return pl.when(count <= most).then(count)

    return convert


def _milliseconds(text: pl.Expr) -> pl.Expr:
    seconds = pl.when(text.str.contains(r"^[0-9]{1,12}(?:\.[0-9]+)?$")).then(text.cast(pl.Float64, strict=False))
    return (seconds * 1000).round().cast(pl.Int64)


def _name(text: pl.Expr) -> pl.Expr:
    name = text.str.strip_chars("[] ").str.to_lowercase()
    return pl.when(name == ".").then(name).otherwise(name.str.strip_chars_end("."))


def _clean(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(_CREDENTIALS, "://***@").str.replace_all(url.SECRETS, url.CUT)


def _masked(text: pl.Expr) -> pl.Expr:
    """Cut what stands in brackets behind a word for passwords, as FortiOS writes changes, and what URLs leak."""
    return _clean(text).str.replace_all(url.BRACKETED, "${1}[***]")


def _address(text: str) -> Row:
    return (address(text.strip("[] ")),)


_COMMON_NAME = re.compile(r"(?:^|[,/])\s*CN\\?=((?:[^,\\]|\\.)+)", re.IGNORECASE)


def _directory_user(text: str) -> str | None:
    r"""Return who a directory name means: ``LDAP://dc OU=..,DC=../NAME`` and ``CN=NAME,OU=..``."""
    common = _COMMON_NAME.search(text)
    if common:
        return common[1].replace("\\", "").strip() or None
    name = text.rpartition("/")[2].strip() if "://" in text else text
    return user(name.replace("\\,", ","))[0]


_BARE_MAC = re.compile(r"[0-9A-Fa-f]{12}|[0-9A-Fa-f]{4}(?:[.-][0-9A-Fa-f]{4}){2}")


def _mac(text: str) -> str | None:
    """Return a hardware address, also where its bytes are not apart or in pairs."""
    if not _BARE_MAC.fullmatch(text):
        return mac(text)
    digits = text.replace(".", "").replace("-", "")
    return mac(":".join(digits[at : at + 2] for at in range(0, 12, 2)))


def _endpoint(text: str) -> Row:
    whole = address(text)
    if whole:
        return whole, None
    found = _ENDPOINT.fullmatch(text)
    host = address(found["host"]) if found else None
    return host, port_number(found["port"]) if found and host else None


def authority(text: str) -> url.Authority:
    """Return whom a URL, ``host:port`` or ``host/path`` asks; nobody for a path."""
    if "://" in text[:32]:
        return url.asked(text, "")
    return url.NOBODY if text[:1] in ("/", "?", "") or " " in text.partition("/")[0] else url.asked(text, "CONNECT")


def _url(text: str) -> Row:
    whom = authority(text)
    clean = url.without_credentials(text)
    bare = "://" not in text[:32] and text[:1] not in ("/", "?")
    return url.without_connect_credentials(clean) if bare else clean, whom.host, whom.port, whom.ip


def _open(text: pl.Expr) -> pl.Expr:
    """Return which texts have no parameter named like a password."""
    return ~text.str.contains(url.SECRETS)


def _plain_url(text: pl.Expr) -> tuple[pl.Expr, ...]:
    return text, text.str.extract(_PLAIN_URL).str.to_lowercase(), pl.lit(None, pl.Int32), pl.lit(None, pl.String)


def _host(text: str) -> str | None:
    found = authority(text).host if "/" in text or ":" in text else text.lower()
    return (found or "").rstrip(".") or None


CONVERSIONS: Mapping[str, Conversion] = {
    "text": _expression(lambda text: text),
    "lower": _expression(lambda text: text.str.to_lowercase()),
    "upper": _expression(lambda text: text.str.to_uppercase()),
    "clean": _expression(_clean),
    "masked": _expression(_masked),
    "unquoted": _asked(unquote),
    "number": _expression(_count(10**18)),
    "port": _expression(_count(65_535)),
    "status": _expression(_count(999)),
    "seconds": _expression(_milliseconds),
    "address": Conversion(_address, lambda text: text.str.contains(IPV4), lambda text: (text,)),
    "mac": _asked(_mac),
    "protocol": _asked(lambda text: PROTOCOLS.get(text, text.lower())),
    "user": Conversion(user, beside={"user_domain": pl.String()}),
    "directory_user": _asked(_directory_user),
    "client": Conversion(_endpoint, beside={"client_port": pl.Int32()}),
    "dest": Conversion(_endpoint, beside={"dest_port": pl.Int32()}),
    "url": Conversion(
        _url,
        lambda text: text.str.contains(_PLAIN_URL) & ~text.str.contains("@", literal=True) & _open(text),
        _plain_url,
        {"host": pl.String(), "dest_port": pl.Int32(), "dest_ip": pl.String()},
    ),
    "host": Conversion(
        lambda text: (_host(text),),
        lambda text: text.str.contains(r"^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$"),
        lambda text: (text.str.to_lowercase(),),
    ),
    "name": _expression(_name),
    "control_event": _expression(lambda text: text.cast(CONTROL_EVENT, strict=False)),
}
"""``clean`` cuts credentials from URLs, ``masked`` also those of ``passwd[x]``; ``seconds`` gives milliseconds;
``unquoted`` decodes %20; ``client`` and ``dest`` read address:port."""

BY_COLUMN: Mapping[str, str] = {
    **{name: "text" for name in DECODED_SCHEMA if name not in ("time", "kind", "action")},
    "client_ip": "address", "client_port": "port", "client_mac": "mac", "user": "user", "host": "host", "url": "url",
    "method": "upper", "status": "status", "bytes_in": "number", "bytes_out": "number", "duration_ms": "number",
    "dest_ip": "address", "dest_port": "port", "protocol": "protocol", "query": "name", "query_type": "upper",
    "rcode": "upper", "mime_type": "text", "user_agent": "clean", "referrer": "clean", "control_event": "control_event",
    "filter_reason": "masked", "client": "client", "dest": "dest", "request_key": "text",
}  # fmt: skip
"""Columns a field map may fill, and how; ``client`` and ``dest`` fill address and port from one text."""

OWN_COLUMN = {"client": "client_ip", "dest": "dest_ip"}
