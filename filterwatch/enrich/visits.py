"""Once, DNS: the lines of one request, and the requests for one name, count as one.

A resolver logs a question and each step towards its answer; a device asks for A, AAAA and HTTPS at a time.  All lines
with one ``request_key`` are one request; requests of one device for one name within two seconds are one *visit*.

The question that begins a visit counts (it leads).  It gets the verdict that the same batch holds, and the answers get
its client.  When a block comes later (in the next batch, or against what the leading line itself says), the first line
that carries it counts as well: a block that nobody counts would be a lie, two countings for one name are grouped into
one alert (decision 0032).
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filterwatch.enrich.columns import column
from filterwatch.events import EVENT_SCHEMA, TIME

VISIT = timedelta(seconds=2)
"""How long after a visit began a question for the same name belongs to it.  Stub resolvers ask A and AAAA together and
again after 1 s (RFC 8305 and glibc's options differ: 1 to 5 s); people return later."""

ANSWERED = timedelta(seconds=5)
"""How long after its question a line is still its answer: glibc and Windows give up by then."""

MOST = 5_000
"""Requests that are remembered: 700 new ones a second for seven seconds."""

ADDRESS_TYPES = ("A", "AAAA", "HTTPS", "SVCB")
"""What a device asks to visit a name; other types are requests of their own (TXT is how tunnels speak)."""

FILLED = ("client_ip", "client_mac", "client_port", "query_type")
"""What an answer takes from its question."""

VERDICT = ("filter_category", "filter_rule", "filter_reason", "rcode", "answer")
"""What the leading line takes, with the action, from the line that decided; where it says nothing itself."""

_WEIGHT = {"blocked": 4, "rewritten": 3, "error": 2, "allowed": 1}
_BLOCKED = _WEIGHT["blocked"]

RECENT = pl.Schema(
    {
        "source": pl.String(),
        "stream": pl.String(),
        "request_key": pl.String(),
        "time": TIME,
        "query": pl.String(),
        "client_ip": pl.String(),
        "client_mac": pl.String(),
        "client_port": pl.Int32(),
        "query_type": pl.String(),
        "weight": pl.Int8(),
        "leads": pl.Boolean(),
    }
)
"""Requests of the last seconds: their question, the verdict known so far as a weight, and whether they lead."""

Places = NDArray[np.int64]
"""Numbers of lines."""

_NOBODY = -1


def joined(events: pl.DataFrame, recent: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
    """Return *events* with questions and verdicts filled in, which of them do not count, and the new *recent*.

    Args:
        events: In the order of the pass.
        recent: Requests just before them (:data:`RECENT`).

    Returns:
        The events, row numbers of those that do not count, and what to hand in with the next batch.
    """
    rows = (events["kind"] == "dns").arg_true() if "kind" in events.columns else pl.Series([], dtype=pl.UInt32)
    if rows.is_empty():
        return events, rows, recent
    old = len(recent)
    lines = pl.concat([recent, _lines(events[rows])])
    question = _questions(lines)
    lines = _with_question(lines, question)
    stands = _stands(lines, question)
    leader = _leaders(lines, question, stands, old)
    verdict = _Verdicts(lines["weight"].to_numpy(), leader, old)
    counts = stands & (leader == np.arange(len(lines)))
    counts[verdict.late] = True
    events = _filled(events, rows, lines[old:], leader[verdict.filled] - old, verdict.by[verdict.filled] - old)
    return events, rows.filter(pl.Series(~counts[old:])), _carried(lines, stands, leader, verdict.known)


def _lines(dns: pl.DataFrame) -> pl.DataFrame:
    weight = column(dns, "action").cast(pl.String).replace_strict(_WEIGHT, default=0, return_dtype=pl.Int8)
    own = [name for name in RECENT if name not in ("weight", "leads")]
    return dns.select(
        *(column(dns, name).alias(name) for name in own), weight.fill_null(0).alias("weight"), leads=pl.lit(False)
    ).with_columns(pl.col("source", "stream").fill_null(""))


def _questions(lines: pl.DataFrame) -> Places:
    """Return for each line the place of its question (its own where it is one), or -1 where none is known."""
    place = pl.col("place")
    asks = pl.col("query_type").is_not_null()
    nearest = pl.when(asks).then(place).forward_fill().over("stream", "request_key")
    question = pl.when(asks).then(place).when(pl.col("request_key").is_not_null()).then(nearest)
    numbered = lines.with_row_index("place")  # inside over() a range would begin anew in each group
    found = numbered.select(question.cast(pl.Int64).fill_null(_NOBODY)).to_series().to_numpy()
    time = _microseconds(lines)
    apart = np.abs(time - time[np.maximum(found, 0)]) > ANSWERED // _MICROSECOND
    return np.where(apart, _NOBODY, found)


def _with_question(lines: pl.DataFrame, question: Places) -> pl.DataFrame:
    """Return *lines* with what an answer leaves to its question."""
    source = pl.Series(np.where(question < 0, np.arange(len(lines)), question))
    return lines.with_columns(pl.coalesce(name, lines[name].gather(source)).alias(name) for name in FILLED)


def _stands(lines: pl.DataFrame, question: Places) -> NDArray[np.bool_]:
    """Return which lines stand for a request: questions, and answers whose question is not known.

    Of the latter those that name neither a client nor a block tell of nobody: the target of an alias, for example.
    """
    tells = lines["client_ip"].is_not_null() | (lines["weight"] == _BLOCKED)
    result: NDArray[np.bool_] = (question == np.arange(len(lines))) | ((question < 0) & tells.to_numpy())
    return result


def _leaders(lines: pl.DataFrame, question: Places, stands: NDArray[np.bool_], old: int) -> Places:
    """Return for each line the place of the line that leads its visit."""
    leader = np.arange(len(lines))
    address = pl.col("query_type").is_in(ADDRESS_TYPES).fill_null(value=True)
    visits = (
        lines.select("source", "client_ip", "query", "leads", "time", place=pl.int_range(pl.len()))
        .filter(pl.Series(stands) & lines["query"].is_not_null() & lines.select(address).to_series())
        .group_by("source", "client_ip", "query", maintain_order=True)
        .agg("place", first=pl.col("place").first(), least=pl.col("time").min(), most=pl.col("time").max())
    )
    short = (pl.col("most") - pl.col("least") < VISIT) & (pl.col("first") >= old)
    flat = visits.filter(short).select("place", "first").explode("place")
    leader[flat["place"].to_numpy()] = flat["first"].to_numpy()
    _walk(visits.filter(~short)["place"].to_list(), lines, leader)
    return np.where(question < 0, leader, leader[np.maximum(question, 0)])


def _walk(visits: list[list[int]], lines: pl.DataFrame, leader: Places) -> None:
    """Find the leaders of names that one device asked for over a longer time, line by line."""
    time, leads = _microseconds(lines), lines["leads"].to_numpy()
    length = VISIT // _MICROSECOND
    for places in visits:
        last = _NOBODY
        for place in places:
            within = last != _NOBODY and abs(time[place] - time[last]) < length
            if not within or leads[place]:
                last = place
            leader[place] = last


class _Verdicts:
    """What is decided for each visit.

    Attributes:
        by: For each leader, the first line of the batch with the heaviest verdict of its visit; else itself.
        filled: Leaders that take the verdict of that line.
        late: Lines with a block that their leader does not carry.
        known: For each leader, the weight of what is known after the batch.
    """

    def __init__(self, weight: NDArray[np.int8], leader: Places, old: int) -> None:
        best = np.zeros(len(weight), np.int8)
        np.maximum.at(best, leader[old:], weight[old:])
        decides = np.flatnonzero(weight[old:] == best[leader[old:]])[::-1] + old
        self.by = np.arange(len(weight))
        self.by[leader[decides]] = decides  # the first line comes last here, and stays
        leads = leader == np.arange(len(weight))
        leads[:old] = False
        self.filled = np.flatnonzero(leads & (weight == 0) & (best > 0))
        self.known = weight.copy()
        self.known[self.filled] = best[self.filled]
        news = np.flatnonzero((best == _BLOCKED) & (self.known < _BLOCKED))
        self.late = self.by[news]
        self.known[news] = _BLOCKED


def _filled(events: pl.DataFrame, rows: pl.Series, lines: pl.DataFrame, leads: Places, by: Places) -> pl.DataFrame:
    """Return *events* with the answers' questions (*lines*), and the verdict of lines *by* at the lines *leads*."""
    changed = [
        _all(events, name).scatter(rows, lines[name]) for name in FILLED if lines[name].null_count() < len(lines)
    ]
    if len(leads):
        to, of = rows.gather(pl.Series(leads)), rows.gather(pl.Series(by))
        changed.append(events["action"].scatter(to, events["action"].gather(of)))
        for name in VERDICT:
            values = _all(events, name)
            said = values.gather(to)
            changed.append(values.scatter(to, said.zip_with(said.is_not_null(), values.gather(of))))
    return events.with_columns(changed)


def _carried(lines: pl.DataFrame, stands: NDArray[np.bool_], leader: Places, known: NDArray[np.int8]) -> pl.DataFrame:
    """Return the requests that the next batch may go on with."""
    leads = leader == np.arange(len(lines))
    age = pl.col("time").max().over("source") - pl.col("time")
    kept = (
        pl.when("leads")
        .then(age <= ANSWERED + VISIT)
        .otherwise(pl.col("request_key").is_not_null() & (age <= ANSWERED))
    )
    carried = lines.with_columns(pl.Series("leads", leads), pl.Series("weight", known, dtype=pl.Int8))
    return carried.filter(pl.Series(stands)).filter(kept).select(RECENT.names()).tail(MOST)


def _all(events: pl.DataFrame, name: str) -> pl.Series:
    return events.select(column(events, name)).to_series() if name in events.columns else _nulls(name, len(events))


def _nulls(name: str, length: int) -> pl.Series:
    return pl.Series(name, [None], dtype=EVENT_SCHEMA[name]).new_from_index(0, length)


def _microseconds(lines: pl.DataFrame) -> Places:
    return lines["time"].to_physical().fill_null(0).to_numpy()


_MICROSECOND = timedelta(microseconds=1)
