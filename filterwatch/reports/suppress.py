"""Small counts: what may be printed so that no count of 1 to 4 can be worked out.

A count of fewer than five people or cases can point at one of them.  Hiding the small cells is not enough: a total
beside a single hidden cell gives it away.  So more is withheld until, from all that is printed, every hidden small
count could as well be five or more.  The reader is taken to know that what is withheld is not zero.

The counts of a table and its totals are a circulation: what flows into a row's total flows out into its cells.  How
large a withheld count could be is then a maximum flow through what else is withheld; it is exact, and a table has few
edges.

Limit: who knows this procedure and a cell from elsewhere can work out more; and periods that overlap can be subtracted,
so reports with withheld counts are made for whole weeks only.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

FEWEST = 5
"""The smallest count above 0 that is printed (the usual rule for school statistics; NB15)."""

MANY = 10**9
"""More than any count."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One printed number, as a flow.

    Attributes:
        start: The sum it is part of (any name).
        end: The sum it adds to.
        count: The number.
    """

    start: str
    end: str
    count: int


def withheld(edges: Mapping[str, Edge]) -> frozenset[str]:
    """Return the names of the numbers not to print.

    Args:
        edges: The printed numbers by name; at every node as much flows in as out.
    """
    hidden = {name for name, edge in edges.items() if 0 < edge.count < FEWEST}
    while exposed := sorted(name for name in hidden if _is_exposed(edges, hidden, name)):
        hidden.add(_cheapest(edges, hidden, exposed[0]))
    return frozenset(hidden)


def _is_exposed(edges: Mapping[str, Edge], hidden: set[str], name: str) -> bool:
    return 0 < edges[name].count < FEWEST and largest(edges, hidden, name) < FEWEST


def _cheapest(edges: Mapping[str, Edge], hidden: set[str], name: str) -> str:
    """Return the smallest number that, withheld too, protects *name*; else the one that helps most."""
    choices = sorted((edge.count, other) for other, edge in edges.items() if other not in hidden and edge.count)
    best, most = choices[0][1], -1
    for _, other in choices:
        reach = largest(edges, hidden | {other}, name)
        if reach >= FEWEST:
            return other
        if reach > most:
            best, most = other, reach
    return best


def largest(edges: Mapping[str, Edge], hidden: set[str], name: str) -> int:
    """Return the largest count that *name* could have, for one who sees all that is not *hidden*.

    A withheld count may grow without bound and shrink to 1.  *name* grows by what can flow back from its end to its
    start through the other withheld ones.
    """
    room: dict[str, dict[str, int]] = {}
    for other in hidden - {name}:
        edge = edges[other]
        forth, back = room.setdefault(edge.start, {}), room.setdefault(edge.end, {})
        forth[edge.end] = forth.get(edge.end, 0) + MANY
        back[edge.start] = back.get(edge.start, 0) + edge.count - 1
    target = edges[name]
    total = target.count
    while total < FEWEST and (grown := _augment(room, target.end, target.start)):
        total += grown
    return total


def _augment(room: dict[str, dict[str, int]], start: str, end: str) -> int:
    """Send as much as fits along one shortest path; return how much."""
    came: dict[str, str] = {start: start}
    queue = deque([start])
    while queue and end not in came:
        node = queue.popleft()
        for neighbour, space in room.get(node, {}).items():
            if space > 0 and neighbour not in came:
                came[neighbour] = node
                queue.append(neighbour)
    if end not in came:
        return 0
    path = [end]
    while path[-1] != start:
        path.append(came[path[-1]])
    steps = [(after, before) for before, after in itertools.pairwise(path)]
    amount = min(room[one][other] for one, other in steps)
    for one, other in steps:
        room[one][other] -= amount
        room.setdefault(other, {})[one] = room.get(other, {}).get(one, 0) + amount
    return amount


@dataclass(frozen=True, slots=True)
class Printed:
    """A table of two dimensions as it may be printed; null is withheld.

    Attributes:
        cells: By row and column.
        rows: Totals of rows.
        columns: Totals of columns.
        total: Of all.
    """

    cells: Mapping[tuple[str, str], int | None]
    rows: Mapping[str, int | None]
    columns: Mapping[str, int | None]
    total: int | None


def table(counts: Mapping[tuple[str, str], int]) -> Printed:
    """Return a table of counts with its totals as it may be printed.

    Args:
        counts: By row and column; pairs that are absent count 0.
    """
    rows = sorted({row for row, _ in counts})
    columns = sorted({column for _, column in counts})
    cells = {(row, column): counts.get((row, column), 0) for row in rows for column in columns}
    edges = {f"cell {row}\0{column}": Edge(f"row {row}", f"column {column}", n) for (row, column), n in cells.items()}
    for row in rows:
        edges[f"row {row}"] = Edge("start", f"row {row}", sum(cells[row, column] for column in columns))
    for column in columns:
        edges[f"column {column}"] = Edge(f"column {column}", "end", sum(cells[row, column] for row in rows))
    edges["total"] = Edge("end", "start", sum(cells.values()))
    hidden = withheld(edges)

    def shown(name: str) -> int | None:
        return None if name in hidden else edges[name].count

    return Printed(
        {(row, column): shown(f"cell {row}\0{column}") for row, column in cells},
        {row: shown(f"row {row}") for row in rows},
        {column: shown(f"column {column}") for column in columns},
        shown("total"),
    )


def lists(*breakdowns: Mapping[str, int]) -> tuple[list[dict[str, int | None]], int | None]:
    """Return breakdowns of one and the same total, and that total, as they may be printed.

    Args:
        breakdowns: Counts by name; each adds up to the same total.

    Raises:
        ValueError: They do not.
    """
    totals = {sum(breakdown.values()) for breakdown in breakdowns}
    if len(totals) > 1:
        raise ValueError(f"breakdowns of one total add up to {sorted(totals)}")
    edges = {
        f"{number} {name}": Edge(f"node {number}", f"node {number + 1}", count)
        for number, breakdown in enumerate(breakdowns)
        for name, count in breakdown.items()
    }
    edges["total"] = Edge(f"node {len(breakdowns)}", "node 0", next(iter(totals), 0))
    hidden = withheld(edges)
    shown = [
        {name: None if f"{number} {name}" in hidden else count for name, count in breakdown.items()}
        for number, breakdown in enumerate(breakdowns)
    ]
    return shown, None if "total" in hidden else edges["total"].count
