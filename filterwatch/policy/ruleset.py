"""All rules over a batch of events: which hold for which, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch import detections
from filterwatch.config import Document
from filterwatch.detections import Count
from filterwatch.events import BYPASS_KINDS, CATEGORY_BIT, DETECTION_SCHEMA
from filterwatch.policy.conditions import Compiled, Conditions
from filterwatch.policy.explain import Verdict, bypass_kind, matched_column, reason, verdict
from filterwatch.policy.facts import CATEGORIES, HOST, Facts
from filterwatch.policy.rule import Rule
from filterwatch.policy.terms import Found, Pack
from filterwatch.policy.tree import Known, Mask, Node, Truth, tests, truth

_WIDE = 0.05
"""Share of a batch above which a rule's rows are handled by themselves, so that the others stay few."""

_BYPASS_BITS = sum(CATEGORY_BIT[f"bypass.{kind}"] for kind in BYPASS_KINDS)

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A rule as it was read.

    Attributes:
        version: As :func:`filterwatch.policy.load.version` makes it.
        document: Its file, for the place of a mistake.
    """

    rule: Rule
    version: str
    document: Document


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rule set says of a batch; both frames in :data:`filterwatch.events.DETECTION_SCHEMA`, in order of events.

    Attributes:
        detections: Rules that hold by one event.
        hits: Rules that hold and have a :class:`~filterwatch.detections.Count`: they wait for their threshold.
    """

    detections: pl.DataFrame
    hits: pl.DataFrame


class RuleSet:
    """The rules of a school.  Never changes; safe to use from several threads.

    Args:
        rules: All rules, enabled or not.
        packs: Term packs by name.
    """

    def __init__(self, rules: Sequence[Loaded], packs: Mapping[str, Pack]) -> None:
        self.loaded = tuple(rules)
        self.rules = tuple(one.rule for one in rules)
        self.packs = MappingProxyType(dict(packs))
        counts = {rule.id: rule.threshold for rule in self.rules if rule.enabled}
        self.counts: Mapping[str, Count] = MappingProxyType({rule: count for rule, count in counts.items() if count})
        self.sure = frozenset(rule.id for rule in self.rules if rule.enabled and rule.visits == "sure")
        once = {rule.id: rule.once for rule in self.rules if rule.enabled}
        self.once: Mapping[str, str] = MappingProxyType({rule: level for rule, level in once.items() if level})
        self._facts = Facts()
        make = Conditions(self._facts, packs)
        self._unjudged = make.unjudged()
        self._compiled = [make.rule(one.rule, one.version) for one in rules if one.rule.enabled]
        self._table = _table(self._compiled)
        self._asked = _asked(self._compiled)
        shown = {test.column for one in self._compiled for test in tests(one.match) if test.column}
        needed = [*DETECTION_SCHEMA.names(), "started", "host", "query", "control_event", *sorted(shown)]
        self._needed = [name for name in dict.fromkeys(needed) if name not in self._table.columns]

    def warm(self) -> None:
        """Make ready what the first search needs, so that it is not told seconds late."""
        self._facts.warm()

    def evaluate(self, events: pl.DataFrame) -> Judged:
        """Judge *events*: enriched, in order, complete or not.

        Besides the event columns internal ones are read where they are there: ``category_bits`` (UInt64) instead of
        ``categories``, ``in_term`` (Boolean) for rules with ``terms``, ``embedded`` (Boolean) for rules on visits,
        ``search_kind`` and ``safe_search`` (String), and ``host_form`` (String) instead of ``host`` and ``query`` where
        it is not null.
        """
        if not len(events):
            return Judged(detections.none(), detections.none())
        facts, held = self._held(events)
        rows = np.concatenate([np.zeros(0, np.int64), *held.values()])
        if not len(rows):
            return Judged(detections.none(), detections.none())
        rules = np.repeat(np.fromiter(held, np.int64, len(held)), [len(some) for some in held.values()])
        order = np.lexsort((rules, rows))
        found = self._detections(events, facts, rows[order], rules[order])
        counted = pl.Series([one.rule.count is not None for one in self._compiled]).gather(rules[order])
        return Judged(found.filter(~counted), found.filter(counted))

    def explain(self, event: pl.DataFrame) -> list[Verdict]:
        """Return what every enabled rule says of one event and of each of its conditions.

        Args:
            event: One enriched row.
        """
        facts, late = self._facts.read(event)
        facts = facts.hstack(self._facts.read_late(event, dict.fromkeys(late, np.ones(1, np.bool_))))
        bits = {name: int(value) for name, value in facts.row(0, named=True).items()} if facts.columns else {}
        return [verdict(one, bits, self._unjudged) for one in self._compiled]

    def terms(self, search: str) -> list[Found]:
        """Return what each term pack that a rule asks for, and that knows anything in *search*, says of it."""
        return [found for found in self._facts.terms(search) if found.pack in self.packs]

    def _held(self, events: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, Rows]]:
        """Return the facts, and the rows of every rule that holds for some.

        1. Evaluate all rules; a test that is read late counts as held wherever it may be.
        2. Read the late words for the rows of the rules that ask for them.
        3. Evaluate those rules again, on those rows.
        """
        facts, late = self._facts.read(events)
        known = Known(_words(facts), late)
        held = _rows({at: truth(one.node, known) for at, one in enumerate(self._compiled)}, len(events))
        if open_ := {at: rows for at, rows in held.items() if not self._compiled[at].asks.isdisjoint(late)}:
            facts = facts.hstack(self._facts.read_late(events, self._due(open_, late, len(events))))
            known = Known(_words(facts))
            again = _again(known, {at: self._compiled[at].node for at in open_}, open_, len(events))
            held = {at: rows for at, rows in held.items() if at not in open_} | again
        return facts, _judged(truth(self._unjudged, known), held)

    def _due(self, open_: Mapping[int, Rows], late: Iterable[str], height: int) -> dict[str, NDArray[np.bool_]]:
        """Return for each late word the rows where a rule that asks for it may still hold."""
        due: dict[str, NDArray[np.bool_]] = {}
        for at, rows in open_.items():
            for word in self._compiled[at].asks.intersection(late):
                due.setdefault(word, np.zeros(height, np.bool_))[rows] = True
        return due

    def _detections(self, events: pl.DataFrame, facts: pl.DataFrame, rows: Rows, rules: Rows) -> pl.DataFrame:
        """Return one detection per pair of event row and rule."""
        found = events.select(name for name in self._needed if name in events.columns)[rows]
        return detections.make(
            _matched(found.hstack(self._table[rules]).hstack(self._reasons(_some(facts, rows), rules)))
        )

    def _reasons(self, facts: pl.DataFrame, rules: Rows) -> pl.DataFrame:
        """Return ``reason``, ``_column`` (whose text is the matched one) and ``_kind`` for each row.

        Rows with the same rule and the same of the facts it asks for have the same reason, so it is put into words
        once for all of them.
        """
        names = [name for name in self._asked.columns if name in facts.columns]
        asked = [facts[name].cast(pl.UInt64) & self._asked[name].gather(rules) for name in names]
        keyed = pl.DataFrame([pl.Series("_rule", rules, pl.Int64), *asked])
        same = keyed.with_row_index("_row").group_by(keyed.columns).agg("_row")
        said = []
        for row in same.select(keyed.columns).iter_rows(named=True):
            one, bits = self._compiled[row["_rule"]], row
            said.append((reason(one, bits), matched_column(one, bits), bypass_kind(one, bits)))
        words = pl.DataFrame(said, {"reason": pl.String, "_column": pl.String, "_kind": pl.String}, orient="row")
        return same.select("_row").hstack(words).explode("_row").sort("_row").drop("_row")


def _table(compiled: Sequence[Compiled]) -> pl.DataFrame:
    """Return what detections say of their rule, one row per rule."""
    rows = [
        (one.rule.id, one.version, one.rule.level, one.rule.category, one.rule.kind, one.rule.outcome)
        for one in compiled
    ]
    names = ("rule", "rule_version", "level", "category", "kind", "outcome")
    return pl.DataFrame(rows, {name: DETECTION_SCHEMA[name] for name in names}, orient="row")


def _asked(compiled: Sequence[Compiled]) -> pl.DataFrame:
    """Return which bits of which words a rule's reason depends on: a row per rule, a column per word."""
    asked = []
    for one in compiled:
        bits: dict[str, int] = {CATEGORIES: _BYPASS_BITS if one.rule.category == "bypass" else 0}
        for test in (*tests(one.match), *tests(one.when)):
            bits[test.word] = bits.get(test.word, 0) | test.mask
        asked.append(bits)
    words = sorted({word for bits in asked for word in bits})
    return pl.DataFrame(
        {word: [bits.get(word, 0) for bits in asked] for word in words}, dict.fromkeys(words, pl.UInt64)
    )


def _words(facts: pl.DataFrame) -> dict[str, NDArray[np.uint64] | Mask]:
    return {word.name: word.to_numpy() for word in facts}


def _judged(unjudged: Truth, held: dict[int, Rows]) -> dict[int, Rows]:
    """Return the rows of *held* that are judged at all."""
    if not isinstance(unjudged, bool):
        held = {at: rows[~unjudged[rows]] for at, rows in held.items()}
    return {at: rows for at, rows in held.items() if len(rows)}


def _some(facts: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """Return some rows; a frame without columns has a height too."""
    return facts[rows] if facts.columns else pl.DataFrame(height=len(rows))


def _rows(truths: Mapping[int, Truth], height: int) -> dict[int, Rows]:
    """Return the rows of every rule that holds for some, by its place."""
    found = {at: np.arange(height) if held is True else np.flatnonzero(held) for at, held in truths.items()}
    return {at: rows for at, rows in found.items() if len(rows)}


def _again(known: Known, nodes: Mapping[int, Node], may: Mapping[int, Rows], height: int) -> dict[int, Rows]:
    """Return the rows of every rule that holds for some, where each *may* hold only in some rows."""
    narrow = {at: node for at, node in nodes.items() if len(may[at]) <= height * _WIDE}
    out = _rows({at: truth(node, known) for at, node in nodes.items() if at not in narrow}, height)
    if narrow:
        some = np.zeros(height, np.bool_)
        for at in narrow:
            some[may[at]] = True
        rows = np.flatnonzero(some)
        few = Known({name: word[rows] for name, word in known.words.items()})
        held = _rows({at: truth(node, few) for at, node in narrow.items()}, len(rows))
        out |= {at: rows[places] for at, places in held.items()}
    return out


def _matched(found: pl.DataFrame) -> pl.DataFrame:
    """Add ``matched`` and settle ``kind``, from the columns that :meth:`RuleSet._reasons` named."""
    hosts = [name for name in ("host", "query") if name in found.columns]
    matched = pl.lit(None, dtype=pl.String)
    for column in found["_column"].unique().drop_nulls().sort():
        text = pl.coalesce(hosts) if column == HOST else pl.col(column).cast(pl.String)
        matched = pl.when(pl.col("_column") == column).then(text).otherwise(matched)
    kinds = [pl.col("_kind")]
    if "control_event" in found.columns:
        kinds.append(pl.col("control_event").cast(pl.String))
    return found.with_columns(matched=matched, kind=pl.coalesce("kind", *kinds))
