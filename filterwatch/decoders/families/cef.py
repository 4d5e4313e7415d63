r"""The families CEF and LEEF: a header of columns between pipes, then pairs.

CEF (ArcSight): ``CEF:0|vendor|product|version|id|name|severity|key=value ...``; a value runs to the next key, with
``\=``, ``\\`` and ``\n``.  LEEF (IBM): ``LEEF:1.0|vendor|product|version|id|`` and pairs between tabs; LEEF 2.0 names
what stands between them.  The header's columns have the keys ``cef.vendor``, ``cef.product``, ``cef.id``, ``cef.name``
...  (``leef. ...``).  Some senders leave out the word before the first pipe.

CEF has columns of the sender's own, which the sender names beside them: ``cs1=Games cs1Label=URL Category`` has the key
``label.urlcategory`` too: the label in lower case, letters and digits only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from filterwatch.decoders.families.cut import SURE, Cut

_COLUMNS = ("version", "vendor", "product", "device_version", "id", "name", "severity")
_KEY = r"[A-Za-z_][A-Za-z0-9_.\[\]-]*"
_HEADER = re.compile(r"(?:CEF: ?)?(\d+)" + r"\|((?:[^|\\]|\\.)*+)" * 6 + r"\|", re.DOTALL)
_PAIRS = re.compile(rf"(?:^| )(?P<key>{_KEY})=(?P<value>(?:[^\\ ]|\\.| (?!{_KEY}=))*+)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_FAST = r"^(?:CEF: ?)?(\d+)" + r"\|([^|]*)" * 6 + r"\|(.*)$"
_VALUE = rf"^(.*?)(?: {_KEY}=|$)"
_WRITTEN, _HIDDEN, _MEANT = ["\\\\", "\\="], ["\x1c", "\x1d"], ["\\", "="]
"""The usual escapes, what stands for them while many lines are cut (no line has it then), and what they mean."""

_LEEF = re.compile(r"(?:LEEF: ?)?(?P<version>[12]\.0)\|(?P<rest>.*)", re.DOTALL)
_DELIMITER = re.compile(r"(?:(?P<hex>(?:0x|x)[0-9A-Fa-f]{2,4})|(?P<plain>.)|)\|", re.DOTALL)
_LABEL = "label."
_SLOTS = (
    *(f"cs{number}" for number in range(1, 7)), *(f"cn{number}" for number in range(1, 4)), "flexString1",
    "flexString2", "flexNumber1", "flexNumber2", *(f"c6a{number}" for number in range(1, 5)), "deviceCustomDate1",
    "deviceCustomDate2",
)  # fmt: skip
_NO_LETTERS = re.compile(r"[^a-z0-9]+")


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)


def make() -> Cut:
    """Return how CEF messages are cut; the message begins with ``CEF:`` or the version."""
    return Cut(_exact, _fast)


def _exact(text: str) -> Mapping[str, str] | None:
    header = _HEADER.match(text)
    if not header:
        return None
    found = {f"cef.{name}": _plain(value).strip() for name, value in zip(_COLUMNS, header.groups(), strict=True)}
    for pair in _PAIRS.finditer(text[header.end() :]):
        found.setdefault(pair["key"], _plain(pair["value"]).strip(" "))
    for slot in _SLOTS:
        label = found.get(f"{slot}Label")
        if label and slot in found:
            found.setdefault(_LABEL + _NO_LETTERS.sub("", label.lower()), found[slot])
    return found


def _fast(texts: pl.Series, keys: Sequence[str]) -> pl.DataFrame:
    escaped = texts.str.contains("\\", literal=True).any()
    if escaped:
        for written, hidden in zip(_WRITTEN, _HIDDEN, strict=True):
            texts = texts.str.replace_all(written, hidden, literal=True)
    parts = texts.str.extract_groups(_FAST).struct.unnest()
    parts.columns = [*(f"cef.{name}" for name in _COLUMNS), "pairs"]
    frame, slots = _with_labels(parts.with_columns(pairs=" " + pl.col("pairs")), keys)
    columns = []
    for key in keys:
        if key in frame.columns:
            value = pl.col(key).str.strip_chars(" \t")
        else:
            value = (_labelled(key, slots) if key.startswith(_LABEL) else _value(key)).str.strip_chars(" ")
        if escaped:
            value = value.str.replace_many(_HIDDEN, _MEANT)
        columns.append(value.alias(key))
    sure = pl.col("pairs").is_not_null() & ~pl.Series(texts).str.contains(r"\\|\t", literal=False)
    return frame.select(*columns, sure.alias(SURE))


def _value(key: str) -> pl.Expr:
    rest = pl.col("pairs").str.splitn(f" {key}=", 2).struct.field("field_1")
    return rest.str.extract(_VALUE)


def _labelled(key: str, slots: Sequence[str]) -> pl.Expr:
    """Return the value that has the label of *key*, where :func:`_with_labels` has put labels and values."""
    label = key.removeprefix(_LABEL)
    named = [pl.when(pl.col(f"{slot} label") == label).then(f"{slot} value") for slot in slots]
    return pl.coalesce([*named, pl.lit(None, pl.String)])


def _with_labels(frame: pl.DataFrame, keys: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    """Return *frame* with label and value of the slots that occur in it, and these slots."""
    if not any(key.startswith(_LABEL) for key in keys):
        return frame, []
    pairs = frame["pairs"]
    slots = [slot for slot in _SLOTS if pairs.str.contains(f" {slot}Label=", literal=True).any()]
    names = {slot: _value(f"{slot}Label").str.to_lowercase().str.replace_all(_NO_LETTERS.pattern, "") for slot in slots}
    labels = [name.alias(f"{slot} label") for slot, name in names.items()]
    return frame.with_columns(*labels, *(_value(slot).alias(f"{slot} value") for slot in slots)), slots


def make_leef() -> Cut:
    """Return how LEEF messages are cut; there are few of them, so each is cut by itself."""
    return Cut(_leef)


def _leef(text: str) -> Mapping[str, str] | None:
    whole = _LEEF.match(text)
    columns = whole["rest"].split("|", 4) if whole else []
    if not whole or len(columns) < 5:
        return None
    found = dict(zip(("leef.vendor", "leef.product", "leef.device_version", "leef.id"), columns, strict=False))
    found["leef.version"] = whole["version"]
    rest, delimiter = columns[4], "\t"
    named = _DELIMITER.match(rest) if whole["version"] == "2.0" else None
    if named:
        delimiter = chr(int(named["hex"].partition("x")[2], 16)) if named["hex"] else named["plain"] or "\t"
        rest = rest[named.end() :]
    if delimiter == "\t":
        # rsyslog writes the tab as #011.
        rest = rest.replace("#011", "\t")
    for pair in rest.split(delimiter):
        key, equals, value = pair.strip(" \r").partition("=")
        if equals and key not in found:
            found[key] = value
    return found
