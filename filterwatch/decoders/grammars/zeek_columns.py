"""From the fields of Zeek's logs to event columns, for one line and for many.

Both take texts by field name, null where a field is unset; the values that are not told by a pattern alone come from
one function, called once per distinct text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from filterwatch.decoders.reading import MOST_DIGITS, Clock, Stamp, Value, address, mac, number, port_number, user
from filterwatch.decoders.stamps import SECOND, read_stamp
from filterwatch.decoders.tables import KNOWN, Lookup, looked_up
from filterwatch.decoders.url import SECRETS, authority, without_credentials
from filterwatch.events import DECODED_SCHEMA, DataType

_EPOCH = re.compile(r"([0-9]{9,10})(?:\.([0-9]{1,12}))?")
_SECONDS = r"^[0-9]{1,9}(?:\.[0-9]{1,24})?$"
_DURATION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,24})?")

Column = Callable[[str], tuple[Value, ...]]


def _port(text: str) -> tuple[Value, ...]:
    return (port_number(text),)


def _host(text: str) -> tuple[Value, ...]:
    return (authority(text).host,)


def _query(text: str) -> tuple[Value, ...]:
    return (text.lower() if text == "." else text.lower().removesuffix(".") or None,)


def _status(text: str) -> tuple[Value, ...]:
    value = number(text)
    return (value if value and value <= 999 else None,)


def _upper(text: str) -> tuple[Value, ...]:
    return (text.upper(),)


def _result(text: str) -> tuple[Value, ...]:
    return {"success": ("allowed",), "failed": ("auth_required",)}.get(text, ("unknown",))


@dataclass(frozen=True, slots=True)
class Taken:
    """One or more columns from the first of some fields that is set, by a function of its text."""

    columns: tuple[str, ...]
    fields: tuple[str, ...]
    read: Column


@dataclass(frozen=True, slots=True)
class Log:
    """What one of Zeek's logs says.

    Attributes:
        constant: Columns that every line has.
        taken: Columns of few distinct texts.
        counts: Column -> field of a number that is nearly always another one.
        texts: Column -> field of a text that is kept as it is.
        duration: The field of a length in seconds.
    """

    constant: Mapping[str, str]
    taken: tuple[Taken, ...]
    counts: Mapping[str, str]
    texts: Mapping[str, str]
    duration: str | None = None
    url: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that it needs."""
        names = ["ts", *(field for one in self.taken for field in one.fields), *self.counts.values()]
        names += [*self.texts.values(), *(["host", "uri", "method"] if self.url else [])]
        return tuple(dict.fromkeys([*names, *([self.duration] if self.duration else [])]))


def _address(text: str) -> tuple[Value, ...]:
    return (address(text),)


def _framed(text: str) -> tuple[Value, ...]:
    """Return the address the device was given; RFC 2865 takes two for "the access server chooses"."""
    return (None,) if text in ("255.255.255.254", "255.255.255.255") else _address(text)


_ENDS = (
    Taken(("client_ip",), ("id.orig_h", "src", "src_ip"), _address),
    Taken(("client_port",), ("id.orig_p", "src_port"), _port),
    Taken(("dest_ip",), ("id.resp_h", "dst", "dst_ip"), _address),
    Taken(("dest_port",), ("id.resp_p", "dst_port"), _port),
)
_MAC = Taken(("client_mac",), ("orig_l2_addr",), lambda text: (mac(text),))
_PROTOCOL = Taken(("protocol",), ("proto",), lambda text: (text.lower(),))
_USER = Taken(("user", "user_domain"), ("username",), user)

LOGS: Mapping[str, Log] = {
    "zeek_http": Log(
        {"kind": "http", "action": "unknown"},
        (
            *_ENDS,
            _USER,
            Taken(("host",), ("host",), _host),
            Taken(("method",), ("method",), lambda text: (text,)),
            Taken(("status",), ("status_code",), _status),
            Taken(("mime_type",), ("resp_mime_types",), lambda text: (text.partition(", ")[0] or None,)),
            Taken(("user_agent",), ("user_agent",), lambda text: (text,)),
            Taken(("referrer",), ("referrer",), lambda text: (without_credentials(text),)),
        ),
        {"bytes_in": "response_body_len", "bytes_out": "request_body_len"},
        {},
        url=True,
    ),
    "zeek_dns": Log(
        {"kind": "dns", "action": "unknown"},
        (
            *_ENDS,
            _PROTOCOL,
            Taken(("query",), ("query",), _query),
            Taken(("query_type",), ("qtype_name",), _upper),
            Taken(("rcode",), ("rcode_name",), _upper),
        ),
        {},
        {"answer": "answers"},
        "rtt",
    ),
    "zeek_conn": Log(
        {"kind": "flow", "action": "unknown"},
        (*_ENDS, _PROTOCOL, _MAC),
        {"bytes_in": "resp_bytes", "bytes_out": "orig_bytes"},
        {},
        "duration",
    ),
    "zeek_ssl": Log(
        {"kind": "flow", "action": "unknown"},
        (*_ENDS, Taken(("host",), ("server_name",), _host)),
        {},
        {},
    ),
    "zeek_dhcp": Log(
        {"kind": "lease", "action": "unknown"},
        (
            Taken(("client_ip",), ("assigned_addr", "client_addr"), _address),
            Taken(("client_mac",), ("mac",), lambda text: (mac(text),)),
            Taken(("dest_ip",), ("server_addr",), _address),
            Taken(("host",), ("host_name", "client_fqdn"), lambda text: (text.lower(),)),
            Taken(("filter_reason",), ("msg_types",), lambda text: (text.rpartition(", ")[2].lower() or None,)),
        ),
        {},
        {},
    ),
    "zeek_radius": Log(
        {"kind": "auth"},
        (
            # The other end (id.orig_h) is the access point: were it the client, everybody's name would stand for it.
            Taken(("client_ip",), ("framed_addr",), _framed),
            Taken(("client_mac",), ("mac",), lambda text: (mac(text),)),
            Taken(("dest_ip",), ("id.resp_h",), _address),
            Taken(("dest_port",), ("id.resp_p",), _port),
            _USER,
            Taken(("action",), ("result",), _result),
        ),
        {},
        {},
    ),
}


def stamp_of(text: str) -> Stamp | None:
    """Return the instant of a field ``ts``: seconds since 1970, or ISO 8601 as the JSON writer gives it."""
    found = _EPOCH.fullmatch(text)
    if found:
        return Stamp(int(found[1]) * SECOND + int(f"{found[2] or ''}000000"[:6]), Clock.UTC)
    iso = read_stamp(text) if text[4:5] == "-" and len(text) < 40 else None
    return iso[0] if iso and iso[1] == len(text) else None


def values_of(log: Log, found: Mapping[str, str]) -> dict[str, Value]:
    """Return the columns of one line from the texts of its fields."""
    values: dict[str, Value] = dict(log.constant)
    for taken in log.taken:
        text = next((found[field] for field in taken.fields if found.get(field)), None)
        values |= zip(taken.columns, taken.read(text) if text else (None,) * len(taken.columns), strict=True)
    values |= {column: number(found.get(field, "")) for column, field in log.counts.items()}
    values |= {column: found.get(field) for column, field in log.texts.items()}
    if log.duration and (length := _DURATION.fullmatch(found.get(log.duration, ""))):
        values["duration_ms"] = int(float(length[0]) * 1000 + 0.001)
    if log.url:
        values["url"] = _url(found)
    return values


def _url(found: Mapping[str, str]) -> str | None:
    uri, host = found.get("uri"), found.get("host")
    if uri and host and uri.startswith("/") and found.get("method") != "CONNECT":
        uri = f"http://{host}{uri}"
    return without_credentials(uri) if uri else None


def frame_of(log: Log, texts: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of many lines that can surely be read, their ``line``, and their stamps.

    Args:
        log: Which log.
        texts: ``line`` and a text column for each field.
    """
    epoch, fraction = pl.col("ts").str.slice(0, 10), pl.col("ts").str.slice(11, 6)
    good = pl.col("ts").str.contains(r"^[0-9]{10}(?:\.[0-9]{1,12})?$")
    us = epoch.cast(pl.Int64, strict=False) * SECOND + fraction.str.pad_end(6, "0").cast(pl.Int64, strict=False)
    columns = [us.alias("stamp_us")]
    checks = [good.fill_null(value=False)]
    for column, field in log.counts.items():
        text = pl.col(field)
        checks.append(text.str.contains(f"^[0-9]{{1,{MOST_DIGITS}}}$").fill_null(value=True))
        columns.append(text.cast(pl.Int64, strict=False).alias(column))
    if log.duration:
        text = pl.col(log.duration)
        checks.append(text.str.contains(_SECONDS).fill_null(value=True))
        milliseconds = (text.cast(pl.Float64, strict=False) * 1000 + 0.001).floor()
        columns.append(milliseconds.cast(pl.Int64, strict=False).alias("duration_ms"))
    if log.url:
        uri, host = pl.col("uri"), pl.col("host")
        whole = uri.str.starts_with("/") & host.is_not_null() & (pl.col("method").fill_null("") != "CONNECT")
        columns.append(pl.when(whole).then(pl.concat_str(pl.lit("http://"), host, uri)).otherwise(uri).alias("url"))
        checks.append(~(uri.str.contains(f"@|{SECRETS}") | host.str.contains("@", literal=True)).fill_null(value=False))
    asked = [pl.coalesce(one.fields).alias(f"asked {number}") for number, one in enumerate(log.taken)]
    columns += [pl.col(field).alias(column) for column, field in log.texts.items()]
    prepared = texts.select("line", *columns, *asked, pl.all_horizontal(checks).alias("good")).filter("good")
    lookups = [
        Lookup(f"asked {number}", _row(one), {name: _dtype(name) for name in one.columns})
        for number, one in enumerate(log.taken)
    ]
    names = [name for name in prepared.columns if name not in ("good", *(one.column for one in lookups))]
    clock = pl.lit(int(Clock.UTC), pl.UInt8).alias("stamp_clock")
    constants = [pl.lit(value, _dtype(name)).alias(name) for name, value in log.constant.items()]
    return looked_up(prepared, lookups, *(pl.col(name) for name in names), clock, *constants).drop(KNOWN)


def _row(one: Taken) -> Column:
    nothing = (None,) * len(one.columns)
    return lambda text: one.read(text) if text else nothing


def _dtype(name: str) -> DataType:
    return DECODED_SCHEMA[name]
