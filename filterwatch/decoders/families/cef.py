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

import numpy as np
import polars as pl

from filterwatch.decoders.families.cut import SURE, Cut

_COLUMNS = ("version", "vendor", "product", "device_version", "id", "name", "severity")
_KEY = r"[A-Za-z_][A-Za-z0-9_.\[\]-]*"
_HEADER = re.compile(r"(?:CEF: ?)?(\d+)" + r"\|((?:[^|\\]|\\.)*+)" * 6 + r"\|", re.DOTALL)
_PAIRS = re.compile(rf"(?:^| )(?P<key>{_KEY})=(?P<value>(?:[^\\ ]|\\.| (?!{_KEY}=))*+)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_VERSION = r"^(?:CEF: ?)?(\d+)$"
_PAIR, _VALUE = "\x1e", "\x1f"
"""What stands before each pair, and between its key and its value, while many lines are cut; no line has it then."""

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
    parts = texts.str.splitn("|", len(_COLUMNS) + 1).struct.unnest()
    parts.columns = [*(f"cef.{name}" for name in _COLUMNS), "pairs"]
    version = parts["cef.version"].str.extract(_VERSION)
    known = version.is_not_null() & parts["pairs"].is_not_null()
    pairs = parts["pairs"].set(~known, None)
    head = {f"cef.{name}": parts[f"cef.{name}"].str.strip_chars(" \t") for name in _COLUMNS} | {"cef.version": version}
    labels = [key for key in keys if key.startswith(_LABEL)]
    slots = [name for slot in _SLOTS for name in (slot, f"{slot}Label")] if labels else []
    found = _values(pairs, [*keys, *slots])
    found |= head | _labelled(labels, found)
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(texts))
    columns = [
        (found[key].str.replace_many(_HIDDEN, _MEANT) if escaped else found[key]) if key in found else nothing
        for key in keys
    ]
    sure = known & ~texts.str.contains(r"\\|\t")
    return pl.DataFrame([*(column.alias(key) for key, column in zip(keys, columns, strict=True)), sure.alias(SURE)])


def _values(pairs: pl.Series, keys: Sequence[str]) -> dict[str, pl.Series]:
    """Return the values of those of *keys* that occur; all pairs of all lines are cut at once."""
    marked = (" " + pairs).str.replace_all(f" ({_KEY})=", f"{_PAIR}${{1}}{_VALUE}").str.split(_PAIR)
    every = pl.DataFrame({"pair": marked}).with_row_index("line").explode("pair")
    cut = every["pair"].str.splitn(_VALUE, 2).struct.unnest()
    wanted = list(dict.fromkeys(keys))
    number = cut["field_0"].cast(pl.Enum(wanted), strict=False).to_physical()
    asked = number.is_not_null().arg_true().to_numpy()[::-1]  # from the end, so that the first of two counts
    values = cut["field_1"].str.strip_chars(" ").extend_constant(None, 1)
    nowhere = len(values) - 1
    places = np.full((len(wanted), len(pairs)), nowhere)
    places[number.gather(asked).to_numpy(), every["line"].gather(asked).to_numpy()] = asked
    return {key: values.gather(place) for key, place in zip(wanted, places, strict=True) if (place != nowhere).any()}


def _labelled(keys: Sequence[str], found: Mapping[str, pl.Series]) -> dict[str, pl.Series]:
    """Return the values beside which the sender wrote the labels of *keys*; the first slot's where there are two."""
    labels: dict[str, pl.Series] = {}
    for slot in _SLOTS:
        if slot in found and f"{slot}Label" in found:
            written = found[f"{slot}Label"]
            words = written.unique().drop_nulls()
            plain = words.str.to_lowercase().str.replace_all(_NO_LETTERS.pattern, "")
            labels[slot] = written.replace_strict(words, plain, default=None, return_dtype=pl.String)
    values = {}
    for key in keys:
        named = [pl.when(of == key.removeprefix(_LABEL)).then(found[slot]) for slot, of in labels.items()]
        if named:
            itself = [found[key]] if key in found else []
            values[key] = pl.select(pl.coalesce([*itself, *named])).to_series()
    return values


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
