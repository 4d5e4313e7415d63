"""YAML that people write: what is refused, and where the error points."""

from __future__ import annotations

import string
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from filterwatch.config import ClockTime, Days, Duration, Part, TimeSpan, read, validate
from filterwatch.config.document import parse
from filterwatch.errors import ConfigurationError


class Rule(Part):
    title: str
    when: TimeSpan
    within: Duration = timedelta(minutes=1)
    start: ClockTime = time(8, 30)
    days: Days = frozenset({1})


def mistakes(text: str, model: type[Part] = Rule) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        validate(parse(text, "r.yaml"), model)
    return str(caught.value).splitlines()


def test_every_mistake_is_listed_at_once_with_line_and_column():
    found = mistakes('titel: x\nwhen: {from: 8:30, to: "09:00", dyas: mon}\nwithin: 10\n')

    assert found == [
        "r.yaml:1:1: key 'title' is missing; add it",
        "r.yaml:1:1: unknown key 'titel'; did you mean 'title'?",
        'r.yaml:2:14: when.from: write the time as "HH:MM" in quotes, e.g. "08:30", found \'8:30\'',
        "r.yaml:2:33: unknown key 'dyas'; did you mean 'days'?",
        "r.yaml:3:9: within: write a duration with its unit (ms, s, m, h, d, w), e.g. 10m, found 10",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", "r.yaml:2:1: key 'a' is given twice (first on line 1); remove one"),
        ("[" * 100_000, "r.yaml:1:21: nested deeper than 20 levels"),
        ("a: &x 1", "r.yaml:1:4: anchors and aliases (& and *) are not allowed; write the value out"),
        (
            "a: !!python/object:x 1",
            "r.yaml:1:4: tags are not allowed, found 'tag:yaml.org,2002:python/object:x'; remove it",
        ),
        ("a: 1\n---\nb: 1\n", "r.yaml:2:1: a second document starts here; one document a file"),
        ("a: [1, 2\nb: 3\n", "r.yaml:2:2: did not find expected ',' or ']'"),
        ("a: \x00", "r.yaml:1:4: character 0 is not allowed in YAML"),
        ("? [a, b]\n: 1\n", "r.yaml:1:3: a key must be one word"),
    ],
)
def test_what_a_rule_file_never_needs_is_refused_with_its_place(text, expected):
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "r.yaml")

    assert expected == str(caught.value)


@pytest.mark.parametrize("value", ["8:30", "900", "24:00", "08:60", '"8:30"', "8.5", "true"])
def test_a_time_that_yaml_or_python_would_misread_is_refused(value):
    assert (
        'write the time as "HH:MM" in quotes'
        in mistakes(f"title: t\nwhen: {{from: '08:00', to: '09:00'}}\nstart: {value}")[0]
    )


def test_yaml_1_1_words_stay_text():
    assert {"a": "no", "b": "012", "c": "1_000", "d": "22:30", "e": True, "f": None, "g": 7} == parse(
        "a: no\nb: 012\nc: 1_000\nd: 22:30\ne: true\nf: ~\ng: 7\n", "x"
    ).data


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", {1, 2, 3, 4, 5}),
        ("sat,sun", {6, 7}),
        ("fri-mon", {5, 6, 7, 1}),
        ("[mon, wed]", {1, 3}),
        ("sun", {7}),
    ],
)
def test_days_are_written_as_people_write_them(text, days):
    assert days == validate(parse(f"title: t\nwhen: {{from: '08:00', to: '09:00'}}\ndays: {text}", "x"), Rule).days


def test_a_span_that_ends_before_it_begins_is_refused():
    assert ["r.yaml:2:7: when: 'to' 08:30 is not after 'from' 15:30; split a span at midnight"] == mistakes(
        "title: t\nwhen: {from: '15:30', to: '08:30'}"
    )


def test_an_unreadable_or_huge_or_latin1_file_is_named(tmp_path):
    missing, huge, latin = (tmp_path / name for name in ("missing.yaml", "huge.yaml", "latin.yaml"))
    huge.write_bytes(b"#" * 1_000_001)
    latin.write_bytes("a: 1\nb: é\n".encode("latin-1"))

    for path, expected in (
        (missing, f"{missing}: cannot be read: No such file or directory"),
        (huge, f"{huge}: larger than 1000000 bytes; split it into several files"),
        (latin, f"{latin}:2:4: not UTF-8; save the file as UTF-8"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            read(path)
        assert expected == str(caught.value)


YAML_TEXT = st.text(
    alphabet=string.ascii_letters + string.digits + " \n\t:-[]{}&*!|>'\"#,.%@`?\x00\ufeffé", max_size=80
)


@given(YAML_TEXT)
def test_no_text_makes_the_loader_raise_anything_but_its_own_error(text):
    try:
        validate(parse(text, "r.yaml"), Rule)
    except ConfigurationError as error:
        assert all(line.startswith("r.yaml:") for line in str(error).splitlines())


class Named(Part):
    names: tuple[Rule, ...] = Field(min_length=1)


def test_a_list_that_may_not_be_empty_says_so_in_words_for_people():
    assert mistakes("names: []\n", Named) == ["r.yaml:1:8: names: name at least one"]


def test_a_list_is_not_called_empty_because_its_items_are_wrong():
    assert mistakes("names: [5]\n", Named) == ["r.yaml:1:9: names.0: write keys with values here, found 5"]
