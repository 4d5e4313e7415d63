"""What each code of squid's ``logformat`` says (its role in an event) and what its text looks like (its shape).

Source: TAG logformat in squid.conf (squid 5.7).  Codes without a role are read over: what they say has no event
column, or must not be stored (``credentials`` is the password).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """What a field's text looks like."""

    ADDRESS = r"(?:[0-9A-Fa-f:.]+(?:%[0-9A-Za-z]+)?|-)"
    NUMBER = r"(?:-?[0-9]+|-)"
    SECONDS = r"[0-9]{9,10}"
    MILLIS = r"[0-9]{1,3}"
    INSTANT = r"(?:[0-9]{9,10}\.[0-9]{1,6}|-)"
    STATUS = r"(?:[0-9]{1,3}|-)"
    VERSION = r"(?:[0-9]{1,2}(?:\.[0-9]{1,2})?|-)"
    PROTOCOL = r"[A-Z]{2,8}/[0-9]{1,2}(?:\.[0-9]{1,2})?"
    RESULT = r"(?:[A-Z][A-Z0-9_]*|-)"
    TIME = "time"
    """The argument says what; see ``logformat_times``."""
    WORD = "word"
    """No blank and no quote."""
    URL = "url"
    """No blank but with ``uri_whitespace allow``; quotes stand as they are."""
    FREE = "free"
    """Anything: what a client or a server chooses."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says and looks like.

    Attributes:
        role: What of an event it feeds; null for nothing.
        shape: What its text looks like.
        rank: Of two codes with one role the lower is taken.
    """

    role: str | None
    shape: Shape
    rank: int = 0


UNKNOWN = Code(None, Shape.FREE)

CODES: Mapping[str, Code] = {
    "ts": Code("seconds", Shape.SECONDS),
    "tu": Code("millis", Shape.MILLIS),
    "tS": Code("start", Shape.INSTANT),
    "tl": Code("local", Shape.TIME),
    "tg": Code("gmt", Shape.TIME),
    "tr": Code("elapsed", Shape.NUMBER),
    "dt": Code(None, Shape.NUMBER),
    ">a": Code("client", Shape.ADDRESS),
    ">A": Code("client", Shape.WORD, 1),
    ">p": Code("client_port", Shape.NUMBER),
    ">eui": Code("mac", Shape.WORD),
    "<a": Code("peer", Shape.WORD),
    "<A": Code("peer", Shape.WORD, 1),
    "<p": Code("peer_port", Shape.NUMBER),
    ">la": Code(None, Shape.WORD), ">lp": Code(None, Shape.NUMBER), "la": Code(None, Shape.WORD),
    "lp": Code(None, Shape.NUMBER), "<la": Code(None, Shape.WORD), "<lp": Code(None, Shape.NUMBER),
    ">qos": Code(None, Shape.WORD), "<qos": Code(None, Shape.WORD), ">nfmark": Code(None, Shape.WORD),
    "<nfmark": Code(None, Shape.WORD), ">handshake": Code(None, Shape.WORD),
    "un": Code("user", Shape.FREE),
    "ul": Code("user", Shape.FREE, 1),
    "ue": Code("user", Shape.FREE, 2),
    "us": Code("user", Shape.FREE, 3),
    "ui": Code("user", Shape.WORD, 4),
    "credentials": UNKNOWN, "et": UNKNOWN, "ea": UNKNOWN, "note": UNKNOWN,
    "Ss": Code("result", Shape.RESULT),
    "Sh": Code(None, Shape.RESULT),
    "err_code": Code("error", Shape.WORD),
    "err_detail": UNKNOWN,
    ">Hs": Code("status", Shape.STATUS), "Hs": Code("status", Shape.STATUS, 1), "<Hs": Code(None, Shape.STATUS),
    "rm": Code("method", Shape.WORD, 1), ">rm": Code("method", Shape.WORD), "<rm": Code("method", Shape.WORD, 2),
    "ru": Code("url", Shape.URL, 1), ">ru": Code("url", Shape.URL), "<ru": Code("url", Shape.URL, 2),
    "rp": Code("path", Shape.URL, 1), ">rp": Code("path", Shape.URL), "<rp": Code("path", Shape.URL, 2),
    ">rs": Code("scheme", Shape.WORD), "<rs": Code("scheme", Shape.WORD, 1),
    ">rd": Code("domain", Shape.WORD), "<rd": Code("domain", Shape.WORD, 1),
    ">rP": Code("port", Shape.NUMBER), "<rP": Code("port", Shape.NUMBER, 1),
    "squid::protocol": Code(None, Shape.PROTOCOL),
    "rv": Code(None, Shape.VERSION), ">rv": Code(None, Shape.VERSION), "<rv": Code(None, Shape.VERSION),
    ">h": UNKNOWN, ">ha": UNKNOWN, "<h": UNKNOWN,
    "mt": Code("mime", Shape.WORD),
    "<st": Code("size_in", Shape.NUMBER), ">st": Code("size_out", Shape.NUMBER), "st": Code(None, Shape.NUMBER),
    ">sh": Code(None, Shape.NUMBER), "<sh": Code(None, Shape.NUMBER), "<sH": Code(None, Shape.NUMBER),
    "<sS": Code(None, Shape.NUMBER), "<bs": Code(None, Shape.NUMBER), "<pt": Code(None, Shape.NUMBER),
    "<tt": Code(None, Shape.NUMBER), "sn": Code(None, Shape.NUMBER), "master_xaction": Code(None, Shape.NUMBER),
    "ssl::bump_mode": Code(None, Shape.WORD), "ssl::>sni": Code("sni", Shape.WORD),
    "ssl::>cert_subject": UNKNOWN, "ssl::>cert_issuer": UNKNOWN, "ssl::<cert_subject": UNKNOWN,
    "ssl::<cert_issuer": UNKNOWN, "ssl::<cert": UNKNOWN, "ssl::<cert_errors": UNKNOWN,
    "ssl::>negotiated_version": Code(None, Shape.WORD), "ssl::<negotiated_version": Code(None, Shape.WORD),
    "ssl::>received_hello_version": Code(None, Shape.WORD), "ssl::<received_hello_version": Code(None, Shape.WORD),
    "ssl::>received_supported_version": Code(None, Shape.WORD),
    "ssl::<received_supported_version": Code(None, Shape.WORD),
    "ssl::>negotiated_cipher": Code(None, Shape.WORD), "ssl::<negotiated_cipher": Code(None, Shape.WORD),
    "icap::tt": Code(None, Shape.NUMBER), "adapt::all_trs": UNKNOWN, "adapt::sum_trs": UNKNOWN,
    "adapt::<last_h": UNKNOWN,
}  # fmt: skip
"""``squid::protocol`` is ours: the built-in formats write ``NONE/0.0`` where their definition says ``HTTP/%rv``.
The original URL (``>ru``) goes before the one that a redirector made of it: it is what was asked."""

HEADERS: Mapping[tuple[str, str], str] = {
    (">", "user-agent"): "agent",
    (">", "referer"): "referrer",
    (">", "host"): "host",
}
"""Roles of single header fields, by direction and name; others (``Authorization``) go nowhere."""
