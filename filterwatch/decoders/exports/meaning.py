"""What the columns of an export mean, by their names and by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from filterwatch.decoders.columns import among
from filterwatch.decoders.exports import dates
from filterwatch.decoders.exports.layout import Layout, Unread
from filterwatch.decoders.exports.options import ExportOptions
from filterwatch.decoders.exports.words import OWN_RANK, meant, plain, words
from filterwatch.decoders.maps import Action, Kind, Target, Verdict, Verdicts, Zoned
from filterwatch.decoders.reading import PROTOCOLS, address

_ENOUGH = 0.5
"""Share of a column's texts that must be what its name says they are."""

_MOST_TEXTS = 400
_SURE_VERDICTS = 9
"""The first so many names of a verdict are believed even where its words are unknown."""

_RESERVED = frozenset({"line", "way", "whole", "sure", "record", "stamp_us", "stamp_clock"})
"""Names that the engine gives columns of its own; a member of a JSON line called so is not read."""

_UTC = re.compile(r"(?i)(?<![a-z])(?:utc|gmt)(?![a-z])")
_HTTP_STATUS = re.compile(r"[1-5]\d\d")
_COUNT = re.compile(r" *\d{1,18}(?:\.\d*)? *")
_HOST = re.compile(r"[^\s/]*[.:][^\s/]*")
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\.?")

_WHETHER: Mapping[str, Callable[[str], bool]] = {
    "client_ip": lambda text: address(text.strip("[] ")) is not None,
    "dest_ip": lambda text: address(text.strip("[] ")) is not None,
    "bytes_in": lambda text: bool(_COUNT.fullmatch(text)),
    "bytes_out": lambda text: bool(_COUNT.fullmatch(text)),
    "duration_ms": lambda text: bool(_COUNT.fullmatch(text)),
    "status": lambda text: bool(_HTTP_STATUS.fullmatch(text)),
}
"""What the texts of a column must be for its name to be believed."""

AMBIGUOUS = (
    "the dates do not show whether day or month comes first: add the option `dates: day_first` (as in Britain) or "
    "`dates: month_first`"
)
_NO_TIME = "no column is known to hold the time: name it with the option `time`, e.g. [{from: Time, as: iso}]"
_UNREAD_TIME = (
    "the column of the time is not written as any time we know: say how with the option `time`, e.g. "
    "[{from: Time, as: '%d/%m/%Y %H:%M:%S'}]"
)
_NO_PLACE = "no column is known to hold a URL, host, DNS name or address that was asked for: name it with `fields`"


@dataclass(frozen=True)
class Meaning:
    """What the columns mean; keys are their names in the file.

    Attributes:
        time: Where the time stands.
        kind: What the rows are.
        fields: Event column -> where it comes from.
        action: The filter's verdict; null where no column tells it.
        unused: Columns that mean nothing to us.
        zone: Zone of times that have none, where a column of the time is called so; null for the site's.
    """

    time: list[Zoned]
    kind: Kind
    fields: dict[str, Target]
    action: Verdicts | None
    unused: list[str] = field(default_factory=list)
    zone: str | None = None

    def renamed(self, keys: Mapping[str, str]) -> Meaning:
        """Return the same with the columns called by *keys*."""

        def renamed(names: Sequence[str]) -> list[str]:
            return [keys[name] for name in names]

        time = [
            place.model_copy(
                update={"keys": renamed(place.keys), "zone": None if place.zone is None else keys[place.zone]}
            )
            for place in self.time
        ]
        fields = {
            column: target.model_copy(
                update={name: renamed(getattr(target, name)) for name in ("keys", "host", "scheme")}
            )
            for column, target in self.fields.items()
        }
        action = self.action and self.action.model_copy(
            update={"steps": [step.model_copy(update={"keys": renamed(step.keys)}) for step in self.action.steps]}
        )
        return replace(self, time=time, fields=fields, action=action)


def meaning_of(layout: Layout, options: ExportOptions, meanings: Mapping[str, tuple[str, int]]) -> Meaning | Unread:
    """Return what the columns mean, or why that is not enough.

    Args:
        layout: The columns and the first rows.
        options: What a person said; it wins.
        meanings: Plain name of a column -> what it means, and its rank among the names of that meaning.
    """
    names = {plain(name): name for name in reversed(layout.columns) if layout.keys[name] not in _RESERVED}
    try:
        named = Meaning(options.time, "http", dict(options.fields), options.action).renamed(_Resolving(names))
    except KeyError as missing:
        return Unread(f"no column is called '{missing.args[0]}'; `filterwatch columns FILE` shows what they are called")
    guess = _Guess(layout, meanings if options.guess else {})
    time = named.time or guess.time(options.dates)
    if isinstance(time, Unread):
        return time
    fields = {**guess.fields(), **named.fields}
    if not fields.keys() & {"url", "host", "query", "dest_ip", "dest", "control_event"}:
        return Unread(_NO_PLACE)
    action = named.action or guess.verdicts(options.verdicts)
    kind: Kind = "http" if fields.keys() & {"url", "host"} else "dns" if "query" in fields else "flow"
    used = {name for place in time for name in (*place.keys, place.zone)}
    for target in fields.values():
        used |= {*target.keys, *target.host, *target.scheme}
    used |= {name for step in (action.steps if action else ()) for name in step.keys}
    unused = [name for name in layout.columns if name not in used]
    utc = any(_UTC.search(name) for place in time for name in place.keys)
    return Meaning(time, options.kind or kind, fields, action, unused, "UTC" if utc else None)


class _Resolving(dict[str, str]):
    """The columns of a file by any spelling of their names."""

    def __missing__(self, name: str) -> str:
        found = self.get(plain(name))
        if found is None:
            raise KeyError(name)
        return found


class _Guess:
    """What the columns mean by their names, where their texts bear it out."""

    def __init__(self, layout: Layout, meanings: Mapping[str, tuple[str, int]]) -> None:
        ranks: dict[str, int] = {}
        self._layout, self._ranks = layout, ranks
        ranked: dict[str, list[tuple[int, int, str]]] = {}
        for at, name in enumerate(layout.columns):
            known = meant(name, meanings)
            if known is not None and layout.keys[name] not in _RESERVED:
                meaning, rank = known
                ranks[name] = rank
                ranked.setdefault(meaning, []).append((rank, at, name))
        self._by_meaning = {meaning: [name for _, _, name in sorted(found)] for meaning, found in ranked.items()}

    def _named(self, *wanted: str) -> list[str]:
        return [name for meaning in wanted for name in self._by_meaning.get(meaning, ())]

    def _texts(self, name: str, most: int = _MOST_TEXTS) -> list[str]:
        key, nothing = self._layout.keys[name], {*words().nothing}
        texts = [text for row in self._layout.rows if (text := row.get(key, "")) not in nothing]
        return texts[:most]

    def _are(self, name: str, test: Callable[[str], object]) -> bool:
        """Return whether most texts of a column pass *test*; a column without texts does."""
        texts = self._texts(name)
        return sum(bool(test(text)) for text in texts) >= _ENOUGH * len(texts)

    def _any(self, name: str, test: Callable[[str], object]) -> bool:
        return any(test(text) for text in self._texts(name))

    def time(self, order: str) -> list[Zoned] | Unread:
        """Return where the time stands, in one column or in two."""
        whole = self._named("when", "clock", "date")
        for name in whole:
            ways = dates.written(self._times(name), order)
            if len(ways) > 1:
                return Unread(AMBIGUOUS)
            if ways:
                return [Zoned(keys=[name], written=ways[0])]
        for day in self._named("date", "when"):
            days = dates.dates_written(self._times(day), order)
            for clock in self._named("clock", "when"):
                ways = dates.together(days, dates.clocks_written(self._times(clock))) if clock != day else []
                if len(ways) > 1:
                    return Unread(AMBIGUOUS)
                if ways:
                    return [Zoned(keys=[day, clock], written=ways[0])]
        return Unread(_UNREAD_TIME if whole else _NO_TIME)

    def _times(self, name: str) -> list[str]:
        """Return the texts of a column of times: of rows that have as many cells as most, for totals have fewer."""
        rows = self._layout.rows
        fullest = max((sum(map(bool, row.values())) for row in rows), default=0)
        key = self._layout.keys[name]
        return [row[key] for row in rows if row.get(key) and sum(map(bool, row.values())) * 2 > fullest]

    def fields(self) -> dict[str, Target]:
        """Return the event columns and where they come from."""
        found = {meaning: self._named(meaning) for meaning in self._by_meaning}
        for meaning, test in _WHETHER.items():
            found[meaning] = [name for name in found.get(meaning, ()) if self._are(name, test)]
        places = found.pop("place", [])
        found["url"] = found.get("url", []) + [name for name in places if self._any(name, lambda text: "/" in text)]
        hosts = found.get("host", []) + [name for name in places if name not in found["url"]]
        found["host"] = [name for name in hosts if self._are(name, _HOST.fullmatch)]
        asked = [name for name in found.pop("asked", ()) if self._texts(name) and self._are(name, _NAME.fullmatch)]
        found["query"] = asked
        services = found.pop("service", [])
        found["protocol"] = [name for name in services if self._are(name, _transport)]
        found["status"] += [name for name in self._named("verdict") if self._is_status(name)]
        for meaning in ("when", "date", "clock", "verdict", "blocked", "allowed"):
            found.pop(meaning, None)
        targets = {meaning: Target(keys=names) for meaning, names in found.items() if names}
        if "url" in targets and "host" in targets:
            if self._any(found["url"][0], lambda text: text.startswith("/")):
                schemes = [name for name in services if name not in found["protocol"]]
                targets["url"] = Target(keys=found["url"], host=found["host"], scheme=schemes)
            else:
                # A whole URL names its host itself; a column called Host or Domain may mean the pupil's device.
                del targets["host"]
        return targets

    def _is_status(self, name: str) -> bool:
        return bool(self._texts(name)) and self._are(name, _HTTP_STATUS.fullmatch)

    def verdicts(self, more: Mapping[Action, Sequence[str]]) -> Verdicts | None:
        """Return the steps that tell the verdict; null where no column does."""
        own: dict[str, Sequence[str]] = {str(action): several for action, several in more.items()}
        known: dict[str, Sequence[str]] = {str(action): several for action, several in words().verdicts.items()}
        yes, no = words().said_yes, words().said_no
        steps: list[tuple[str, Mapping[str, Sequence[str]]]] = []
        words_known = among([word for table in (own, known) for several in table.values() for word in several])
        for name in self._named("verdict"):
            surely = self._ranks[name] % OWN_RANK < _SURE_VERDICTS
            told = surely or pl.Series(self._texts(name), dtype=pl.String).str.contains(words_known).any()
            if told and not self._is_status(name):
                steps += [(name, table) for table in (own, known) if table]
        steps += [(name, {"blocked": yes, "allowed": no}) for name in self._named("blocked")]
        steps += [(name, {"allowed": yes, "blocked": no}) for name in self._named("allowed")]
        if not steps:
            return None
        verdicts = [Verdict.model_validate({"from": [name], "words": table}) for name, table in steps]
        return Verdicts(steps=verdicts, otherwise="unknown")


def _transport(text: str) -> bool:
    return text.lower() in {"tcp", "udp", "icmp"} or text in PROTOCOLS
