"""Fetching a list: TLS verified, so many bytes, so many seconds, and no surprise on the way."""

from __future__ import annotations

import hashlib
import random
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import (
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as TooSlow
from urllib3.util import parse_url

from filterwatch import __version__
from filterwatch.clock import Clock
from filterwatch.lists.connecting import Connections, Cut, is_here, is_inside
from filterwatch.lists.unpacking import Refused

TRIES = 3
MOST_REDIRECTS = 5
CONNECT_SECONDS, READ_SECONDS = 15.0, 30.0
MOST_SECONDS = 900.0
"""Most seconds that one list may take in all: a server that sends a byte a minute must not hold up the others."""

_LATE = f"not here after {MOST_SECONDS / 60:.0f} minutes"

LONGEST_PAUSE = 60.0
"""Most seconds that are waited between two tries, whatever the server asks for."""

_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_MOVED = {301, 302, 303, 307, 308}
_BLOCK = 1 << 16


class _TryAgain(Exception):
    """It may work in a moment."""

    def __init__(self, why: str, pause: float | None = None, *, silent: bool = False) -> None:
        super().__init__(why)
        self.pause = pause
        self.silent = silent


class Failed(Refused):
    """The list could not be fetched; its text says why, without the address."""


class Silent(Failed):
    """Its server did not answer, or not in time: other lists that lie there need not be asked for in this run."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the server said of the copy we have.

    Attributes:
        etag: Its ``ETag``; empty for none.
        modified: Its ``Last-Modified``, as the server wrote it; empty for none.
    """

    etag: str = ""
    modified: str = ""

    def headers(self) -> dict[str, str]:
        """Return the headers that ask for the list only if it is another."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list that came.

    Attributes:
        size: Bytes.
        sha256: Of them.
        known: What to ask with next time.
    """

    size: int
    sha256: str
    known: Known


class Fetcher:
    """Fetches lists.

    Args:
        clock: Time, and how to wait between tries.
        allow_http: Whether a list may come without TLS; from this machine it always may.
        chance: What the pauses are drawn from.
    """

    def __init__(self, clock: Clock, *, allow_http: bool = False, chance: random.Random | None = None) -> None:
        self._clock = clock
        self._allow_http = allow_http
        self._chance = chance or random.Random()  # noqa: S311 - it only spreads load
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._connections = Connections()

    def fetch(self, address: str, into: Path, most: int, known: Known = Known()) -> Fetched | None:
        """Write what *address* gives to the file *into*.

        Args:
            address: Of the list.
            into: A new file.
            most: Bytes that are taken.
            known: What the server said of the copy we have.

        Returns:
            What came; null when the copy we have is current.

        Raises:
            Silent: Nobody answered, or what came was not here in time.
            Failed: It could not be fetched for another reason, after several tries where that may help.
            OSError: The file cannot be written.
        """
        deadline = self._clock.monotonic() + MOST_SECONDS
        try:
            with self._connections.at_most(MOST_SECONDS):
                return self._tried(address, into, most, known, deadline)
        except Cut:
            raise Silent(_LATE) from None
        finally:
            for pool in self._pools.values():
                pool.clear()  # a connection that is used again is none that can be cut

    def _tried(self, address: str, into: Path, most: int, known: Known, deadline: float) -> Fetched | None:
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(address, into, most, known, deadline)
            except _TryAgain as error:
                if attempt == TRIES or self._connections.cut:
                    raise (Silent if error.silent else Failed)(f"{error}, {TRIES} times") from None
                pause = error.pause if error.pause is not None else 2.0**attempt
                self._clock.sleep(min(LONGEST_PAUSE, pause) * self._chance.uniform(1.0, 1.5))
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def _once(self, address: str, into: Path, most: int, known: Known, deadline: float) -> Fetched | None:
        try:
            response = self._opened(address, known.headers())
            try:
                if response.status == 304 and known.headers():
                    return None
                _accept(response, most)
                return self._copied(response, into, most, deadline)
            finally:
                response.release_conn()
                response.close()
        except SSLError as error:
            raise Failed(f"the server's certificate is not trusted ({_said(error)})") from None
        except NameResolutionError:
            raise _TryAgain("the name of its server is not known here (no DNS?)", silent=True) from None
        except NewConnectionError:
            raise _TryAgain("no connection to its server", silent=True) from None
        except (TooSlow, TimeoutError):
            raise _TryAgain("the server did not answer in time", silent=True) from None
        except ProtocolError:
            raise _TryAgain("the connection broke before the list had come") from None
        except LocationValueError:
            raise Failed("it sends us to what is no address") from None
        except HTTPError as error:
            if isinstance(getattr(error, "reason", None), SSLError):
                raise Failed("the server's certificate is not trusted") from None
            raise _TryAgain(f"no connection ({_said(error)})", silent=True) from None

    def _opened(self, address: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Follow redirects, looking at each address before it is asked."""
        asked = {"User-Agent": f"filterwatch/{__version__}", "Accept-Encoding": "identity", **headers}
        first = server_of(address)
        for _ in range(MOST_REDIRECTS + 1):
            self._check(address)
            if server_of(address) != first and is_inside(server_of(address), ask=not self._proxy(address)):
                raise Failed("it sends us to a machine inside of a network, which no public list lies on")
            response = self._pool(address).request(
                "GET",
                address,
                headers=asked,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            )
            if response.status not in _MOVED:
                return response
            response.release_conn()
            response.close()
            address = _moved(address, response.headers.get("Location", ""))
        raise Failed(f"more than {MOST_REDIRECTS} redirects")

    def _check(self, address: str) -> None:
        scheme, host = parse_url(address).scheme, server_of(address)
        if scheme == "http" and (self._allow_http or is_here(host)):
            return
        if scheme != "https" or not host:
            raise Failed("it is not offered over https (or sends us elsewhere without it: a captive portal?)")

    def _proxy(self, address: str) -> str:
        """Return the address of the proxy to be asked, empty for none."""
        host = server_of(address)
        return "" if is_here(host) or proxy_bypass(host) else getproxies().get(parse_url(address).scheme or "", "")

    def _pool(self, address: str) -> urllib3.PoolManager:
        proxy = self._proxy(address)
        if proxy not in self._pools:
            context = ssl.create_default_context()  # the machine's own store: a school's filter may hold a CA there
            kinds = {"ssl_context": context, "maxsize": 1}
            pool = urllib3.ProxyManager(proxy, **kinds) if proxy else urllib3.PoolManager(**kinds)  # type: ignore[arg-type] # as their constructors document
            pool.pool_classes_by_scheme = dict(self._connections.pools())
            self._pools[proxy] = pool
        return self._pools[proxy]

    def _copied(self, response: BaseHTTPResponse, into: Path, most: int, deadline: float) -> Fetched:
        digest = hashlib.sha256()
        size = 0
        with into.open("wb") as file:
            for block in _blocks(response):
                size += len(block)
                if size > most:
                    raise Failed(f"larger than {most >> 20} MB")
                if self._clock.monotonic() > deadline:
                    raise Silent(_LATE)
                digest.update(block)
                file.write(block)
        known = Known(response.headers.get("ETag", "")[:256], response.headers.get("Last-Modified", "")[:64])
        return Fetched(size, digest.hexdigest(), known)


def _accept(response: BaseHTTPResponse, most: int) -> None:
    """Refuse an answer that is no list, by its head alone."""
    status = response.status
    if status in _AGAIN:
        after = response.headers.get("Retry-After", "")
        raise _TryAgain(f"the server answers {status}", float(after) if after.isascii() and after.isdigit() else None)
    if status != 200:
        raise Failed(f"the server answers {status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Failed("it comes compressed though that was not asked for")
    kind = response.headers.get("Content-Type", "").lower()
    if "html" in kind:
        raise Failed("a web page comes in its place (a captive portal?)")
    if (response.length_remaining or 0) > most:
        raise Failed(f"larger than {most >> 20} MB")


def _blocks(response: BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from response.stream(_BLOCK, decode_content=False)
    except ValueError:
        raise ProtocolError("a chunk of no length") from None


def server_of(address: str) -> str:
    """Return the host of an address as who connects reads it: another reader may see another one there.

    Empty where it has none.
    """
    try:
        return (parse_url(address).host or "").strip("[]")
    except ValueError:
        return ""


def _moved(address: str, location: str) -> str:
    """Return where a redirect leads."""
    if not location:
        raise Failed("it sends us elsewhere and does not say where")
    try:
        return parse_url(urljoin(address, location)).url
    except ValueError:
        raise Failed("it sends us to what is no address") from None


def _said(error: Exception) -> str:
    """Return what kind of error it was: its text may quote the address, and that a key."""
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, Exception) else error).__name__
