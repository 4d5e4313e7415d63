"""The frames that flow through filterwatch: columns, types, units and what null means.

An *event* is one thing a device did, or one thing that happened to the filter.  Everywhere in these frames
null means "the log does not say": never 0, never ``""`` where absence matters.

Frames may leave out columns that are null throughout; :func:`complete` puts them back (as constants, so it
costs nothing) for code that needs them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

ACTIONS = ("allowed", "blocked", "auth_required", "rewritten", "error", "unknown")
"""What the filter itself decided; never read from an HTTP status alone."""

KINDS = ("http", "dns", "flow", "control", "lease", "auth")
SEARCH_KINDS = ("web", "image", "video", "news", "shopping", "assistant", "social")
"""What is searched for; ``assistant`` is a question to an AI, ``web`` all that is none of the others."""

SAFE_SEARCH = ("on", "blur", "off")
"""What a URL may say of an engine's safe search; most say nothing."""

IDENTITIES = ("authenticated", "lease", "address", "unknown")
"""How surely the person is known, surest first."""

GROUPS = ("pupils", "staff", "governors", "guests", "system", "unknown")
LEVELS = ("informational", "low", "medium", "high", "critical")
"""Sigma's five levels, least first: an Enum of them compares in this order."""

OUTCOMES = ("breach", "welfare", "advisory", "technical")
CONTROL_EVENTS = (
    "filter_stopped",
    "filter_started",
    "filter_disabled",
    "filter_enabled",
    "config_changed",
    "exemption_added",
    "exemption_removed",
)

CATEGORIES = (
    "csam", "extremism", "adult", "adult_extreme", "hate", "discrimination", "violence", "bullying",
    "grooming", "self_harm", "suicide", "drugs", "weapons", "illegal_acts", "gambling", "malware",
    "bypass", "piracy", "file_sharing", "data_leak", "social_media", "chat", "dating", "games", "video",
    "webmail", "business", "generative_ai", "misinformation", "plagiarism", "software_download",
    "bandwidth", "ethos",
)  # fmt: skip
BYPASS_KINDS = (
    "vpn", "web_proxy", "doh", "dot", "foreign_dns", "tor", "direct_ip", "dns_tunnel", "private_relay",
    "remote_access", "unblocker",
)  # fmt: skip
CATEGORY_WORDS = (*CATEGORIES, *(f"bypass.{kind}" for kind in BYPASS_KINDS))
"""Every word that may stand in the column ``categories``; a bypass kind always stands beside ``bypass``.
A word's position is its bit in ``category_bits`` and in the compiled category index."""

CATEGORY_BIT: Mapping[str, int] = MappingProxyType({word: 1 << n for n, word in enumerate(CATEGORY_WORDS)})

SIGNALS = ("unusual_name", "stray_name", "free_name", "platform_name", "unblocker_name")
"""What a host's name shows besides: odd (strongly, weakly); below a suffix that gives strangers names (dynamic DNS), or
that many kinds of projects share (sandboxes, hosting, delivery); or that it gave ``bypass.unblocker``, and no list."""

SIGNAL_BIT: Mapping[str, int] = MappingProxyType({signal: 1 << (63 - n) for n, signal in enumerate(SIGNALS)})
"""Bits of ``category_bits`` that are no category: nothing by themselves, kept in no archive; detectors add to them."""

TIME = pl.Datetime("us", "UTC")
ACTION = pl.Enum(ACTIONS)
KIND = pl.Enum(KINDS)
IDENTITY = pl.Enum(IDENTITIES)
GROUP = pl.Enum(GROUPS)
LEVEL = pl.Enum(LEVELS)
OUTCOME = pl.Enum(OUTCOMES)
CONTROL_EVENT = pl.Enum(CONTROL_EVENTS)

DataType = pl.DataType | pl.datatypes.DataTypeClass
"""What polars takes for a type: an instance or a class."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the event frame.

    Attributes:
        dtype: Its Polars type.
        meaning: What it says, with unit and zone.
        stage: Who fills it: ``decode``, ``enrich`` or ``evidence``.
    """

    dtype: DataType
    meaning: str
    stage: str = "decode"


EVENT_COLUMNS: Mapping[str, Column] = MappingProxyType({
    "time": Column(TIME, "when the log says it happened, UTC; for squid the end of the request"),
    "site": Column(pl.String, "which school or building, from the configuration", "evidence"),
    "source": Column(pl.String, "name of the source in the configuration", "evidence"),
    "kind": Column(KIND, "http, dns, flow, control, lease or auth"),
    "client_ip": Column(pl.String, "address of the device that asked, canonical text"),
    "client_port": Column(pl.Int32, "its port"),
    "client_mac": Column(pl.String, "its hardware address, lower case with colons"),
    "user": Column(pl.String, "the name in the log, without its domain"),
    "user_domain": Column(pl.String, "DOMAIN of DOMAIN\\user, or the realm"),
    "host": Column(pl.String, "host asked for, as the log has it, lower case"),
    "url": Column(pl.String, "URL as logged; a CONNECT has host:port"),
    "method": Column(pl.String, "HTTP method"),
    "status": Column(pl.Int32, "HTTP status sent to the client"),
    "action": Column(ACTION, "the filter's own verdict"),
    "bytes_in": Column(pl.Int64, "bytes to the client: download"),
    "bytes_out": Column(pl.Int64, "bytes from the client: upload"),
    "duration_ms": Column(pl.Int64, "how long it took, milliseconds"),
    "dest_ip": Column(pl.String, "address it went to, canonical text"),
    "dest_port": Column(pl.Int32, "port it went to"),
    "protocol": Column(pl.String, "transport: tcp, udp, icmp, ..., lower case"),
    "query": Column(pl.String, "DNS name asked for, lower case, no trailing dot; the root is '.'"),
    "query_type": Column(pl.String, "DNS record type, upper case"),
    "rcode": Column(pl.String, "DNS answer code, upper case"),
    "answer": Column(pl.String, "DNS answer"),
    "filter_category": Column(pl.String, "category in the filter's own words"),
    "filter_rule": Column(pl.String, "the filter's rule, list or prefix that decided"),
    "filter_reason": Column(pl.String, "the filter's reason or result code"),
    "mime_type": Column(pl.String, "media type"),
    "user_agent": Column(pl.String, "the client's own description of itself"),
    "referrer": Column(pl.String, "page that led here"),
    "control_event": Column(CONTROL_EVENT, "what happened to the filter itself"),
    "control_service": Column(pl.String, "to which service: squid, dnsmasq, ..."),
    "started": Column(TIME, "when the request began: time less duration_ms; rules judge by it", "enrich"),
    "person": Column(pl.String, "who, from the roster or the proxy user, case-folded", "enrich"),
    "group": Column(GROUP, "pupils, staff, governors, guests, system or unknown", "enrich"),
    "year": Column(pl.String, "year group from the roster, e.g. '5'", "enrich"),
    "device": Column(pl.String, "stable name of the device: lease name, hardware address or address", "enrich"),
    "device_class": Column(pl.String, "kind of device from the configuration: individual, projector, ...", "enrich"),
    "identity": Column(IDENTITY, "how surely the person is known", "enrich"),
    "domain": Column(pl.String, "registrable domain of host or query; null for addresses and bare suffixes", "enrich"),
    "search_terms": Column(pl.String, "what was typed into a search engine, blanks folded", "enrich"),
    "categories": Column(pl.List(pl.String), "category ids (and bypass kinds) the lists give the host", "enrich"),
    "local_date": Column(pl.Date, "date of `started` in the school's zone", "enrich"),
    "local_minute": Column(pl.Int16, "minutes since local midnight of `started`, 0 to 1439", "enrich"),
    "local_time": Column(pl.Time, "exact local time of day of `started`: windows with seconds need it", "enrich"),
    "weekday": Column(pl.Int8, "1 = Monday to 7 = Sunday, local", "enrich"),
    "in_school_hours": Column(pl.Boolean, "in the calendar's hours on a school day", "enrich"),
    "counted": Column(pl.Boolean, "false where another line already counts the same request", "enrich"),
    "request_key": Column(pl.String, "the same for all lines of one request in a stream, where the format has one"),
    "stream": Column(pl.String, "identity of the file or socket the line was read from", "evidence"),
    "line_offset": Column(pl.Int64, "byte offset of the line's first byte in its stream", "evidence"),
    "line_length": Column(pl.Int32, "bytes of the line without its line end", "evidence"),
})  # fmt: skip

_EVENT: dict[str, DataType] = {name: column.dtype for name, column in EVENT_COLUMNS.items()}
EVENT_SCHEMA = pl.Schema(_EVENT)
_DECODED: dict[str, DataType] = {name: dtype for name, dtype in _EVENT.items() if EVENT_COLUMNS[name].stage == "decode"}
DECODED_SCHEMA = pl.Schema(_DECODED)
"""What a decoder may set.  Its frames also carry ``line`` (UInt32): the line's index in the batch."""

_DETECTION: dict[str, DataType] = {
    "id": pl.String,  # 32 hex digits over site, source, stream, line_offset and rule: the same after a replay
    "time": TIME,  # `started` of the event (the last one, for a threshold)
    "rule": pl.String,
    "rule_version": pl.String,  # first 12 hex digits of SHA-256 over the rule's canonical text
    "level": LEVEL,
    "category": pl.String,
    "kind": pl.String,  # bypass kind, control event or null
    "outcome": OUTCOME,
    "person": pl.String,
    "user": pl.String,
    "group": GROUP,
    "device": pl.String,
    "identity": IDENTITY,
    "client_ip": pl.String,
    "host": pl.String,
    "action": ACTION,
    "reason": pl.String,  # one sentence for people: which condition held and on what list or pack
    "matched": pl.String,  # the text that a condition matched; never leaves the gateway
    "count": pl.Int64,  # events behind it: 1, or what a threshold counted
    "site": pl.String,
    "source": pl.String,
    "stream": pl.String,  # identity of the file or socket, as in its checkpoint
    "line_offset": pl.Int64,
    "line_length": pl.Int32,
    "in_school_hours": pl.Boolean,
}
DETECTION_SCHEMA = pl.Schema(_DETECTION)
"""One row per rule that held for one event (or for one threshold crossing).  Policy and detectors make it,
the journal keeps it, alerts read it."""


def column(frame: pl.DataFrame, name: str, schema: Mapping[str, DataType] = EVENT_SCHEMA) -> pl.Expr:
    """Return the column *name* of *frame*, or nulls of its type where the frame leaves it out."""
    return pl.col(name) if name in frame.columns else pl.lit(None, dtype=schema[name]).alias(name)


def complete(frame: pl.DataFrame, schema: pl.Schema = EVENT_SCHEMA) -> pl.DataFrame:
    """Return *frame* with every column of *schema*, in its order and types; absent ones are null.

    Columns that the schema does not know are kept behind.
    """
    have = frame.schema
    columns = [
        (pl.col(name).cast(dtype) if have[name] != dtype else pl.col(name))
        if name in have
        else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in schema.items()
    ]
    return frame.select(*columns, *(name for name in have if name not in schema))
