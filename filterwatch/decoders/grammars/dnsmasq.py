"""dnsmasq's query log (``log-queries`` and ``log-queries=extra``) and Pi-hole's.

Format::

    Mon d HH:MM:SS [host ]dnsmasq[pid]: [tcp ][serial client/port ]SOURCE NAME VERB DESTINATION

``query[TYPE] NAME from CLIENT``, ``forwarded NAME to UPSTREAM#PORT``, and answers ``SOURCE NAME is ANSWER`` where
SOURCE is ``reply``, ``cached``, ``config``, the path of a hosts file, or one of Pi-hole's words (``gravity blocked``
...). Source: dnsmasq 2.90 src/cache.c, Pi-hole FTL src/dnsmasq_interface.c.

One line is one event: what was asked (action unknown), where it was forwarded, what was answered.  ``request_key`` ties
the lines of one request together.  A name may hold blanks, so it is what stands between the source and the last verb.
DHCP lines become leases; starts and stops of the daemon become control events.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from filterwatch.config import read as read_yaml
from filterwatch.decoders.envelope import Envelope, open_envelope
from filterwatch.decoders.foreign import FOREIGN, of_another
from filterwatch.decoders.grammars import patterns
from filterwatch.decoders.reading import (
    Answer,
    Event,
    Rejected,
    Skipped,
    Value,
    address,
    mac,
    port_number,
    visible,
)


class Role(IntEnum):
    """What a line of the query log tells."""

    QUERY = 0
    FORWARDED = 1
    ANSWER = 2
    BLOCK = 3


class Source(NamedTuple):
    """What the words before a name mean: the role, the verb behind the name, and the record type of a query."""

    role: Role
    verb: str
    query_type: str | None = None


_WORDS = read_yaml(Path(__file__).with_name("dnsmasq.yaml")).data
_BLOCKS = frozenset(word + suffix for word in _WORDS["block"] for suffix in ("", " (CNAME)"))
_ANSWERS = frozenset(_WORDS["answer"])
_OWN = tuple(f"{word}{end}" for word in _WORDS["own"] for end in (" ", "["))
_QUERY = re.compile(r"query\[([^\] ]+)\]")


def source(words: str) -> Source | None:
    """Return what *words* before a name mean; null when they are none of dnsmasq's or Pi-hole's."""
    if query := _QUERY.fullmatch(words):
        return Source(Role.QUERY, "from", query[1].upper())
    if words == "forwarded":
        return Source(Role.FORWARDED, "to")
    if words in _BLOCKS:
        return Source(Role.BLOCK, "is")
    if words in _ANSWERS or (words.startswith("/") and " " not in words):
        return Source(Role.ANSWER, "is")
    return None


_HEADS = re.compile(
    "(" + "|".join(re.escape(word) for word in sorted(_BLOCKS | _ANSWERS, key=len, reverse=True)) + r"|/[^ ]*) (.+)"
)


def taken_apart(message: str) -> tuple[str, Source, str, str] | None:
    """Return source words, their meaning, name and destination of ``SOURCE NAME VERB DESTINATION``."""
    words, _, rest = message.partition(" ")
    meaning = source(words)
    if meaning is None or meaning.role in (Role.ANSWER, Role.BLOCK):
        found = _HEADS.match(message)
        if not found:
            return None
        words, rest = found[1], found[2]
        meaning = source(words)
    name, verb, destination = rest.rpartition(f" {meaning.verb} ") if meaning else ("", "", "")
    if meaning is None or not verb or not name or not destination or " " in destination:
        return None
    return words, meaning, name, destination


SINKS = ("0.0.0.0", "::")  # noqa: S104 - what a filter answers, nothing is bound
LOCAL_DOMAINS = (
    "lan", "local", "localdomain", "localhost", "internal", "intranet", "private", "home", "corp", "home.arpa",
    "in-addr.arpa", "ip6.arpa",
)  # fmt: skip
"""Names that ``local=/.../`` usually answers itself: NXDOMAIN for them is no block."""


@dataclass(frozen=True)
class Policy:
    """What the source's configuration says about answers.

    Attributes:
        sinks: Addresses that mean a block.
        local_domains: Domains for which the resolver's own NXDOMAIN is no block.
    """

    sinks: frozenset[str] = frozenset(SINKS)
    local_domains: frozenset[str] = frozenset(LOCAL_DOMAINS)

    @cached_property
    def _suffixes(self) -> tuple[str, ...]:
        return tuple(f".{domain}" for domain in sorted(self.local_domains))

    def is_local(self, name: str) -> bool:
        """Return whether *name* (lower case) is under a local domain; a bare host name is."""
        return name in self.local_domains or name.endswith(self._suffixes) or ("." not in name and name != "")

    def action(self, words: str, answer: str, name: str) -> str:
        """Return the action of the answer *answer* for *name* that *words* gave.

        The resolver's own answers (``config``) are blocks when they hide the name, and rewritten when they send a
        public name elsewhere (safe search).
        """
        if answer in self.sinks:
            return "blocked"
        if words != "config" or self.is_local(name):
            return "allowed"
        if no_answer(answer):
            return "blocked"
        if answer == "<CNAME>":
            return "rewritten"
        own = address(answer)
        return "rewritten" if own and ip_address(own).is_global else "allowed"


def no_answer(answer: str) -> str | None:
    """Return the answer code of ``NXDOMAIN``, ``NODATA-IPv4``, ``SERVFAIL`` ...; null when *answer* is an answer."""
    word = answer.partition("-")[0]
    if word == "NODATA":
        return "NOERROR"
    return word if word in _CODES else None


_CODES = frozenset(("NXDOMAIN", "SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"))


def upstream(destination: str) -> tuple[str | None, int | None]:
    """Return address and port of ``ip#port``."""
    server, _, port = destination.partition("#")
    return address(server), port_number(port) or None


def asked_name(name: str) -> str:
    """Return the DNS name of a line: lower case, no trailing dot; an address stands for its reverse name."""
    plain = name.lower()
    plain = plain.rstrip(".") or "."
    if plain[-1].isdigit() or ":" in plain:
        own = address(plain)
        if own:
            return ip_address(own).reverse_pointer
    return plain


_EXTRA = re.compile(r"(?:tcp )?(?P<serial>\d{1,10}) (?P<client>[0-9A-Fa-f:.]+)/(?P<port>\d{1,5}) ")
_PROGRAM = re.compile(r"(?:dnsmasq|pihole-FTL)(?P<part>-\w+)?")


def read(line: bytes, policy: Policy) -> Answer:
    """Read one line exactly."""
    envelope = open_envelope(visible(line))
    program = _PROGRAM.fullmatch(envelope.program or "")
    if of_another(envelope, _PROGRAM):
        return FOREIGN
    if not program:
        return Rejected("dnsmasq: expected 'dnsmasq[pid]:' behind the time")
    if program["part"] == "-dhcp":
        return _lease(envelope)
    if program["part"]:
        return Skipped("dnsmasq: no line about a name or a lease")
    return _resolved(envelope, policy)


def _resolved(envelope: Envelope, policy: Policy) -> Answer:
    message = envelope.message
    extra = _EXTRA.match(message)
    if extra:
        message = message[extra.end() :]
    message = message.removeprefix("tcp ")
    if message.startswith(_OWN):
        return Skipped("dnsmasq: the resolver's own business")
    found = taken_apart(message)
    if found is None:
        return patterns.control(envelope) or Skipped("dnsmasq: no line about a name or a lease")
    words, meaning, name, destination = found
    values = _values(words, meaning, name, destination, policy)
    serial = extra["serial"] if extra else None
    if extra:
        values |= {"client_ip": address(extra["client"]), "client_port": port_number(extra["port"]) or None}
    if envelope.pid and (serial or values["query"]):
        values["request_key"] = f"{envelope.pid}/{serial or values['query']}"
    return Event(envelope.stamp, values)


def _values(words: str, meaning: Source, name: str, destination: str, policy: Policy) -> dict[str, Value]:
    query = asked_name(name)
    if meaning.role is Role.QUERY:
        return {
            "kind": "dns",
            "query": query,
            "query_type": meaning.query_type,
            "client_ip": address(destination),
            "action": "unknown",
        }
    if meaning.role is Role.FORWARDED:
        server, port = upstream(destination)
        return {
            "kind": "dns",
            "query": query,
            "action": "allowed",
            "filter_reason": words,
            "dest_ip": server,
            "dest_port": port,
        }
    code = no_answer(destination)
    if name == "error" and code and code != "NOERROR":
        return {"kind": "dns", "query": None, "rcode": code, "action": "error", "filter_reason": words}
    blocked = meaning.role is Role.BLOCK
    return {
        "kind": "dns",
        "query": query,
        "action": "blocked" if blocked else policy.action(words, destination, query),
        "rcode": code or "NOERROR",
        "answer": None if code else destination,
        "filter_reason": "hosts file" if words.startswith("/") else words,
        "filter_rule": words if words.startswith("/") else None,
    }


_DHCP = re.compile(
    r"(?:\d{1,10} )?(?P<word>DHCPACK|DHCPRELEASE)\((?P<interface>[^)]*)\) (?P<ip>[0-9.]+) (?P<mac>[0-9A-Fa-f:]+)"
    r"(?: (?P<name>[^ ]+))?"
)


def _lease(envelope: Envelope) -> Answer:
    found = _DHCP.fullmatch(envelope.message.rstrip(" "))
    client = address(found["ip"]) if found else None
    if not found or not client:
        return Skipped("dnsmasq: no lease given or returned")
    return Event(
        envelope.stamp,
        {
            "kind": "lease",
            "client_ip": client,
            "client_mac": mac(found["mac"]),
            "host": found["name"].lower() if found["name"] else None,
            "filter_reason": found["word"],
        },
    )
