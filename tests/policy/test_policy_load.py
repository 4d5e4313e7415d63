"""Loading rules: every mistake of every file at once, each at its place and with its remedy."""

from __future__ import annotations

import re
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterwatch import policy
from filterwatch.errors import ConfigurationError

INVALID = sorted(Path(__file__).with_name("invalid").glob("*.yaml"))


def mistakes(directory: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        policy.load(directory)
    return [str(mistake).replace(f"{directory}/", "") for mistake in raised.value.mistakes]


@pytest.mark.parametrize("path", INVALID, ids=[path.stem for path in INVALID])
def test_an_invalid_file_gives_the_mistakes_that_stand_at_its_head(tmp_path, path):
    lines = path.read_text().splitlines(keepends=True)
    expected = [line.removeprefix("# expect: ").strip() for line in lines if line.startswith("# expect: ")]
    (tmp_path / path.name).write_text("".join(lines[len(expected) :]))

    assert mistakes(tmp_path) == [f"{path.name}:{text}" for text in expected]


def test_the_mistakes_of_all_files_come_at_once(tmp_path):
    for path in INVALID:
        (tmp_path / path.name).write_text(path.read_text())

    places = {line.split(":")[0] for line in mistakes(tmp_path)}

    assert places == {path.name for path in INVALID}


def write(directory: Path, text: str, *names: str) -> None:
    for name in names:
        (directory / name).write_text(text)


def test_an_id_that_another_file_has_is_a_mistake(tmp_path, rule):
    write(tmp_path, rule("match: {host: a.test}", "one"), "one.yaml", "two.yaml")

    assert mistakes(tmp_path) == [
        "two.yaml:1:5: id: 'one' is also the id of one.yaml; give each rule its own",
        "two.yaml:1:5: id: must be the file's name, 'two', found 'one'",
    ]


def test_a_directory_that_is_not_there_or_holds_no_rules_is_a_mistake(tmp_path):
    assert mistakes(tmp_path / "none") == [f"{tmp_path}/none: no such directory of rules"]
    assert mistakes(tmp_path) == [f"{tmp_path}: no rules here; a rule is a file NAME.yaml"]


def test_a_file_that_would_not_be_read_is_a_mistake(tmp_path, rule):
    write(tmp_path, rule("match: {host: a.test}", "one"), "one.yaml", "two.yml")

    assert mistakes(tmp_path) == ["two.yml: would not be read; rename it to two.yaml"]


def test_other_files_and_folders_are_left_alone(tmp_path, rule):
    write(tmp_path, rule("match: {host: a.test}", "one"), "one.yaml")
    write(tmp_path, "what this is", "README.md")
    (tmp_path / "lists").mkdir()

    assert [one.id for one in policy.load(tmp_path).rules] == ["one"]


def test_term_packs_are_checked_too(tmp_path, rule):
    write(tmp_path, rule("match: {search_terms: {pack: bad}}", "one"), "one.yaml")
    (tmp_path / "terms").mkdir()
    write(
        tmp_path / "terms",
        "id: bad\nlanguage: en\nat_least: 9\nterms: [weed, Weed, '!!', {term: x, weight: 0}]\nbenign: ['?']\n",
        "bad.yaml",
    )
    assert mistakes(tmp_path) == [
        "terms/bad.yaml:4:45: terms.3.weight: must not be 0; remove the term or give it a weight, found 0"
    ]
    write(
        tmp_path / "terms",
        "id: bad\nlanguage: en\nat_least: 9\nterms: [weed, Weed, '!!']\nbenign: ['?']\n",
        "bad.yaml",
    )

    assert mistakes(tmp_path) == [
        "terms/bad.yaml:3:11: at_least: all terms together weigh less, found 9",
        "terms/bad.yaml:4:15: terms.1: given twice, found 'Weed'; remove one",
        "terms/bad.yaml:4:21: terms.2: no letter or figure to look for, found '!!'",
        "terms/bad.yaml:5:10: benign.0: no letter or figure to look for, found '?'",
    ]


def version(make, text: str, pack: str = "terms: [weed]") -> str:
    return make({"gambling": text}, {"drugs": pack}).loaded[0].version


def test_a_version_depends_on_what_a_rule_says_and_not_on_how_it_is_written(make_rules):
    first = version(make_rules, "match: {any: [{host: a.test}, {search_terms: {pack: drugs}}]}")

    assert re.fullmatch("[0-9a-f]{12}", first)
    block = "# why\nmatch:\n  any:\n    - host: 'a.test'\n    - search_terms:\n        pack: drugs\n"
    assert version(make_rules, block) == first
    assert version(make_rules, block.replace("a.test", "b.test")) != first
    assert version(make_rules, block, "terms: [weed, joint]") != first


def test_a_pack_that_a_rule_does_not_name_leaves_its_version_alone(make_rules):
    first = version(make_rules, "match: {host: a.test}")

    assert version(make_rules, "match: {host: a.test}", "terms: [joint]") == first


HOSTILE = ["a" * 65_000, "0" * 65_000, "/" * 65_000, "ab1." * 16_000, "x" * 65_000 + "!"]
PATTERNS = [
    r"^(a+)+$", r"(a|a)*b", r"(.*)*!", r"(?:\w{10}){10}!", r".*a.{100}!", r"(x+x+)+y", r"(?:(?:a*b*)*c*)*!",
    r"(?i)(?:.*a){100}!", r"(a?){100}a{100}",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_pattern_that_is_let_in_is_slow_on_hostile_text(one_rule, events, pattern):
    rules = one_rule(f"url: {{regex: '{pattern}'}}")
    frame = events(*({"url": text} for text in HOSTILE))

    started = time.perf_counter()
    rules.evaluate(frame)

    assert time.perf_counter() - started < 5  # Python's re takes hours; this takes 0.3 s on an idle machine


SAMPLE = """\
id: gambling
title: Gambling sites
level: medium
category: gambling
policy: {text: "Gambling sites", section: "Unsuitable activities", policy: A, demand: P17}
tags: [uksic.gambling]
who: {groups: [pupils, staff], except: {people: [ann], device_classes: [projector]}, years: [5], identity: [lease]}
when: {during: school_hours, windows: [{days: mon-fri, from: "08:30", to: "15:30"}], terms: term_time}
match:
  any:
    - categories: [gambling, bypass.vpn]
    - host: {exact: [a.test], regex: "^bet"}
    - all: [{url: {contains: [bet], path_prefix: [/x]}}, {none: [{action: blocked}]}]
    - {dest_port: ["6881-6999"], dest_ip: [10.0.0.0/8], bytes_out: {at_least: 10MB}, duration: {at_least: 5m}}
    - search_terms: {words: [bet]}
count: {at_least: 3, within: 10m, by: person}
outcome: breach
examples:
  holds: [{group: pupils, host: a.test, at: "2026-11-23 10:15", times: 3}]
  does_not_hold: [{group: pupils, host: b.test}]
"""
ODD = [
    "", "\t", "\x00", "\u2028", "\ud7ff", "'", '"', "{", "}", "[", "]", ":", "- ", "&a ", "*a", "!!python/object:x ",
    "null", "-1", "1e999", "9" * 5000, "99999999999999999d", "\\", "%", "|", ">", "#", "...", "---\n", "? ", "<<: ",
    "0x10", ".inf", "true", "[[[[", "2026-99-99", "(?=", "(((", "\n", "'\\ud800'", '"\\ud800"', "𐀀", "é",
]  # fmt: skip


NUMBERS = ["9" * 5000, "-" + "9" * 5000, "1" * 400 + ".5", "99999999999999d", "1e999", "9" * 20, "-1", "0"]
PLACES = ["at_least: 3", "10m", "10MB", "5m", "6881-6999", "times: 3", "years: [5]", "08:30", "2026-11-23 10:15"]


@pytest.mark.parametrize("number", NUMBERS, ids=[number[:12] for number in NUMBERS])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("quote", ["", '"'])
def test_an_absurd_number_anywhere_is_a_mistake_at_its_line(tmp_path, place, number, quote):
    key = place.partition(":")[0] + ": " if place.startswith(("at_least", "times")) else ""
    new = f"years: [{quote}{number}{quote}]" if place.startswith("years") else f"{key}{quote}{number}{quote}"
    old = place if f'"{place}"' not in SAMPLE else f'"{place}"'
    assert old in SAMPLE
    (tmp_path / "gambling.yaml").write_text(SAMPLE.replace(old, new))

    try:
        policy.load(tmp_path)
    except ConfigurationError as error:
        assert all(mistake.line for mistake in error.mistakes)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = SAMPLE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.sampled_from([0, 1, 3, 12]))
        text = text[:start] + draw(st.sampled_from(ODD)) + text[start + length :]
    return text


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=mutated())
def test_a_mutated_rule_loads_or_says_at_which_line_it_is_wrong(tmp_path, text):
    (tmp_path / "gambling.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")

    try:
        rules = policy.load(tmp_path)
    except ConfigurationError as error:
        assert all(mistake.problem for mistake in error.mistakes)
        assert all(mistake.line or "larger" in mistake.problem for mistake in error.mistakes)
    else:
        rules.evaluate(pl.DataFrame({"host": ["a.test"], "url": ["http://a.test/bet"]}))


def test_the_sample_that_is_mutated_is_right(tmp_path):
    (tmp_path / "gambling.yaml").write_text(SAMPLE)

    assert policy.load(tmp_path).rules[0].id == "gambling"


def test_a_term_may_stand_alone_too(one_rule):
    text = "terms: [weed, {term: weed, weight: 2, alone: true}]\n"
    assert one_rule("search_terms: {pack: drugs}", drugs=text).packs["drugs"].terms[1].alone
