"""What a decoder made of each line, step by step: for ``filterwatch decode --explain``.

A field map says everything: which key fed which column and which word decided.  A grammar is code: of its lines the
envelope, the time, the path and the columns can be told.  Credentials are cut; other texts are as the log has them, so
whoever shows them encodes them for the place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from zoneinfo import ZoneInfo

import polars as pl

from filterwatch.config import Document, validate
from filterwatch.decoders.catalogue import formats, make
from filterwatch.decoders.columns import among
from filterwatch.decoders.convert import BY_COLUMN, OWN_COLUMN
from filterwatch.decoders.decoded import Decoded, Decoder
from filterwatch.decoders.envelope import open_envelope
from filterwatch.decoders.format import Format, Options
from filterwatch.decoders.journald import OPENED
from filterwatch.decoders.line_decoder import FEW, LineDecoder
from filterwatch.decoders.mapped import Way, cut_of, holds
from filterwatch.decoders.maps import FieldMap, Record, Target
from filterwatch.decoders.reading import Clock, Event, visible
from filterwatch.decoders.redact import redact
from filterwatch.decoders.stamps import read_stamp
from filterwatch.decoders.written import stamps
from filterwatch.lines import Checkpoint, LineBatch

Values = Mapping[str, str | None]

_PRIORITY = r"^<\d{1,3}> ?"
_streams = count()


@dataclass(frozen=True, slots=True)
class Fed:
    """An event column and what it came from.

    Attributes:
        column: The event column.
        value: What stands in it; null where the conversion made nothing of the text.
        key: The key in the line; null where a grammar read it, or the format always says so.
        text: The text under that key.
        conversion: Through what the text became the value.
    """

    column: str
    value: str | None
    key: str | None = None
    text: str | None = None
    conversion: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """One line, taken apart.

    Attributes:
        number: Of the line, from 1.
        line: Its text without credentials.
        envelope: What stands around the message: ``stamp``, ``host``, ``program``, ``pid``.
        time: How its time was read.
        family: The family of the format's lines, and the shape that took this one.
        path: ``fast`` or ``exact``: how such a line is read among many.
        fed: The event's columns.
        dropped: Key and text of what feeds no column; null where a grammar cannot tell.
        record: The type of line that a field map took it for, by its conditions.
        verdict: What decided the action.
        answer: ``event``, or ``rejected: why``, or ``skipped: why``.
    """

    number: int
    line: str
    envelope: Mapping[str, str]
    time: str
    family: str
    path: str
    fed: Sequence[Fed]
    dropped: Sequence[tuple[str, str]] | None
    record: str | None
    verdict: str | None
    answer: str


def explain(
    batch: LineBatch, name: str, options: Mapping[str, object], zone: ZoneInfo, limit: int
) -> Iterator[Explained]:
    """Yield what the format *name* makes of the first *limit* lines of *batch*, one by one.

    Args:
        batch: Lines of one file, from its beginning where a header stands there.
        name: One of :func:`catalogue.names`.
        options: The options of the source, as in its configuration.
        zone: Zone of times that have none.
        limit: Most lines.

    Raises:
        UnknownFormat: There is no such format.
        ConfigurationError: An option is unknown or wrong.
    """
    decoder, repeating = make(name, options, zone=zone), make(name, options, zone=zone)
    format_ = formats()[name]
    own = validate(Document(f"options of format {name}", dict(options)), format_.options)
    taken = _Format(format_, own, format_.make(name, own, zone), ZoneInfo(own.zone) if own.zone else zone)
    mapped = _Mapped(format_.map_) if format_.map_ else None
    stream = f"explain {next(_streams)}"
    first = _batch([batch.line(index) for index in range(min(limit, len(batch)))], stream, batch, 0)
    answers = decoder.decode(first)
    repeating.decode(first)  # now it knows what stands at the head of the file
    for index in range(len(first)):
        line = batch.line(index)
        decoded = _only(answers, index)
        odd = repeating.decode(_batch([line] * (FEW + 1), stream, batch, index)).counts.get("odd_lines")
        inner = OPENED[own.journal](line) if own.journal else line
        message = inner if isinstance(inner, bytes) else line
        told = mapped.of(message, _event(decoded)) if mapped else None
        one = taken.explained(message, decoded, told)
        yield replace(one, number=index + 1, line=visible(redact(line)), path="exact" if odd or not one.fed else "fast")


def _only(decoded: Decoded, line: int) -> Decoded:
    mine = pl.col("line") == line
    return Decoded(decoded.events.filter(mine), decoded.rejected.filter(mine), decoded.skipped.filter(mine))


def text_of(one: Explained) -> Iterator[tuple[str, str]]:
    """Yield what was found of a line as label and text, in the order of reading; a label may come again."""
    yield f"line {one.number}", one.line
    yield "envelope", ", ".join(f"{name} {part}" for name, part in one.envelope.items()) or "none"
    yield "time", one.time
    yield "family", f"{one.family}; {one.path} path"
    if one.record:
        yield "record", f"the first whose conditions hold: {one.record}"
    for fed in one.fed:
        from_ = f" <- {fed.key}={fed.text}" if fed.key else ""
        through = f" ({fed.conversion})" if fed.conversion else ""
        yield "column", f"{fed.column} = {'null' if fed.value is None else fed.value}{from_}{through}"
    if one.dropped is None and one.fed:
        yield "dropped", "cannot be told: the grammar is code, not a field map"
    for key, text in one.dropped or ():
        yield "dropped", f"{key}={text}"
    if one.verdict:
        yield "verdict", one.verdict
    yield "answer", one.answer


@dataclass(frozen=True, slots=True)
class _Format:
    """A format as it is asked: its options, its decoder without what opens other lines, its zone."""

    format: Format
    own: Options
    bare: Decoder
    zone: ZoneInfo

    def explained(self, message: bytes, decoded: Decoded, told: _Told | None) -> Explained:
        """Return one line taken apart; its number, text and path are to be filled in."""
        event = _event(decoded)
        action = event.get("action")
        verdict = told.verdict if told else f"the grammar: {action}" if action else None
        return Explained(
            number=0,
            line="",
            envelope=_around(message),
            time=self._time(told.clock if told else _clock(self.bare, message), event.get("time")),
            family=told.family if told else self.format.family,
            path="",
            fed=told.fed if told else [Fed(column, value) for column, value in event.items()],
            dropped=told.dropped if told else None,
            record=told.record if told else None,
            verdict=verdict if event else None,
            answer="event" if event else _why(decoded),
        )

    def _time(self, clock: Clock | None, time: str | None) -> str:
        if time is None:
            return "none: the line is no event"
        year = f"the year {self.own.year} by its option" if self.own.year else "the year nearest to the time of reading"
        said = {
            Clock.UTC: "an instant: nothing was assumed",
            Clock.WALL: f"no zone in the line: taken for local time of {self.zone.key}",
            Clock.YEARLESS: f"no year and no zone in the line: {year}, local time of {self.zone.key}",
            Clock.NONE: "no time in the line: the time of reading stands for it",
        }
        return f"{time} ({said[clock]})" if clock is not None else time


def _batch(lines: Sequence[bytes], stream: str, like: LineBatch, index: int) -> LineBatch:
    data = b"".join(line + b"\n" for line in lines)
    first = int(like.line_offsets[index]) if len(like) else 0
    return replace(
        like, stream=stream, data=data, first_offset=first, last_offset=first + len(data), offsets=(), gaps=(),
        checkpoint=Checkpoint(like.source, stream, len(data)),
    )  # fmt: skip


def _event(decoded: Decoded) -> dict[str, str]:
    """Return the columns of the one event, time first, nulls left out; nothing where the line is none."""
    if not len(decoded.events):
        return {}
    row = decoded.events.drop("line").with_columns(pl.col("time").dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ"))
    found = {column: str(value) for column, value in row.row(0, named=True).items() if value is not None}
    return {"time": found.pop("time"), **{column: _clean(value) for column, value in found.items()}}


def _why(decoded: Decoded) -> str:
    for word, frame in (("rejected", decoded.rejected), ("skipped", decoded.skipped)):
        if len(frame):
            return f"{word}: {frame['why'][0]}"
    return "no answer"


def _around(line: bytes) -> dict[str, str]:
    text = visible(line)
    envelope, found = open_envelope(text), read_stamp(text)
    parts = {
        "stamp": text[: found[1]].strip() if found else None,
        "host": envelope.host,
        "program": envelope.program,
        "pid": envelope.pid,
    }
    return {name: _clean(part) for name, part in parts.items() if part}


def _clock(bare: Decoder, line: bytes) -> Clock | None:
    """Return what the stamp of a line of a grammar says; null where the grammar is no reader of single lines."""
    answer = bare.exact(line) if isinstance(bare, LineDecoder) else None
    return answer.stamp.clock if isinstance(answer, Event) else None


def _clean(text: str) -> str:
    return visible(redact(text.encode("utf-8", "replace")))


def _value(key: str, text: str) -> str:
    """Return the text under *key* without what may be a credential: the key's name tells, too."""
    name = key.rpartition(".")[2]
    return _clean(f"{name}={text}")[len(name) + 1 :]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a field map says of one line."""

    family: str
    clock: Clock | None
    fed: Sequence[Fed]
    dropped: Sequence[tuple[str, str]]
    record: str | None
    verdict: str | None


class _Mapped:
    """Takes lines apart by a field map; remembers the columns that a header named."""

    def __init__(self, map_: FieldMap) -> None:
        self._map = map_
        self._columns: list[str] = []

    def of(self, line: bytes, event: Mapping[str, str]) -> _Told:
        """Return what the map makes of *line*, of which *event* came."""
        whole = visible(line.removeprefix(b"\xef\xbb\xbf").lstrip(b"\0"))
        for shape in self._map.shapes:
            if shape.header and whole.startswith(shape.header):
                self._columns = whole.removeprefix(shape.header).split()
        texts = pl.Series([whole], dtype=pl.String).str.replace(_PRIORITY, "")
        for number, shape in enumerate(self._map.shapes):
            if shape.header and not self._columns:
                continue
            named = shape.model_copy(update={"columns": self._columns}) if shape.header else shape
            way = Way(named, cut_of(named))
            message = way.messages(texts)[0]
            pairs = way.cut.exact(message) if message is not None else None
            heads = way.heads(texts).rows(named=True)
            head = {key: text for key, text in heads[0].items() if text is not None} if heads else {}
            if pairs is None:
                continue
            cut = {**pairs, **head}
            if shape.needs and not any(name in cut for key in way.keys(shape.needs).values() for name in key):
                continue
            return self._told(f"{shape.family}, shape {number + 1} of {len(self._map.shapes)}", way, cut, event, whole)
        return _Told("none of the shapes", None, [], [], None, None)

    def _told(self, family: str, way: Way, cut: Mapping[str, str], event: Mapping[str, str], whole: str) -> _Told:
        said = {key: text for key, text in cut.items() if text not in (*self._map.nothing, "")}
        record = self._record(way, said)
        targets: Mapping[str, Target] = {**self._map.fields, **(record.fields if record else {})}
        used: set[str] = set()
        fed = [Fed("time", event["time"])] if event else []
        for column, target in targets.items() if event else ():
            found = _first(way, target.keys, said)
            own = OWN_COLUMN.get(column, column)
            value, constant = event.get(own), target.value is not None
            if found is None and not (constant or target.host):
                continue
            for keys in (target.keys, target.host, target.query, target.scheme):
                more = _first(way, keys, said)
                used |= {more} if more else set()
            text = _value(found, said[found]) if found else None
            shown = "always" if constant else target.conversion or BY_COLUMN[column]
            fed.append(Fed(own, value, found, text, shown))
        step, decided = self._verdict(way, said, record) if event else (None, set())
        fed += [Fed(column, value) for column, value in event.items() if column not in {one.column for one in fed}]
        clock, stamped = self._clock(way, said, whole)
        used |= decided | stamped | (self._conditions(way, said, record) if record else set())
        dropped = [(key, _value(key, text)) for key, text in said.items() if key not in used]
        return _Told(family, clock, fed, dropped, said_when(record) if record else None, step)

    def _record(self, way: Way, said: Values) -> Record | None:
        for record in self._map.records:
            names = {key: _first(way, [key], said) for key in record.when}
            texts = {key: said[name] if name else None for key, name in names.items()}
            row = pl.DataFrame({key: [text] for key, text in texts.items()}, schema=dict.fromkeys(texts, pl.String()))
            if not texts or row.select(held=holds(record.when))["held"][0]:
                return record
        return None

    def _conditions(self, way: Way, said: Values, record: Record) -> set[str]:
        return {name for key in record.when if (name := _first(way, [key], said))}

    def _verdict(self, way: Way, said: Values, record: Record | None) -> tuple[str | None, set[str]]:
        """Return which step decided the action, and the key it looked at."""
        verdicts = record.action if record and record.action else self._map.action
        if verdicts is None:
            return None, set()
        for number, step in enumerate(verdicts.steps, 1):
            found = _first(way, step.keys, said)
            for action, words in step.words.items() if found else ():
                text = said[found or ""] or ""
                if pl.Series([text]).str.contains(among(words))[0]:
                    return f"step {number}: {found}={_value(found or '', text)} means {action}", {found or ""}
        return f"no step said anything: otherwise {verdicts.otherwise or 'null'}", set()

    def _clock(self, way: Way, said: Values, whole: str) -> tuple[Clock, set[str]]:
        """Return what the clock of the best place that is there says, and the keys it takes."""
        for place in self._map.time:
            if place.written == "envelope":
                found = read_stamp(whole)
                if found:
                    return found[0].clock, set()
                continue
            names = [_first(way, [key], said) for key in place.keys]
            texts = [said[name] or "" for name in names if name]
            zone = _first(way, [place.zone], said) if place.zone else None
            if len(texts) != len(place.keys):
                continue
            zones = pl.Series([said[zone]], dtype=pl.String) if zone else None
            got = stamps(pl.Series([" ".join(texts)]), place.written, zones)
            if got["us"][0] is not None:
                clock = Clock(got["clock"][0])
                used = {name for name in (*names, zone) if name}
                return Clock.UTC if place.utc and clock is Clock.WALL else clock, used
        return Clock.NONE, set()


def _first(way: Way, keys: Sequence[str], said: Values) -> str | None:
    """Return the name, as the line has it, of the first of *keys* that says something."""
    names = way.keys(keys)
    return next((name for key in keys for name in names[key] if name in said), None)


def said_when(record: Record) -> str:
    """Return the conditions of a type of line, for people."""
    parts = []
    for key, one in record.when.items():
        wanted = [f"is {', '.join(one.words)}"] if one.words else []
        wanted += [f"like {one.like}"] if one.like else []
        wanted += [] if one.present is None else ["is there" if one.present else "is not there"]
        parts.append(f"{key} {' and '.join(wanted)}")
    return "; ".join(parts) or "any other line"
