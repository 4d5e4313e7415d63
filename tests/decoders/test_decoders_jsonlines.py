"""JSON lines: what the two paths say, and that they say the same."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filterwatch.decoders.families.jsonlines import exact, fast

KEYS = (
    "a", "b", "a.b", "a.b.a", "a.0.b", "a.*.b", "b.0.a", "b.*.a", "b.a", "b.1.a", "0", "a.0", "a.b.*.a", "*", "",
    "a.", ".", "^a.*$", "b.^a$",
)  # fmt: skip


def _fast(line: str, *keys: str) -> dict[str, object] | None:
    row = fast(pl.Series([line]), keys).row(0, named=True)
    return row if row.pop("sure") else None


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ('{"a":"x","b":{"c":"y"}}', {"a": "x", "b.c": "y"}),
        ('{"id.orig_h":"10.0.0.1"}', {"id.orig_h": "10.0.0.1"}),
        ('{"a":{"b":"nested"},"a.b":"whole"}', {"a.b": "whole"}),
        ('{"a":{"b":"nested"},"a.b":null}', {"a.b": "nested"}),
        ('{"a":1,"b":-0,"c":1.50,"d":1e3,"e":1e-7,"f":true,"g":false,"h":null}',
         {"a": "1", "b": "0", "c": "1.5", "d": "1000", "e": "0.0000001", "f": "true", "g": "false"}),
        ('{"ts":1591367999.305988,"big":12345678901234567890,"n":1e400}',
         {"ts": "1591367999.305988", "big": "12345678901234567890", "n": "1e400"}),
        ('{"a":["x",1,true,null,{"b":2}]}', {"a": "x, 1, true", "a.4.b": "2", "a.*.b": "2"}),
        ('{"a":[{"b":"x"},{"b":"y","c":["1","2"]}]}',
         {"a.0.b": "x", "a.1.b": "y", "a.1.c": "1, 2", "a.*.b": "x, y", "a.*.c": "1, 2"}),
        ('{"a":"first","a":"second"}', {"a": "first"}),
        ('{"a":"\\/x\\u00e9\\ud83d\\ude00"}', {"a": "/xé😀"}),
        ('{"a":"x\\ud800y"}', {"a": "x\ufffdy"}),
        ('{"a":"[1]"}', {"a": "[1]"}),
        ('{"a":[],"b":{},"c":[[1]]}', {}),
        ("{}", {}),
    ],
)  # fmt: skip
def test_an_object_is_taken_apart_into_flat_texts(line: str, texts: dict[str, str]) -> None:
    assert exact(line) == texts
    found = _fast(line, *texts, "absent")
    if found is not None:
        assert found == {**texts, "absent": None}


@pytest.mark.parametrize(
    "line", ["", "x", "[1]", "3", '"a"', "null", '{"a":1', '{"a":1}}',
             '{"a":NaN}', '{"a":01}', '{"a":1}{"a":2}', '{"a":"\t"}',
             '{"a":tru}', "{'a':1}", '{"a":' + "[" * 70 + "]" * 70 + "}", '{"a":' * 30_000, '{"a":' + "[" * 60_000]
)  # fmt: skip
def test_what_is_no_object_or_nested_beyond_reason_is_refused(line: str) -> None:
    assert exact(line) is None
    assert _fast(line, "a") is None


def test_common_lines_take_the_fast_path_though_others_among_them_are_broken() -> None:
    lines = [f'{{"a":{number},"b":["x","y"],"c":{{"d":"z"}}}}' for number in range(1000)]
    lines[500] = '{"a":oops}'
    lines[501] = ""
    found = fast(pl.Series(lines), ["a", "b", "c.e"])
    assert found["a"][0] == "0"
    assert found["a"][999] == "999"
    assert found["sure"].sum() < 1000
    assert not found["sure"][500]
    assert not found["sure"][501]
    assert found["a"].drop_nulls().to_list() == [str(number) for number, sure in enumerate(found["sure"]) if sure]
    plain = fast(pl.Series(['{"a":["x","y"]}', '{"a":{"b":1}}', '{"a":[{"b":1}]}']), ["a", "a.b", "a.0.b"])
    assert plain.rows() == [("x, y", None, None, True), (None, "1", None, True), (None, None, "1", True)]


def test_no_lines_give_no_rows() -> None:
    assert fast(pl.Series([], dtype=pl.String), ["a"]).shape == (0, 2)


_NAMES = st.sampled_from(["a", "b", "a.b", "0", "*", "", "a.", "c"])
_TEXTS = st.sampled_from(["x", "", "[x", "{", "[1]", "a, b", "é", "\u0000", "\x7f", "1.50", '"', "\\", "😀", ":"])
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_NAMES, inner), max_size=4).map(dict),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_NAMES, _VALUES, max_size=5)


@given(st.lists(_OBJECTS, min_size=1, max_size=6), st.sampled_from([True, False]))
@settings(max_examples=150, deadline=None)
def test_both_paths_say_the_same_of_any_object(objects: list[dict[str, object]], ascii_only: object) -> None:
    lines = [json.dumps(one, ensure_ascii=bool(ascii_only)) for one in objects]
    _agree(lines)


@example({"a": [-0.0]}, [])
@given(_OBJECTS, st.lists(st.tuples(st.integers(0, 200), st.sampled_from('{}[]",:\\u0eE-.19a \t\x01')), max_size=4))
@settings(max_examples=150, deadline=None)
def test_both_paths_say_the_same_of_garbled_objects(one: dict[str, object], changes: list[tuple[int, str]]) -> None:
    line = json.dumps(one)
    for at, mark in changes:
        line = line[: at % len(line)] + mark + line[at % len(line) + 1 :]
    _agree([line, '{"a":1}'])


def _agree(lines: list[str]) -> None:
    found = fast(pl.Series(lines), KEYS)
    for line, row in zip(lines, found.to_dicts(), strict=True):
        if row.pop("sure"):
            texts = exact(line)
            assert texts is not None, line
            assert row == {key: texts.get(key) for key in KEYS}, line


def test_a_name_that_stands_twice_among_many_counts_once() -> None:
    lines = []
    for count in (3, 31, 33, 40, 70, 300):
        members = [f'"k{number}":{number}' for number in range(count)]
        members.insert(count // 2, '"a":"first"')
        lines += ["{" + ",".join([*members, '"a":"last"']) + "}", "{" + ",".join([*members, '"\\u0061":"last"']) + "}"]
    assert all(exact(line) == exact(line.replace("last", "other")) for line in lines)
    _agree(lines)
