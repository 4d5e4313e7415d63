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

from filterwatch.events import EVENT_SCHEMA, TIME, column

VISIT = timedelta(seconds=2)
"""How long after a visit began a question for the same name belongs to it (our judgement).  Devices ask for A and AAAA
at once (RFC 8305 section 3) and for HTTPS beside them; people return later."""

ANSWERED = timedelta(seconds=5)
"""How long after its question a line is still its answer: then glibc asks again by default (resolv.conf(5))."""

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
        "stage": pl.Int8(),
        "weight": pl.Int8(),
        "leads": pl.Boolean(),
    }
)
"""Requests of the last seconds: their question, which line of a request it was (:func:`_stage`), the verdict known so
far as a weight, and whether they lead."""

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
    lines = _lines(events[rows], recent)
    leader = _leaders(lines, old)
    told = (
        events["rcode"][rows].is_not_null().to_numpy() if "rcode" in events.columns else np.zeros(len(rows), np.bool_)
    )
    verdict = _Verdicts(lines["weight"].to_numpy(), told, leader, old)
    leads = leader == np.arange(len(lines))
    counts = leads & lines["stands"].to_numpy()
    counts[verdict.late] = True
    events = _filled(events, rows, lines[old:], leader[verdict.filled] - old, verdict.by[verdict.filled] - old)
    carried = _carried(lines.with_columns(pl.Series("leads", leads), pl.Series("weight", verdict.known)))
    return events, rows.filter(pl.Series(~counts[old:])), carried


def _lines(dns: pl.DataFrame, recent: pl.DataFrame) -> pl.DataFrame:
    """Return *recent* and the lines of *dns*, answers with what their question says, and besides:

    ``place`` (number of the line), ``question`` (place of its question, its own where it is one, null where none is
    known), ``stands`` (whether it stands for a request: questions do, and answers whose question is not known; of these
    those that name neither a client nor a block tell of nobody: the target of an alias, for example).
    """  # noqa: D415 - a list of columns follows
    own = [name for name in RECENT if name not in ("stage", "weight", "leads")]
    weight = column(dns, "action").cast(pl.String).replace_strict(_WEIGHT, default=0, return_dtype=pl.Int8)
    weight = weight.fill_null(0)
    new = dns.lazy().select(
        *(column(dns, name).alias(name) for name in own), stage=_stage(dns, weight), weight=weight, leads=False
    )
    place, question = pl.col("place"), pl.col("question")
    asked = pl.coalesce(_known(_ASKS), place)
    replied = pl.coalesce(_known(_ASKS), _known(_DECIDES), place)
    latest = _near(question.forward_fill().over("stream", "request_key"))
    lines = (
        pl.concat([recent.lazy(), new.select(RECENT.names()).with_columns(pl.col("source", "stream").fill_null(""))])
        .with_row_index("place")  # a column: inside over() a range would begin anew in each group
        .with_columns(question=pl.when(pl.col("stage") == _ASKS).then(place))
        .with_columns(question=pl.when(pl.col("stage") == _DECIDES).then(asked).otherwise(question))
        .with_columns(question=pl.when(pl.col("stage") == _REPLIES).then(replied).otherwise(question))
        .with_columns(question=pl.when(pl.col("stage").is_null()).then(latest).otherwise(question))
        .with_columns(pl.coalesce(name, pl.col(name).gather(question)) for name in FILLED)
    )
    tells = pl.col("client_ip").is_not_null() | (pl.col("weight") == _BLOCKED)
    stands = (question == place) | (question.is_null() & tells)
    return lines.with_columns(stands=stands.fill_null(value=False)).collect(engine="in-memory")


_ASKS, _DECIDES, _REPLIES = 0, 1, 2


def _stage(dns: pl.DataFrame, weight: pl.Expr) -> pl.Expr:
    """Return which line of its request one is, where it names its type itself: the question, a decision (a local zone,
    an RPZ), the reply; null for lines that leave the type to their question.

    unbound and BIND name client, name and type on each of them; logs with one line a request have no key.
    """  # noqa: D205 - the cases are the promise
    bare = (weight == 0) & column(dns, "rcode").is_null()
    asks = bare | column(dns, "request_key").is_null()
    told = pl.when(column(dns, "rcode").is_null()).then(_DECIDES).otherwise(_REPLIES)
    stage = pl.when(asks).then(_ASKS).otherwise(told)
    return pl.when(column(dns, "query_type").is_not_null()).then(stage).cast(pl.Int8)


def _near(place: pl.Expr) -> pl.Expr:
    """Return *place*, null where that line is too long ago or the line has no key."""
    near = (pl.col("time") - pl.col("time").gather(place)).abs() <= ANSWERED
    return pl.when(near & pl.col("request_key").is_not_null()).then(place)


def _known(stage: int) -> pl.Expr:
    """Return the question of the nearest line of *stage* before each line, of its request's key."""
    here = pl.when(pl.col("stage") == stage).then(pl.col("question"))
    return _near(here.forward_fill().over("stream", "request_key"))


def _leaders(lines: pl.DataFrame, old: int) -> Places:
    """Return for each line the place of the line that leads its visit."""
    leader = np.arange(len(lines))
    address = pl.col("query_type").is_in(ADDRESS_TYPES).fill_null(value=True)
    name = ("source", "client_ip", "query")
    time = pl.col("time").to_physical().fill_null(0)
    names = (
        lines.lazy()
        .filter(pl.col("stands") & pl.col("query").is_not_null() & address)
        .select(
            "place",
            "leads",
            time.alias("time"),
            first=pl.col("place").first().over(name),
            short=(pl.col("time").max() - pl.col("time").min()).over(name) < VISIT,
        )
        .collect(engine="in-memory")
    )
    first = names["first"].to_numpy()
    short = names["short"].fill_null(value=False).to_numpy() & (first >= old)
    leader[names["place"].to_numpy()[short]] = first[short]
    _walk(names.filter(pl.Series(~short)), leader)
    question = lines["question"].fill_null(_NOBODY).cast(pl.Int64).to_numpy()
    return np.where(question < 0, leader, leader[np.maximum(question, 0)])


def _walk(lines: pl.DataFrame, leader: Places) -> None:
    """Find the leaders of names that one device asked for over a longer time, line by line."""
    length = VISIT // timedelta(microseconds=1)
    began: dict[int, tuple[int, int]] = {}
    columns = (lines[name].to_list() for name in ("place", "leads", "time", "first"))
    for place, led, time, name in zip(*columns, strict=True):
        last = began.get(name)
        if last is None or led or abs(time - last[1]) >= length:
            last = began[name] = (place, time)
        leader[place] = last[0]


class _Verdicts:
    """What is decided for each visit.

    Attributes:
        by: For each leader, the first line of the batch with the heaviest verdict of its visit, one that tells an
            answer before one that does not; else itself.
        filled: Leaders that take the verdict of that line.
        late: Lines with a block that their leader does not carry.
        known: For each leader, the weight of what is known after the batch.
    """

    def __init__(self, weight: NDArray[np.int8], told: NDArray[np.bool_], leader: Places, old: int) -> None:
        rank = 2 * weight
        rank[old:] += told
        heaviest = np.zeros(len(weight), np.int8)
        np.maximum.at(heaviest, leader[old:], rank[old:])
        decides = np.flatnonzero(rank[old:] == heaviest[leader[old:]])[::-1] + old
        best = heaviest // 2
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
        to, of = rows[leads], rows[by]
        changed.append(events["action"].scatter(to, events["action"][of]))
        have = [name for name in VERDICT if name in events.columns]
        said = pl.DataFrame([events[name][to] for name in have])
        said = said.select(pl.coalesce(name, events[name][of]).alias(name) for name in have)
        changed += [events[name].scatter(to, said[name]) for name in have]
    return events.with_columns(changed)


def _carried(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the requests that the next batch may go on with."""
    age = pl.col("time").max().over("source") - pl.col("time")
    keyed = pl.col("request_key").is_not_null() & (age <= ANSWERED)
    kept = pl.when("leads").then(age <= ANSWERED + VISIT).otherwise(keyed)
    return lines.lazy().filter("stands").filter(kept).select(RECENT.names()).tail(MOST).collect(engine="in-memory")


def _all(events: pl.DataFrame, name: str) -> pl.Series:
    if name in events.columns:
        return events[name]
    return pl.Series(name, [None], dtype=EVENT_SCHEMA[name]).new_from_index(0, len(events))
