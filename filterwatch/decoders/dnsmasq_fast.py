"""The vectorised reader of dnsmasq's query log.

1. The stamp is read from its fixed place, `dnsmasq[pid]:` found behind it.
2. The last three blanks of a line stand before the name, the verb and the destination; with `extra` the first two
behind
   the header end the serial and the client.  Those blanks become separators, and the CSV reader cuts the columns.
3. What few distinct texts mean (program, source words, client, upstream, answer words) is asked of the exact reader.
A name with a blank makes source words that nobody knows: such a line takes the exact path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import polars as pl

from filterwatch.decoders import dnsmasq
from filterwatch.decoders.dnsmasq import Policy, Role
from filterwatch.decoders.envelope import tagged
from filterwatch.decoders.reading import address
from filterwatch.decoders.screen import SEPARATOR, Bytes, Lines, Mask, Places, kept
from filterwatch.decoders.stamps import Stamps, read_stamps
from filterwatch.decoders.tables import Row, looked_up
from filterwatch.events import ACTION, KIND, DataType

_HEAD = ("stamp", "program", "pid")
_MESSAGE = ("words", "name", "verb", "destination")
_EXTRA = ("serial", "client")


def read(lines: Lines, policy: Policy) -> pl.DataFrame:
    """Return the events of the lines that are certain, with ``line``, ``stamp_us`` and ``stamp_clock``."""
    stamps = read_stamps(lines)
    array = lines.array
    closing = np.flatnonzero((array[:-2] == ord("]")) & (array[1:-1] == ord(":")) & (array[2:] == 32))
    close = lines.next_of(closing, stamps.body)
    opened = lines.next_of(np.flatnonzero(array == ord("[")), stamps.body)
    good = lines.regular & stamps.found & ~stamps.modern & (opened < close) & (close + 3 < lines.ends)
    behind = np.searchsorted(lines.marks, close + 2)
    blanks = lines.first + lines.blanks - behind - 1
    extra = array[np.minimum(close + 3, len(array) - 1)] - np.uint8(48) <= 9
    parts = [
        _cut(lines, stamps, good & extra & (blanks >= 5), (opened, close + 2), behind, extra=True),
        _cut(lines, stamps, good & ~extra & (blanks >= 3), (opened, close + 2), behind, extra=False),
    ]
    frames = [_events(part, policy) for part in parts if part is not None]
    if not frames:
        return pl.DataFrame(schema={"line": pl.UInt32()})
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal").sort("line")


def _cut(
    lines: Lines, stamps: Stamps, good: Mask, head: tuple[Places, Places], behind: Places, *, extra: bool
) -> pl.DataFrame | None:
    """Cut the columns of the lines in *good*."""
    rows = np.flatnonzero(good)
    if not len(rows):
        return None
    array: Bytes = lines.array.copy()
    array[stamps.body[rows] - 1] = SEPARATOR
    for places in head:
        array[places[rows]] = SEPARATOR
    line_end = lines.first[rows] + lines.blanks[rows]
    indices = [line_end - 3, line_end - 2, line_end - 1]
    if extra:
        indices += [behind[rows] + 1, behind[rows] + 2]
    for index in indices:
        array[lines.marks[index]] = SEPARATOR
    names = (*_HEAD, *(_EXTRA if extra else ()), *_MESSAGE)
    text = pl.read_csv(
        kept(array, lines, good),
        separator=chr(SEPARATOR),
        quote_char=None,
        has_header=False,
        schema=dict.fromkeys(names, pl.String()),
        columns=list(range(1, len(names))),
    )
    return text.with_columns(
        line=pl.Series(rows.astype(np.uint32)),
        stamp_us=pl.Series(stamps.us[rows]),
        stamp_clock=pl.Series(stamps.clock[rows]),
    )


_WORDS: Mapping[str, DataType] = {
    "role": pl.UInt8(),
    "meant": pl.String(),
    "query_type": pl.String(),
    "filter_reason": pl.String(),
    "filter_rule": pl.String(),
}


def _events(text: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    tables = [
        looked_up(text["program"], _program, {}),
        looked_up(text["pid"], _pid, {"process": pl.String()}),
        looked_up(text["words"], _words, _WORDS),
    ]
    name = pl.col("name")
    checks = [
        # The root, addresses (their reverse name was asked for) and upstream errors take the exact path.
        (~name.str.contains(r":|[0-9.]$") & (name != "error") & (name != "(CNAME)")).fill_null(value=False),
        (pl.col("verb") == pl.col("meant")).fill_null(value=False),
        pl.col("destination").is_not_null(),
    ]
    text = text.with_columns(*(column for table in tables for column in table.drop("known")))
    if "serial" in text.columns:
        text, sure = _with_client(text)
        checks += sure
    known = text.select(pl.all_horizontal(checks)).to_series()
    for table in tables:
        known &= table["known"]
    if not known.all():
        text = text.filter(known)
    text = text.with_columns(query=name.str.to_lowercase())
    key = pl.col("serial") if "serial" in text.columns else pl.col("query")
    return text.select(
        pl.col("line", "stamp_us", "stamp_clock", "query", "query_type", "filter_reason", "filter_rule"),
        *_by_role(text, policy),
        kind=pl.lit("dns", KIND),
        request_key=pl.concat_str("process", pl.lit("/"), key),
    )


def _with_client(text: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.Expr]]:
    """Take ``client/port`` apart; return also what must hold."""
    split = text.select(pl.col("client").str.splitn("/", 2).struct.rename_fields(["host", "port"]).struct.unnest())
    client = looked_up(split["host"], _client, {"asking": pl.String()})
    port = pl.col("client_port")
    text = text.with_columns(
        client["asking"],
        client["known"].alias("asked"),
        split["port"].str.contains("^[0-9]{1,5}$").fill_null(value=False).alias("numbered"),
        split["port"].cast(pl.Int32, strict=False).alias("client_port"),
    )
    checks = [pl.col("asked"), pl.col("numbered"), port > 0, port <= 65_535]
    return text, [*checks, pl.col("serial").str.contains("^[0-9]{1,10}$").fill_null(value=False)]


def _by_role(text: pl.DataFrame, policy: Policy) -> list[pl.Series]:
    """Return the columns whose meaning depends on what kind of line it is."""
    role, words, destination, query = text["role"], text["words"], text["destination"], text["query"]
    count = len(text)
    asking = _filled(count, pl.String(), "client_ip")
    upstream = _filled(count, pl.String(), "dest_ip")
    upstream_port = _filled(count, pl.Int32(), "dest_port")
    queries = (role == Role.QUERY).arg_true()
    clients = looked_up(destination.gather(queries), lambda word: (address(word),), {"ip": pl.String()})
    asking = asking.scatter(queries, clients["ip"])
    forwards = (role == Role.FORWARDED).arg_true()
    servers = looked_up(destination.gather(forwards), dnsmasq.upstream, {"ip": pl.String(), "port": pl.Int32()})
    upstream = upstream.scatter(forwards, servers["ip"])
    upstream_port = upstream_port.scatter(forwards, servers["port"])
    if "asking" in text.columns:
        asking = text["asking"].alias("client_ip")
    columns = [asking, upstream, upstream_port, *_answers(role, words, destination, query, policy)]
    return [*columns, text["client_port"]] if "client_port" in text.columns else columns


def _answers(
    role: pl.Series, words: pl.Series, destination: pl.Series, query: pl.Series, policy: Policy
) -> list[pl.Series]:
    """Return action, answer code and answer."""
    frame = pl.DataFrame({"role": role, "words": words, "destination": destination})
    answers = pl.col("role") >= Role.ANSWER
    sink = pl.col("destination").is_in(sorted(policy.sinks))
    frame = frame.select(
        "destination",
        answer_line=answers,
        coded=answers & pl.col("destination").str.contains(_CODED),
        own=(pl.col("role") == Role.ANSWER) & (pl.col("words") == "config") & ~sink,
        action=pl.when(pl.col("role") == Role.QUERY)
        .then(pl.lit("unknown"))
        .when((pl.col("role") == Role.BLOCK) | (answers & sink))
        .then(pl.lit("blocked"))
        .otherwise(pl.lit("allowed"))
        .cast(ACTION),
        rcode=pl.when(answers).then(pl.lit("NOERROR")),
        answer=pl.when(answers).then(pl.col("destination")),
    )
    action, rcode, answer = frame["action"], frame["rcode"], frame["answer"]
    coded = frame["coded"].arg_true()
    if len(coded):
        codes = looked_up(destination.gather(coded), _code, {"code": pl.String(), "answer": pl.String()})
        rcode, answer = rcode.scatter(coded, codes["code"]), answer.scatter(coded, codes["answer"])
    own = frame["own"].arg_true()
    if len(own):
        pairs = pl.select(pl.concat_str(destination.gather(own), query.gather(own), separator=" ")).to_series()
        found = looked_up(pairs, lambda pair: (_own_action(policy, pair),), {"action": ACTION})
        action = action.scatter(own, found["action"])
    return [action, rcode, answer]


def _filled(count: int, dtype: DataType, name: str) -> pl.Series:
    return pl.select(pl.repeat(None, count, dtype=dtype).alias(name)).to_series()


_CODED = r"^(?:NXDOMAIN|NODATA|SERVFAIL|REFUSED|NOTIMP|FORMERR)(?:-|$)"


def _code(text: str) -> Row:
    code = dnsmasq.no_answer(text)
    return (code or "NOERROR", None if code else text)


def _own_action(policy: Policy, pair: str) -> str:
    answer, _, name = pair.partition(" ")
    return policy.action("config", answer, name)


def _program(text: str) -> Row | None:
    found = tagged(f"{text}[1]: x")
    return () if found and found.message == "x" and found.program in ("dnsmasq", "pihole-FTL") else None


def _pid(text: str) -> Row | None:
    found = re.fullmatch(r"([0-9]+)\]:", text)
    return (found[1],) if found else None


def _words(text: str) -> Row | None:
    meaning = dnsmasq.source(text)
    if meaning is None:
        return None
    path = text.startswith("/")
    reason = None if meaning.role is Role.QUERY else "hosts file" if path else text
    rule = text if path and meaning.role is Role.ANSWER else None
    return (int(meaning.role), meaning.verb, meaning.query_type, reason, rule)


def _client(text: str) -> Row | None:
    return (address(text),) if re.fullmatch(r"[0-9A-Fa-f:.]+", text) else None
