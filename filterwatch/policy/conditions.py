"""From what a rule says to a tree of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import polars as pl

from filterwatch.config import TimeSpan
from filterwatch.policy.facts import HOST, Facts
from filterwatch.policy.lookups import VALUE, any_of, like, within
from filterwatch.policy.match import HostPattern, Match, SearchPattern, TextPattern, UrlPattern
from filterwatch.policy.rule import Except, Rule, When, Who
from filterwatch.policy.terms import Pack
from filterwatch.policy.tree import Every, Node, Not, Place, Some, Test, tests
from filterwatch.policy.urls import path_begins

_GLOBS = {
    "filter_category": "the filter's category is like {}",
    "filter_rule": "the filter's rule is like {}",
    "filter_reason": "the filter's reason is like {}",
    "mime_type": "media type is like {}",
    "method": "method is like {}",
    "query_type": "DNS type is like {}",
    "protocol": "protocol is like {}",
    "user": "the name in the log is one of the rule's",
    "device_class": "device class is like {}",
}
"""Conditions that take globs, and what they say.  Names, hosts and addresses are never said: a reason may travel."""

_SETS = {
    "action": "the filter's verdict is {}",
    "kind": "the event is of kind {}",
    "identity": "the person is known by {}",
    "control_event": "the filter reported {}",
}
_SEARCHED = {"search_kind": "what was searched for is {}", "safe_search": "the URL says that safe search is {}"}
_SIZES = {"bytes_in": "download of at least {} bytes", "bytes_out": "upload of at least {} bytes"}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule and its conditions as trees.

    Attributes:
        version: First 12 hex digits of SHA-256 over the rule's canonical text and the packs it asks for.
        asks: Words of the facts that it asks for.
    """

    rule: Rule
    version: str
    who: Node
    when: Node
    match: Node
    asks: frozenset[str]

    @property
    def node(self) -> Node:
        """Everything that must hold of an event that is judged at all."""
        return Every((self.who, self.when, self.match))


class Conditions:
    """Registers a rule's tests with *facts* and returns them as trees.

    Args:
        facts: Where the tests are kept.
        packs: Term packs by name.
    """

    def __init__(self, facts: Facts, packs: Mapping[str, Pack]) -> None:
        self._facts = facts
        self._packs = packs

    def rule(self, rule: Rule, version: str) -> Compiled:
        """Return a rule as trees."""
        who, when, match = self.who(rule.who), self.when(rule.when), self.match(rule.match)
        if rule.visits != "any":
            part = self._facts.flag("embedded", "loaded by another page or a program", pl.col("embedded"), "embedded")
            visit = Not(part, ("visits",))
            match = _all([*(match.parts if isinstance(match, Every) else [match]), visit], ("match",))
        asks = frozenset(test.word for part in (who, when, match) for test in tests(part))
        return Compiled(rule, version, who, when, match, asks)

    def unjudged(self) -> Node:
        """Return what no rule judges: what another line counts, and what the proxy asked a password for first."""
        counted = self._facts.flag("uncounted", "another line counts it", ~pl.col("counted"), "counted")
        asked = self._facts.fixed("action", ["auth_required"], "the proxy asked for a password first")
        return Some((counted, asked))

    def match(self, match: Match, at: Place = ("match",)) -> Node:
        """Return what ``match``, which stands at *at* in its file, says."""
        parts = [replace(node, place=(*at, key)) for key, node in self._conditions(match)]
        parts += [self.match(part, (*at, "all", n)) for n, part in enumerate(match.all or ())]
        for key, some in (("any", match.any), ("none", match.none)):
            if some:
                choice = Some(tuple(self.match(part, (*at, key, n)) for n, part in enumerate(some)), (*at, key))
                parts.append(choice if key == "any" else Not(choice, (*at, key)))
        return _all(parts, at)

    def who(self, who: Who) -> Node:
        """Return what ``who`` says."""
        parts: list[Node] = []
        if who.groups:
            parts.append(_at(self._facts.fixed("group", who.groups, "the person is one of {}"), "who", "groups"))
        if who.identity:
            parts.append(_at(self._facts.fixed("identity", who.identity, _SETS["identity"]), "who", "identity"))
        if who.devices:
            parts.append(_at(self._one_of("device_class", who.devices, "device class is {}"), "who", "devices"))
        if who.years:
            parts.append(_at(self._one_of("year", who.years, "year group is {}"), "who", "years"))
        if who.except_:
            left_out = [_at(node, "who", "except", key) for key, node in self._left_out(who.except_)]
            parts.append(Not(Some(tuple(left_out)), ("who", "except")))
        return _all(parts, ("who",))

    def when(self, when: When) -> Node:
        """Return what ``when`` says."""
        parts: list[Node] = []
        hours = pl.col("in_school_hours")
        if when.during == "school_hours":
            inside = self._facts.flag("during", "in school hours", hours, "in_school_hours")
            parts.append(_at(inside, "when", "during"))
        if when.during == "outside_school_hours":
            inside = self._facts.flag("not during", "outside school hours", ~hours, "in_school_hours")
            parts.append(_at(inside, "when", "during"))
        if when.terms != "any":
            # Without a calendar every day is a school day: a rule for term time must not fall silent.
            holiday = self._facts.flag("holiday", "in the holidays", ~pl.col("in_term"), "in_term")
            parts.append(_at(holiday if when.terms == "holidays" else Not(holiday), "when", "terms"))
        if when.windows:
            parts.append(_at(self._windows(when.windows, outside=when.outside), "when", "windows"))
        return _all(parts, ("when",))

    def _windows(self, windows: tuple[TimeSpan, ...], *, outside: bool) -> Node:
        inside = pl.any_horizontal(
            pl.col("weekday").is_in(pl.Series(sorted(span.days), dtype=pl.Int8).implode())
            & pl.col("local_time").is_between(span.start, span.end)
            for span in windows
        )
        says = " or ".join(f"{span.start:%H:%M} to {span.end:%H:%M}" for span in windows)
        key = tuple((span.days, span.start, span.end) for span in windows)
        needs = ("weekday", "local_time")
        if outside:
            # With only one of the two known, "not inside" would be true for a time of which nobody knows the day.
            known = pl.all_horizontal(pl.col(name).is_not_null() for name in needs)
            return self._facts.flag(("outside", key), f"outside {says}", known & ~inside, *needs)
        return self._facts.flag(("inside", key), f"within {says}", inside, *needs)

    def _left_out(self, left_out: Except) -> Iterator[tuple[str, Node]]:
        if left_out.groups:
            yield "groups", self._facts.fixed("group", left_out.groups, "the person is one of {}")
        if left_out.people:
            yield "people", self._one_of("person", left_out.people, "the person is excepted")
        if left_out.devices:
            yield "devices", self._one_of("device", left_out.devices, "the device is excepted")
        if left_out.device_classes:
            yield "device_classes", self._one_of("device_class", left_out.device_classes, "device class is {}")

    def _conditions(self, match: Match) -> Iterator[tuple[str, Node]]:
        """Yield what the keys say, each with its key; ``any``, ``all`` and ``none`` aside."""
        if match.categories:
            yield "categories", self._facts.categories(match.categories)
        yield from self._fixed_sets(match)
        yield from self._globs(match)
        yield from self._traffic(match)
        yield from self._texts(match)

    def _one_of(self, column: str, texts: tuple[str, ...], says: str) -> Test:
        says = says.replace("{}", " or ".join(texts))
        return self._facts.text(column, texts, says, any_of(texts))

    def _fixed_sets(self, match: Match) -> Iterator[tuple[str, Node]]:
        for column, says in _SETS.items():
            if values := getattr(match, column):
                yield column, self._facts.fixed(column, values, says)

    def _globs(self, match: Match) -> Iterator[tuple[str, Node]]:
        for column, says in _GLOBS.items():
            if globs := getattr(match, column):
                shown = says.replace("{}", " or ".join(f"'{glob}'" for glob in globs))
                yield column, self._facts.text(column, ("like", globs), shown, like(globs))

        for column, says in _SEARCHED.items():
            if values := getattr(match, column):
                shown = says.replace("{}", " or ".join(values))
                yield column, self._facts.text(column, ("one of", values), shown, any_of(values))

    def _traffic(self, match: Match) -> Iterator[tuple[str, Node]]:
        if match.dest_port:
            shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in match.dest_port)
            yield "dest_port", self._facts.ports(match.dest_port, f"destination port is one of {shown}")
        if match.dest_ip:
            says = "destination address is in a network of the rule"
            yield "dest_ip", self._facts.text("dest_ip", match.dest_ip, says, within(match.dest_ip))
        for column, says in _SIZES.items():
            if bound := getattr(match, column):
                test = pl.col(column) >= bound.at_least
                shown = says.replace("{}", f"{bound.at_least:,}")
                yield column, self._facts.flag((column, bound.at_least), shown, test, column)
        if match.duration:
            least = match.duration.at_least // timedelta(milliseconds=1)
            says = f"lasted at least {match.duration.at_least}"
            test = pl.col("duration_ms") >= least
            yield "duration", self._facts.flag(("duration_ms", least), says, test, "duration_ms")

    def _texts(self, match: Match) -> Iterator[tuple[str, Node]]:
        described = partial(self._facts.text, "user_agent")
        groups = {
            "host": self._host(match.host) if match.host else [],
            "url": self._url_pattern(match.url) if match.url else [],
            "user_agent": _patterns(match.user_agent, described, "the client's description")
            if match.user_agent
            else [],
            "search_terms": self._search(match.search_terms) if match.search_terms else [],
        }
        for key, nodes in groups.items():
            for node in nodes:
                yield key, node

    def _host(self, host: HostPattern | tuple[str, ...]) -> list[Node]:
        if isinstance(host, HostPattern):
            return self._host_pattern(host)
        return [self._facts.hosts(host, "host is on the rule's own list")]

    def _host_pattern(self, host: HostPattern) -> list[Node]:
        parts: list[Node] = []
        if host.exact:
            says = "host is exactly one on the rule's own list"
            parts.append(self._facts.text(HOST, ("exact", host.exact), says, any_of(host.exact)))
        if host.regex:
            says = "host fits a pattern of the rule"
            parts.append(self._facts.text(HOST, ("regex", host.regex), says, VALUE.str.contains(host.regex)))
        return parts

    def _url_pattern(self, url: UrlPattern) -> list[Node]:
        parts = _patterns(url, self._facts.url, "URL")
        if url.path_prefix:
            says = "the path of the URL begins as the rule says"
            test = path_begins(url.path_prefix)
            parts.append(self._facts.url(("path", url.path_prefix), says, test, of_path=True))
        return parts

    def _search(self, search: SearchPattern) -> list[Node]:
        parts: list[Node] = []
        if search.pack:
            says = f"search term in pack {search.pack}"
            parts.append(self._facts.pack(("pack", search.pack), self._packs[search.pack], says))
        if search.words:
            pack = Pack.model_validate({"id": "words", "language": "en", "terms": list(search.words)})
            parts.append(self._facts.pack(("words", search.words), pack, "search term holds words of the rule"))
        if search.regex:
            says = "search term fits a pattern of the rule"
            test = VALUE.str.contains(search.regex)
            parts.append(self._facts.text("search_terms", ("regex", search.regex), says, test))
        return parts


def _patterns(given: TextPattern, register: Callable[[object, str, pl.Expr], Test], what: str) -> list[Node]:
    parts: list[Node] = []
    if given.contains:
        test = VALUE.str.contains_any(list(given.contains), ascii_case_insensitive=True)
        parts.append(register(("contains", given.contains), f"{what} holds a text of the rule", test))
    if given.regex:
        test = VALUE.str.contains(given.regex)
        parts.append(register(("regex", given.regex), f"{what} fits a pattern of the rule", test))
    return parts


def _all(parts: list[Node], place: Place) -> Node:
    return parts[0] if len(parts) == 1 else Every(tuple(parts), place)


def _at(node: Node, *place: str) -> Node:
    return replace(node, place=place)
