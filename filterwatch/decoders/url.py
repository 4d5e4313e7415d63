"""What a URL in a log says: host, port, and credentials that must go.

Squid writes the request as it was sent: absolute (``http://host/path``), ``host:port`` for CONNECT, or an error word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

import polars as pl

from filterwatch.decoders.reading import MOST_PORT, address, port_number

_CREDENTIALS = re.compile(r"://[^/?#\s]*@")
_CONNECT_CREDENTIALS = re.compile(r"^[^/?#\s]*@(?=[^/?#@\s]+(?:[/?#]|$))")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+._-]*://")
_END = re.compile(r"[/?#]")
_NAMED_PLAINLY = r"^(?:[a-z]|[0-9][0-9.]*[a-z_-])[a-z0-9._-]*(?::[0-9]{1,5})?$"
"""A host with a letter, a dash or an underscore: no address of version 4."""

_SIGNS = r"(?i)pass|pwd|secret|token|api_?key|%40"
"""What every text with a match of :data:`SECRETS` holds; told five times as fast."""
NAMED: Final = r"(?i)(password|passwd|passphrase|secret|token|api_?key|(?:^|[^a-z])(?:pass|pwd))(=|%3D)"
"""The name of a parameter for a password, and its sign."""
ENCODED: Final = r"(?i)(%3A%2F%2F)(?:[^%/?#& \t\"']|%(?:[0-14-9A-F][0-9A-F]|2[0-24-9A-E]|3[0-9A-E]))*(%40)"
"""``user:password@`` in a percent-encoded URL inside another; its escaped slash, question mark and hash end it."""
SECRETS: Final = NAMED + r"[^&# \t\"']+|" + ENCODED.removeprefix("(?i)")
"""Parameters named like passwords, and :data:`ENCODED`; for this language's engine and for Polars'."""
CUT: Final = "${1}${2}${3}***${4}"
"""What Polars puts in place of :data:`SECRETS`."""
_SECRETS = re.compile(SECRETS)
BRACKETED: Final = (
    r"(?i)((?:passw(?:or)?d|passphrase|passcode|pwd|secret|token|psk|\bkey|[_-]key)[0-9]*)\[[^\]]*(?:\]|$)"
)
"""``passwd[x]``, in which FortiOS writes what an admin changed."""


class Authority(NamedTuple):
    """Who a URL asks: host (lower case, no brackets), port, and the host as an address where it is one."""

    host: str | None = None
    port: int | None = None
    ip: str | None = None


NOBODY = Authority()


def without_credentials(url: str) -> str:
    """Return *url* with ``user:password@`` cut to ``***@``, also in a URL inside it, and passwords in parameters."""
    return _SECRETS.sub(r"\1\2\3***\4", _CREDENTIALS.sub("://***@", url) if "@" in url else url)


def without_secrets(urls: pl.Series) -> pl.Series:
    """Return *urls* with passwords in parameters and in encoded URLs cut, as :func:`without_credentials` does."""
    places = urls.str.contains(_SIGNS).arg_true()
    if not len(places):
        return urls
    return urls.clone().scatter(places, urls.gather(places).str.replace_all(SECRETS, CUT))


def without_connect_credentials(target: str) -> str:
    """Return the ``host:port`` of a CONNECT with ``user:password@`` cut to ``***@``."""
    return _CONNECT_CREDENTIALS.sub("***@", target) if "@" in target else target


@lru_cache(maxsize=65_536)
def authority(text: str) -> Authority:
    """Return host and port of ``[user@]host[:port]``."""
    text = text.rpartition("@")[2]
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return NOBODY
        digits = rest[1:]
    else:
        host, _, digits = text.rpartition(":")
        if not host:
            host, digits = (digits, "") if ":" not in text else ("", "")
    if not host or " " in host:
        return NOBODY
    ip = address(host)
    return Authority(ip if ip and ":" in ip else host.lower(), port_number(digits), ip)


def plain_authorities(texts: pl.Series) -> tuple[list[pl.Series], pl.Series]:
    """Return host, port and address of many texts as :func:`authority` gives them, and for which of them that is sure.

    Sure are plain names with or without a port, nearly all that a log holds.
    """
    sure = texts.str.contains(_NAMED_PLAINLY) & ~texts.str.starts_with("error:")
    parts = texts.str.splitn(":", 2).struct
    port = parts.field("field_1").cast(pl.Int32, strict=False)
    address_ = pl.Series("ip", [None], dtype=pl.String).new_from_index(0, len(texts))
    return [parts.field("field_0"), port.set(port > MOST_PORT, None), address_], sure


def asked(url: str, method: str) -> Authority:
    """Return whom the request *method* *url* asks; nobody for a relative URL or squid's ``error:`` words."""
    scheme = _SCHEME.match(url)
    if scheme:
        return authority(_END.split(url[scheme.end() :], maxsplit=1)[0])
    if method == "CONNECT" and not url.startswith("error:"):
        return authority(_END.split(url, maxsplit=1)[0])
    return NOBODY
