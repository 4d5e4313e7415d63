"""The one form of an address that somebody typed, and what was done to get it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from filterwatch import enrich
from filterwatch.enrich.hosts import BLANKS, NOT_READ, SCHEME, is_address

_PARTS = re.compile(r"^(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>(?:\?[^#]*)?)(?P<fragment>(?:#.*)?)$", re.DOTALL)
_PORT = re.compile(r"^(?P<host>.*?)(?::(?P<port>[0-9]*))?$", re.DOTALL)
_USUAL = {"http": "80", "https": "443", "ftp": "21"}
LAST_PORT = 65_535
_LONGEST_PORT = 10
"""Figures of an impossible port that are shown."""

_RANGE = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Address:
    """An address in its one form.

    Attributes:
        url: As a proxy would log it, without user, password and secrets in parameters.
        host: In its one form.
        port: Null where the address names none that there is.
        steps: What was done to what was typed, in order.
    """

    url: str
    host: str
    port: int | None
    steps: tuple[str, ...]


def read(text: str) -> Address | None:
    """Return the address that *text* means: a URL, a host, ``host:port`` or a range; null where it names no host."""
    steps: list[str] = []
    known = whole(text)
    if known != text:
        steps.append("bytes that are no UTF-8 replaced")
    typed = known.strip(BLANKS).translate(NOT_READ)
    if typed != known:
        steps.append("blanks and line ends dropped")
    if (first := _first_of_range(typed)) is not None:
        typed = first
        steps.append("a range of addresses: its first one is asked for")
    host = enrich.host_of(typed)
    if host is None:
        return None
    url, port, more = _url(typed, host)
    return Address(url, host, port, (*steps, *more))


def whole(text: str) -> str:
    """Return *text* of a command line without the halves of characters that stand for bytes which are no UTF-8."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _first_of_range(text: str) -> str | None:
    if not _RANGE.fullmatch(text):
        return None
    try:
        return str(ipaddress.ip_network(text, strict=False).network_address)
    except ValueError:
        return None


def _url(typed: str, host: str) -> tuple[str, int | None, list[str]]:
    """Return the URL, its port and the steps to it."""
    steps: list[str] = []
    head, mark, tail = typed.partition("?")
    if "\\" in head:
        steps.append("\\ read as /")
    rest = head.replace("\\", "/") + mark + tail
    found = SCHEME.match(rest)
    scheme = found[0].partition(":")[0].lower() if found else ""
    parts = _PARTS.match(rest[found.end() if found else 0 :].removeprefix("//"))
    if parts is None:  # every text has these four parts
        raise ValueError(rest)
    _, at, place = parts["authority"].rpartition("@")
    if at:
        steps.append("user name and password dropped")
    raw, port = (place, "") if place.count(":") > 1 and "]" not in place else _split(place)
    steps += _of_host(raw, host)
    if not scheme:
        scheme = "https" if port == "443" else "http"
        if parts["path"] or port:
            steps.append(f"no scheme: {scheme} taken")
    if port and port == _USUAL.get(scheme):
        port = ""
        steps.append("the scheme's own port dropped")
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}{f':{port}' if port else ''}{parts['path'] or '/'}{parts['query']}{parts['fragment']}"
    cut = _without_secrets(url)
    if cut != url:
        steps.append("secrets in it cut out, as out of every log line")
    return cut, _number(port), [*steps, *_of_port(port)]


def _number(port: str) -> int | None:
    """Return a port that there is."""
    number = int(port) if port and len(port) <= len("65535") else 0
    return number if 0 < number <= LAST_PORT else None


def _of_port(port: str) -> Iterator[str]:
    if port and _number(port) is None:
        yield f"no port {port[:_LONGEST_PORT]} exists: no browser asks for this address"


def search_url(words: str) -> str:
    """Return the address of a search for *words*, as the best known engine writes it."""
    return f"https://www.google.com/search?q={quote(whole(words))}"


def _split(place: str) -> tuple[str, str]:
    found = _PORT.match(place)
    return (found["host"], found["port"] or "") if found else (place, "")


def _of_host(raw: str, host: str) -> Iterator[str]:
    """Yield what lies between *raw* and its one form *host*."""
    bare = raw.strip("[]")
    if "%" in bare:
        yield "percent-escapes in the host undone"
    if not bare.isascii():
        yield (
            "letters beyond a to z written as they travel (xn--)"
            if "xn--" in host
            else "letters of other forms made plain"
        )
    elif bare != bare.lower():
        yield "capitals made small"
    if bare.endswith("."):
        yield "dot at the end dropped"
    if is_address(host) and bare.lower().rstrip(".") != host and "%" not in bare and bare.isascii():
        yield "an IP address in its usual form"


def _without_secrets(url: str) -> str:
    if "=" not in url and "%3" not in url and "@" not in url:
        return url
    from filterwatch.decoders.url import without_credentials  # noqa: PLC0415 - all decoders come with it

    return without_credentials(url)
