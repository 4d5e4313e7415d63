"""A compiled ``logformat`` as a reader of lines: what its fields are for, and the exact reading of one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from filterwatch.decoders.families.logformat import Definition, Field
from filterwatch.decoders.families.logformat_codes import Shape
from filterwatch.decoders.families.logformat_match import Matcher, TwoReadingsError
from filterwatch.decoders.families.logformat_values import BETWEEN, decoded, event, shown
from filterwatch.decoders.reading import Event, Rejected
from filterwatch.decoders.url import NOBODY, asked

USER_AGENT: Final = r"(?i)(?:^|\\r\\n)user-agent: *(.*?)(?:\\r\\n|$)"
REFERRER: Final = r"(?i)(?:^|\\r\\n)referer: *(.*?)(?:\\r\\n|$)"
_USER_AGENT, _REFERRER = re.compile(USER_AGENT), re.compile(REFERRER)

TWO_READINGS: Final = "two readings fit: one of them is forged"

_VERDICT: Final = frozenset({"result", "status", "error"})
"""Roles that tell the verdict together."""

_ESSENTIAL: Final = frozenset({"seconds", "millis", "gmt", "local", "start", "client", "method", "url", "domain"})
"""Roles without which nobody can say who asked for what, and when; those that a definition has."""


def without_headers(text: str) -> tuple[str, str]:
    """Return *text* without ``[request headers] [reply headers]`` at its end, and the request headers."""
    if not text.endswith("]"):
        return text, ""
    reply = text.rfind(" [")
    if reply <= 0 or text[reply - 1] != "]":
        return text, ""
    request = text.rfind(" [", 0, reply)
    if request <= 0 or "]" in text[request + 2 : reply - 1] or "]" in text[reply + 2 : -1]:
        return text, ""
    return text[:request], text[request + 2 : reply - 1]


def header(pattern: re.Pattern[str], headers: str) -> str | None:
    """Return what *pattern* finds in squid's header block, without credentials."""
    found = pattern.search(headers) if headers else None
    return shown(found[1]) if found else None


@dataclass(frozen=True)
class Compiled:
    """A definition that reads lines.

    Attributes:
        definition: What a line looks like.
        blocks: Whether squid may add header blocks (``log_mime_hdrs``, and any format of headers elsewhere).
        roles: The indices of the fields of each role, best first.
    """

    definition: Definition
    blocks: bool = False
    roles: Mapping[str, tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Work out what each field is for."""
        object.__setattr__(self, "roles", _roles(self.definition.fields))
        object.__setattr__(self, "_matcher", Matcher(self.definition))
        object.__setattr__(self, "_stretched", _stretched(self.definition))

    @property
    def layouts(self) -> dict[str, str]:
        """The time formats of the roles ``local`` and ``gmt``; empty for squid's own."""
        fields = self.definition.fields
        return {role: fields[self.roles[role][0]].argument for role in ("local", "gmt") if role in self.roles}

    def read(self, text: str) -> Event | Rejected | None:
        """Read one line; null where it does not fit the definition at all.  Blanks may follow it."""
        answer = self._read(text)
        return self._read(text.rstrip(" ")) if answer is None and text.endswith(" ") else answer

    def _read(self, text: str) -> Event | Rejected | None:
        line, headers = without_headers(text) if self.blocks else (text, "")
        try:
            texts = self._texts(line)
        except TwoReadingsError as two:
            return self._sure(two)
        if texts is None:
            return None
        answer = event(self.by_role(texts), self.layouts)
        if headers and isinstance(answer, Event):
            mined = {
                "user_agent": answer.values["user_agent"] or header(_USER_AGENT, headers),
                "referrer": answer.values["referrer"] or header(_REFERRER, headers),
            }
            return Event(answer.stamp, {**answer.values, **mined})
        return answer

    def _sure(self, two: TwoReadingsError) -> Event | Rejected:
        """Return what all readings of a line say, so that no user agent can hide a request.

        Whom was asked must be beyond doubt, else the line is refused.  The longer URL is taken: all of it is the
        client's own words.  A verdict in doubt is unknown.
        """
        fields = self.definition.fields
        texts = {
            role: BETWEEN.join(plain(two.longest[number] or "", fields[number], role) for number in numbers)
            for role, numbers in self.roles.items()
            if role == "url" or all(two.shortest[n] == two.longest[n] is not None for n in numbers)
        }
        if not _ESSENTIAL & self.roles.keys() <= texts.keys() or not self._one_asked(two, texts.get("method", "")):
            return Rejected(TWO_READINGS)
        if _VERDICT & self.roles.keys() - texts.keys():
            texts = {role: text for role, text in texts.items() if role not in _VERDICT}
        return event(texts, self.layouts)

    def _one_asked(self, two: TwoReadingsError, method: str) -> bool:
        """Return whether the URLs of both readings begin at one place and ask one host."""
        if "url" not in self.roles:
            return True
        number = self.roles["url"][0]
        shortest, longest = two.shortest[number], two.longest[number]
        if shortest is None or longest is None:
            return False
        piece = self.definition.fields[number]
        return (
            shortest == longest
            or asked(plain(shortest, piece, "url"), method) == asked(plain(longest, piece, "url"), method) != NOBODY
        )

    def by_role(self, texts: list[str]) -> dict[str, str]:
        """Return the decoded texts of a line by role, from those of its fields."""
        fields = self.definition.fields
        return {
            role: BETWEEN.join(plain(texts[number], fields[number], role) for number in numbers)
            for role, numbers in self.roles.items()
        }

    def _texts(self, line: str) -> list[str] | None:
        """Return the text of each field; a URL with blanks (``uri_whitespace allow``) where nothing else fits."""
        matcher: Matcher = self.__dict__["_matcher"]
        stretched: Matcher | None = self.__dict__["_stretched"]
        texts = self._possible(matcher.read(line))
        if stretched is None or (texts is not None and not self._bare(texts)):
            return texts
        return self._possible(stretched.read(line, latest=texts is not None))

    def _possible(self, texts: list[str] | None) -> list[str] | None:
        """Return *texts*; null where one holds brackets that its encoding would have written otherwise."""
        if texts is None:
            return None
        pairs = zip(self.definition.fields, texts, strict=True)
        return None if any(one.encoding == "[" and ("[" in text or "]" in text) for one, text in pairs) else texts

    def _bare(self, texts: list[str]) -> bool:
        """Return whether the user ends in ``" -"``: no user is written so, the blanks belong to the URL before it."""
        numbers = self.roles.get("user", ())
        return any(texts[number].endswith(" -") for number in numbers)


def plain(text: str, piece: Field, role: str) -> str:
    """Return the text of a field without padding and encoding; a user's ``%xx`` is left to who reads users."""
    if piece.padding:
        text = text.strip(" ")
    return text if role == "user" and piece.encoding in ("[", "#") else decoded(text, piece.encoding)


def _roles(fields: tuple[Field, ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for number, piece in enumerate(fields):
        if piece.meaning.role:
            found.setdefault(piece.meaning.role, []).append(number)
    ranked = {role: sorted(numbers, key=lambda n: fields[n].meaning.rank) for role, numbers in found.items()}
    # `un` already takes the first name of all others.
    several = "user" in ranked and fields[ranked["user"][0]].code != "un"
    return {role: tuple(numbers if role == "user" and several else numbers[:1]) for role, numbers in ranked.items()}


def _stretched(definition: Definition) -> Matcher | None:
    """Return a reader of URLs with blanks, where a user or a text stands behind the URL."""
    if any(piece.meaning.shape is Shape.URL and piece.encoding not in ("#", "[") for piece in definition.fields):
        return Matcher(definition, stretch=True)
    return None
