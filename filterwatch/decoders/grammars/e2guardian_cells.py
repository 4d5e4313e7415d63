"""What the columns of e2guardian's and dansguardian's logs mean, whatever format they were written in.

The verdict is in the stamps before the reason (``*DENIED* Blocked site: ...``), never in the status alone: an
upstream's own 403 has no stamp.  e2guardian takes the stamps from its language pack (messages 51 to 59), so a source
may name its own.  Source: e2guardian 5.3.5 live and src/FatController.cpp; DansGuardian 2.12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import Field

from filterwatch.decoders.format import Options
from filterwatch.decoders.reading import Event, Stamp, Value, address, known, number, user
from filterwatch.decoders.url import asked, without_connect_credentials, without_credentials

METHOD = r"[A-Z][A-Z0-9_-]{0,31}"
DIGITS = r"[0-9]+"
WEIGHT = r"-?[0-9]+"
CODE = r"[0-9]{3}"

STAMPS: Mapping[str, str] = {
    "DENIED": "blocked",
    "INFECTED": "blocked",
    "VERWEIGERT": "blocked",
    "INFIZIERT": "blocked",
    "NETERROR": "error",
    **dict.fromkeys(
        ("TRUSTED", "EXCEPTION", "SCANNED", "CONTENTMOD", "URLMOD", "HEADERMOD", "HEADERADD", "VERTRAUENSWÜRDIG"),
        "allowed",
    ),
}
"""Stamps of e2guardian in English, of DansGuardian, and the deciding ones of the German pack -> action."""

_SUFFIXES = ("-POST", "-PARAMS")
"""Behind a blocking stamp: the request's body or the parameters of its URL were to blame."""

_STAMP = re.compile(r"\*([^* ][^*]{0,39})\* ?(?:\* (?=\*))?")
_GRAVITY = ("blocked", "unknown", "error", "allowed")


class E2guardianOptions(Options):
    """Options of ``e2guardian_1`` to ``e2guardian_8`` and ``dansguardian``."""

    stamps: dict[str, Literal["blocked", "allowed", "error"]] = Field(
        default={},
        description='Stamps of the language pack, messages 51 to 59, without asterisks -> action, e.g. {"REFUSÉ":'
        ' blocked}; added to the English ones. A line with a stamp that is not known has the action "unknown".',
    )


class Reason(NamedTuple):
    """The reason column: what its stamps say (null where there is none), and the text behind them."""

    action: str | None
    text: str | None


@dataclass(frozen=True)
class Stamps:
    """The stamps a source knows: word -> action."""

    words: Mapping[str, str]

    @classmethod
    def of(cls, options: Options) -> Stamps:
        """Return the shipped stamps and those of *options*."""
        own = options.stamps if isinstance(options, E2guardianOptions) else {}
        return cls({**STAMPS, **{word.strip("* "): action for word, action in own.items()}})

    def reason(self, what: str) -> Reason:
        """Return what the reason column *what* says; of several stamps the gravest counts."""
        at, actions = 0, set[str]()
        while found := _STAMP.match(what, at):
            actions.add(self._action(found[1]))
            at = found.end()
        action = next((one for one in _GRAVITY if one in actions), None)
        text = without_credentials(what[at:].strip())
        return Reason(action, known(text))

    def _action(self, word: str) -> str:
        for suffix in _SUFFIXES:
            word = word.removesuffix(suffix)
        return self.words.get(word, "unknown")


def action(stamped: str | None, code: str) -> str:
    """Return the action of a line; a block counts before anything else, then the challenge for a password."""
    if stamped == "blocked":
        return stamped
    return "auth_required" if code == "407" else stamped or "allowed"


class Cells(NamedTuple):
    """The columns of one line that say something, as text; an absent one is empty."""

    user: str
    ip: str
    url: str
    what: str
    method: str
    size: str
    category: str
    code: str
    mime: str
    agent: str
    duration: str = ""
    message: str = ""


def event(stamp: Stamp, cells: Cells, stamps: Stamps) -> Event | None:
    """Return the event of one line; null where the client is no address."""
    client = address(cells.ip)
    if client is None:
        return None
    reason = stamps.reason(cells.what)
    whom = asked(cells.url, cells.method)
    person, domain = person_of(cells.user, cells.ip)
    clean = without_credentials(cells.url)
    values: dict[str, Value] = {
        "kind": "http",
        "client_ip": client,
        "user": person,
        "user_domain": domain,
        "method": known(cells.method),
        "url": known(without_connect_credentials(clean) if cells.method == "CONNECT" else clean),
        "host": whom.host,
        "dest_port": whom.port,
        "dest_ip": whom.ip,
        "status": (number(cells.code) or None) if cells.code else None,
        "action": action(reason.action, cells.code),
        "bytes_in": number(cells.size),
        "duration_ms": number(cells.duration),
        "filter_category": known(cells.category),
        "filter_rule": rule(cells.message),
        "filter_reason": reason.text,
        "mime_type": known(cells.mime),
        "user_agent": known(without_credentials(cells.agent)),
    }
    return Event(stamp, values)


def rule(message: str) -> str | None:
    """Return the number of the message; null for 0: no rule decided."""
    return message if message.strip("0") else None


def person_of(name: str, client: str) -> tuple[str | None, str | None]:
    """Return user and domain; the client's address stands in the column where nobody is known."""
    return (None, None) if name == client else user(name)
