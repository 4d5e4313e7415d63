"""Addresses and searches that are easy to get wrong: what the product says of each, against what is right.

    .venv/bin/python -m benchmarks.tricky CASES RULES [--rules DIR] [--but ID...] [--show]

CASES is tab separated with a header: ``id group input host registrable categories engine kind terms safesearch note``;
nothing is trimmed. ``categories`` is a comma list, ``-`` for none, ``unparseable`` where no host can be had;
``safesearch`` is ``on``, ``blur``, ``off`` or ``?``; any other empty cell says that there is none. Rows of the group
``cname`` are answers of a resolver and are left out.

RULES is tab separated, ``type value category``: ``domain``, ``full``, ``wild``, ``ip``, ``url`` and ``allow`` become
category lists, ``regex`` rules on URLs, ``kw`` and ``ctx`` term packs with rules that name them. Everything is compiled
as a school's own would be. A word that is no category of ours borrows one that nobody uses.
Safe search that is off is told by the rule of DIR, as the category ``unsafe_search``.

Ends with 1 when any row but those of ``--but`` (held to be wrong) differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from filterwatch import enrich, lists, policy
from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.events import CATEGORIES, EVENT_SCHEMA, GROUP
from filterwatch.text import printable

MORNING = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
JUDGED = ("host", "registrable", "categories", "engine", "kind", "terms", "safesearch")
LEFT_OUT = "cname"
UNPARSEABLE, UNSAFE, NO_VERDICT = "unparseable", "unsafe_search", "none"
LISTED = {"domain": "", "full": "=", "wild": "", "ip": "", "url": "", "allow": ""}
"""Types of rules that become entries of lists, and the mark of our own form before each."""

JUDGING = ("regex", "kw", "ctx")
"""Types of rules that become rules and term packs."""

SAFE_SEARCH = "safe_search_off.yaml"

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Engine:
    """The product, made from the fixture's rules.

    Attributes:
        words: The fixture's word for each category that was lent to it.
    """

    words: Mapping[str, str]
    index: lists.CategoryIndex
    context: enrich.Enrich
    rules: policy.RuleSet


def table(path: Path, wanted: Iterable[str]) -> list[dict[str, str]]:
    """Return the rows of a tab-separated file by the names in its first line, untrimmed.

    Raises:
        ConfigurationError: It lacks a column that is *wanted*, or a row has more or fewer cells than the first line.
    """
    header, *rows = [line.split("\t") for line in path.read_bytes().decode().split("\n")]
    names = [name.removeprefix("# ") for name in header]
    wrong = [Mistake(str(path), 1, 1, f"no column '{name}'") for name in wanted if name not in names]
    for number, row in enumerate(rows, 2):
        if row != [""] and len(row) != len(names):
            wrong.append(Mistake(str(path), number, 1, f"must have {len(names)} cells, found {len(row)}"))
    if wrong:
        raise ConfigurationError(wrong)
    return [dict(zip(names, row, strict=True)) for row in rows if row != [""]]


def lent(words: Iterable[str]) -> dict[str, str]:
    """Return a category for each of *words*: itself where it is one."""
    asked = sorted(set(words))
    spare = [word for word in CATEGORIES if word not in asked and word != "csam"]
    return {word: word if word in CATEGORIES else spare.pop() for word in asked}


def compiled(fixture: Sequence[Row], shipped: Path, scratch: Path) -> Engine:
    """Return the product, made from the *fixture* and the rule on safe search in *shipped*.

    Raises:
        ConfigurationError: With every mistake that the product finds in them.
    """
    for type_ in {row["type"] for row in fixture}.difference(LISTED, JUDGING):
        raise ConfigurationError([Mistake("rules", 0, 0, f"type: unknown, found '{printable(type_)}'")])
    by_type: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    words = lent([UNSAFE, *(row["category"] for row in fixture if row["category"] not in ("", NO_VERDICT))])
    for row in fixture:
        if row["category"] != NO_VERDICT:
            by_type[row["type"]][words.get(row["category"], "")].append(row["value"])
    for name in ("lists", "rules/terms"):
        (scratch / name).mkdir(parents=True)
    _write_lists(by_type, scratch / "lists")
    _write_rules(by_type, scratch / "rules")
    off = (shipped / SAFE_SEARCH).read_text("utf-8").replace("category: adult\n", f"category: {words[UNSAFE]}\n")
    (scratch / "rules" / SAFE_SEARCH).write_text(off)
    index = lists.prepare(scratch / "lists", scratch / "lists.index")
    back = {mine: word for word, mine in words.items()}
    return Engine(back, index, enrich.build(enrich.Settings(), index), policy.load(scratch / "rules"))


def _write_lists(by_type: Mapping[str, Mapping[str, Sequence[str]]], folder: Path) -> None:
    entries: defaultdict[str, list[str]] = defaultdict(list)
    for type_, mark in LISTED.items():
        for category, values in by_type.get(type_, {}).items():
            entries[category] += [mark + value for value in values]
    for category, names in entries.items():
        head = f"# category: {category}\n" if category else "# category: all\n# mode: allow\n"
        (folder / f"{category or 'allowed'}.txt").write_text(head + "\n" + "\n".join(names) + "\n", "utf-8")


def _write_rules(by_type: Mapping[str, Mapping[str, Sequence[str]]], folder: Path) -> None:
    for category, patterns in by_type["regex"].items():
        match = {"url": {"regex": "(?i)" + "|".join(f"(?:{one})" for one in patterns)}}
        _write_rule(folder, f"{category}-shape", category, match)
    for category, terms in by_type["kw"].items():
        benign = by_type["ctx"].get(category, [])
        pack = {"id": category, "language": "en", "terms": terms, "benign": benign}
        (folder / "terms" / f"{category}.yaml").write_text(json.dumps(pack), "utf-8")
        _write_rule(folder, f"{category}-searches", category, {"search_terms": {"pack": category}})


def _write_rule(folder: Path, name: str, category: str, match: Mapping[str, object]) -> None:
    rule = {
        "id": name,
        "title": name,
        "level": "low",
        "category": category,
        "policy": {"text": "Made for a test", "section": "None"},
        "match": match,
        "outcome": "advisory",
        "examples": {"holds": [{"host": "a.example"}], "does_not_hold": [{"host": "b.example"}]},  # nobody asks them
    }
    (folder / f"{name}.yaml").write_text(json.dumps(rule), "utf-8")


def answers(engine: Engine, inputs: Sequence[str]) -> list[dict[str, str]]:
    """Return what the product says of each input, in the columns of :data:`JUDGED`."""
    hosts = enrich.normal_host(pl.Series("host", inputs, dtype=pl.String))
    known = {"time": MORNING, "kind": "http", "method": "GET", "action": "allowed", "source": "b", "stream": "b"}
    events = pl.DataFrame({"host": hosts, "url": inputs}).with_row_index("line_offset")
    events = events.with_columns(pl.lit(value).alias(name) for name, value in known.items())
    events = events.select(pl.col(name).cast(EVENT_SCHEMA[name]) for name in events.columns)
    settled = engine.context.settle(engine.context.prepare(events))
    settled = settled.with_columns(group=pl.lit("pupils", GROUP), counted=pl.lit(value=True))
    raised = defaultdict(set)
    for row, category in engine.rules.evaluate(settled).detections.select("line_offset", "category").iter_rows():
        raised[row].add(category)
    rows = settled.select("line_offset", "host", "domain", "categories", "search_terms").iter_rows(named=True)
    return [_answer(engine, text, row, raised[row["line_offset"]]) for text, row in zip(inputs, rows, strict=True)]


def _answer(engine: Engine, text: str, row: Mapping[str, object], raised: set[str]) -> dict[str, str]:
    listed = row["categories"] if isinstance(row["categories"], list) else []
    found = {engine.words.get(word, word) for word in (*listed, *raised) if "." not in word}
    asked = engine.context.asked(text)
    searched = row["search_terms"] or (asked.terms if asked and asked.kind == "suggest" else "")
    return {
        "host": str(row["host"] or ""),
        "registrable": str(row["domain"] or ""),
        "categories": UNPARSEABLE if row["host"] is None else ",".join(sorted(found)) or "-",
        "engine": asked.engine if asked else "",
        "kind": asked.kind if asked else "",
        "terms": str(searched),
        "safesearch": (asked.safe or "?") if asked else "",
    }


def differences(row: Row, answer: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what *row* says and what the product says, where they differ, by column."""
    said = dict(row) | {"categories": ",".join(sorted(row["categories"].split(","))) or "-"}
    return {name: (said[name], answer[name]) for name in JUDGED if said[name] != answer[name]}


def main() -> int:
    """Print a table of the groups and each row that differs; 1 when one does that should not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("fixture", type=Path, metavar="rules")
    parser.add_argument("--rules", type=Path, default=Path("rules"), help="rules of the product")
    parser.add_argument("--but", nargs="*", default=[], metavar="ID", help="rows that are held to be wrong")
    parser.add_argument("--show", action="store_true", help="print what the product says of every row")
    given = parser.parse_args()
    try:
        rows = [row for row in table(given.cases, ("id", "group", "input", *JUDGED)) if row["group"] != LEFT_OUT]
        with tempfile.TemporaryDirectory() as scratch:
            engine = compiled(table(given.fixture, ("type", "value", "category")), given.rules, Path(scratch))
            found = answers(engine, [row["input"] for row in rows])
    except (ConfigurationError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return _told(rows, found, given.but, show=given.show)


def _told(rows: Sequence[Row], found: Sequence[Row], but: Sequence[str], *, show: bool) -> int:
    right: Counter[str] = Counter()
    late = False
    for row, answer in zip(rows, found, strict=True):
        differs = differences(row, answer)
        right[row["group"]] += not differs
        late |= bool(differs) and row["id"] not in but
        if show:
            print(printable(f"{row['id']} {row['input']!r} {dict(answer)}"))
        for name, (expected, got) in differs.items():
            note = " (held to be wrong)" if row["id"] in but else ""
            print(
                printable(f"{row['id']} {row['group']} {row['input']!r}: {name}: expected {expected!r}, got {got!r}")
                + note
            )
    groups = Counter(row["group"] for row in rows)
    for group, count in groups.items():
        print(f"{group:20}{right[group]:5} of {count:4}")
    print(f"{'all':20}{right.total():5} of {groups.total():4}")
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
