"""Sigma rules compiled to ours: the same events hold, and what cannot be said is refused at its place."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

pytest.importorskip("sigma", reason="the extra sigma is not installed")

from filterwatch.app.checking import check
from filterwatch.app.sigma import import_rules
from filterwatch.cli import make_app
from filterwatch.config import Document
from filterwatch.config.document import parse
from filterwatch.errors import ConfigurationError, FilterwatchError
from filterwatch.events import DECODED_SCHEMA
from filterwatch.policy import RuleSet, load
from filterwatch.policy.rule import Rule
from filterwatch.policy.ruleset import Loaded
from filterwatch.policy.sigma import compiled

EXAMPLES = {"holds": [{"host": "a.test"}], "does_not_hold": [{"host": "b.test"}]}
HEAD = "title: A title\nlevel: high\n"


def document(rule: dict) -> Document:
    return parse(json.dumps(rule), "rule.yml")


def engine(rule: dict, events: list[dict]) -> list[bool]:
    """Return for each event whether the compiled rule holds."""
    made = compiled(document(rule), "rule")
    loaded = Loaded(Rule.model_validate(made.data | {"examples": EXAMPLES}), "", document(rule))
    rows = [{name: event.get(name) for name in DECODED_SCHEMA} for event in events]
    frame = pl.DataFrame(rows, schema=DECODED_SCHEMA).with_columns(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("line_offset"), counted=pl.lit(value=True)
    )
    held = set(RuleSet([loaded], {}).evaluate(frame).detections["line_offset"])
    return [at in held for at in range(len(events))]


# What the specification says, in the plainest way: no pattern engine, no compilation.


def behind_host(url: str) -> str:
    return url.removeprefix("http://").split("/", 1)[1]


URL_PARTS = {
    "uri": lambda url: "/" + behind_host(url),
    "c-uri-stem": lambda url: "/" + behind_host(url).split("?")[0],
    "c-uri-query": lambda url: url.split("?", 1)[1] if "?" in url else None,
    "c-uri-extension": lambda url: (
        behind_host(url).split("?")[0].rsplit(".", 1)[1].split("/")[0]
        if "." in behind_host(url).split("?")[0]
        else None
    ),
}
COLUMNS = {
    "proxy": {
        "c-uri": "url", "cs-host": "host", "r-dns": "host", "c-useragent": "user_agent", "cs-method": "method",
        "dst_ip": "dest_ip", "dst_port": "dest_port", "uri": "url", "c-uri-query": "url", "c-uri-extension": "url",
        "c-uri-stem": "url",
    },
    "dns": {"query": "query", "QueryName": "query", "record_type": "query_type"},
    "firewall": {"dst_ip": "dest_ip", "dst_port": "dest_port", "protocol": "protocol"},
}  # fmt: skip
KINDS = {"proxy": "http", "dns": "dns", "firewall": "flow"}


def like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(like(text[at:], pattern[1:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and like(text[1:], pattern[1:])


ENDS = {"contains": (True, True), "startswith": (False, True), "endswith": (True, False)}


def one_holds(text: object, value: object, modifiers: list[str]) -> bool:
    if value is None or "exists" in modifiers:
        return (text is not None) is bool(value)
    if text is None:
        return False
    if "cidr" in modifiers:
        return ipaddress.ip_address(text) in ipaddress.ip_network(value)
    for name, test in {"gte": int.__ge__, "gt": int.__gt__, "lte": int.__le__, "lt": int.__lt__}.items():
        if name in modifiers:
            return test(int(text), value)
    if "re" in modifiers:
        flags = {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE}
        return bool(re.search(value, text, sum(flags.get(one, 0) for one in modifiers)))
    return any(like_in(str(text), one, modifiers) for one in meant(str(value), modifiers))


def meant(value: str, modifiers: list[str]) -> list[str]:
    """Return the texts that *value* stands for."""
    if "wide" in modifiers:
        value = value.encode("utf-16-le").decode()
    if "base64" in modifiers:
        return [base64.b64encode(value.encode()).decode()]
    if "base64offset" in modifiers:
        # Of a text that stands anywhere in a longer one, what is sure of its coded form.
        coded = [base64.b64encode(b" " * at + value.encode()).decode() for at in range(3)]
        sure = [-(-(at * 8) // 6) for at in range(3)]
        last = [(at + len(value)) * 8 // 6 for at in range(3)]
        return [one[begin:end] for one, begin, end in zip(coded, sure, last, strict=True)]
    if "windash" in modifiers and value.startswith("-"):
        return [dash + value[1:] for dash in "-/\u2013\u2014\u2015"]
    return [value]


def like_in(have: str, pattern: str, modifiers: list[str]) -> bool:
    if "cased" not in modifiers:
        have, pattern = have.lower(), pattern.lower()
    for name, (before, after) in ENDS.items():
        if name in modifiers:
            pattern = "*" * before + pattern + "*" * after
    return like(have, pattern)


def item_holds(key: str, values: object, event: dict, category: str) -> bool:
    field, *modifiers = key.split("|")
    url = event.get(COLUMNS[category][field])

    def holds(value: object) -> bool:
        text, part = url, URL_PARTS.get(field)
        if field == "c-uri" and str(value).startswith("/") and not {"contains", "endswith", "re"} & {*modifiers}:
            part = URL_PARTS["uri"]  # no URL begins so: it is written for logs of paths
        return one_holds(part(text) if part and text is not None else text, value, modifiers)

    held = [holds(value) for value in (values if isinstance(values, list) else [values])]
    return (all if "all" in modifiers else any)(held) is ("neq" not in modifiers)


def naive(rule: dict, event: dict) -> bool:
    category = rule["logsource"]["category"]
    detection = rule["detection"]
    if event["kind"] != KINDS[category]:
        return False

    def selection(value: object) -> bool:
        if isinstance(value, list):
            return any(selection(one) for one in value)
        return all(item_holds(key, values, event, category) for key, values in value.items())

    held = {name: selection(value) for name, value in detection.items() if name != "condition"}
    return eval_condition(detection["condition"].split(), held)


def eval_condition(words: list[str], held: dict[str, bool]) -> bool:
    """Evaluate by recursive descent: or < and < not; ``1 of x*``, ``all of them``."""
    at = 0

    def either() -> bool:
        nonlocal at
        value = both()
        while at < len(words) and words[at] == "or":
            at += 1
            value = both() or value
        return value

    def both() -> bool:
        nonlocal at
        value = single()
        while at < len(words) and words[at] == "and":
            at += 1
            value = single() and value
        return value

    def single() -> bool:
        nonlocal at
        word = words[at]
        at += 1
        if word == "not":
            return not single()
        if word == "(":
            value = either()
            at += 1
            return value
        if word in {"1", "all", "any"}:
            pattern = words[at + 1]
            at += 2
            names = [name for name in held if (pattern == "them" or like(name, pattern)) and name[0] != "_"]
            return (all if word == "all" else any)(held[name] for name in names)
        return held[word]

    return either()


TEXT = st.text("abA.*?-/", min_size=1, max_size=4).filter(lambda text: text.strip("*"))
WORD = st.text("abA", min_size=1, max_size=3)
PATTERNS = st.sampled_from(["a.b", "^h", "[ab]{2}/", "[.\\\\[/-]a", "(A|b)$", "\\.test/a?b", "a\\b", "[^/]a$"])
CODED = st.builds(
    lambda before, text: base64.b64encode((before + text).encode()).decode(),
    st.text("ab./", max_size=3),
    st.sampled_from(["ab", "abA", "./a", "b./ab"]),
)
HOSTS = st.sampled_from(["a.test", "b.test", "x.a.test", "A.test"])
IPS, NETS = st.sampled_from(["10.0.0.1", "10.0.1.1", "2001:db8::1"]), st.sampled_from(["10.0.0.0/24", "2001:db8::/32"])
PORTS = st.integers(1, 6)


def several(values):
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


def texts(field: str, *more: str):
    plain = st.tuples(st.sampled_from(["", "|contains", "|startswith", "|endswith", *more]), several(TEXT))
    every = st.tuples(st.sampled_from(["|contains|all", "|endswith|all"]), st.lists(TEXT, min_size=1, max_size=2))
    return st.one_of(plain, every).map(lambda pair: (field + pair[0], pair[1]))


def others(field: str):
    """Return the less usual ways to say something of a text."""
    return st.one_of(
        st.tuples(st.just(field), st.none() | st.lists(st.none() | WORD, min_size=1, max_size=2)),
        st.tuples(st.just(f"{field}|exists"), st.booleans()),
        st.tuples(st.sampled_from([f"{field}|neq", f"{field}|contains|neq"]), WORD),
        st.tuples(st.just(f"{field}|re"), several(PATTERNS)),
        st.tuples(st.sampled_from([f"{field}|re|i", f"{field}|re|i|m|s"]), several(PATTERNS)),
        st.tuples(st.just(f"{field}|re|all"), st.lists(PATTERNS, min_size=1, max_size=2)),
        st.tuples(st.just(f"{field}|contains|windash"), several(st.sampled_from(["-a", "-A", "b"]))),
        st.tuples(st.just(f"{field}|base64offset|contains"), several(st.sampled_from(["ab", "abA", "./a"]))),
        st.tuples(st.sampled_from([f"{field}|base64", f"{field}|base64|contains"]), several(WORD)),
    )


def ports(field: str):
    compared = st.tuples(st.sampled_from(["|gte", "|gt", "|lte", "|lt"]), st.integers(2, 5))
    return st.one_of(st.tuples(st.just(""), several(PORTS)), compared).map(lambda pair: (field + pair[0], pair[1]))


def addresses(field: str):
    return st.one_of(
        several(IPS).map(lambda value: (field, value)), several(NETS).map(lambda value: (f"{field}|cidr", value))
    )


def slashed(values):
    return [f"/{one}" for one in values] if isinstance(values, list) else f"/{values}"


ITEMS = {
    "proxy": st.one_of(
        texts("c-uri", "|cased", "|contains|cased"), texts("c-useragent", "|contains|cased"),
        others("c-uri"), others("c-useragent"), texts("c-uri").map(lambda pair: (pair[0], slashed(pair[1]))),
        st.tuples(st.sampled_from(["c-uri-stem|contains", "c-uri-stem|endswith"]), several(TEXT)),
        st.tuples(st.sampled_from(["c-uri-stem", "c-uri-stem|startswith"]), several(TEXT.map("/{}".format))),
        st.tuples(st.sampled_from(["cs-host", "r-dns"]), several(HOSTS)),
        st.tuples(st.sampled_from(["cs-host|contains", "cs-host|endswith", "r-dns|startswith"]), several(TEXT)),
        st.tuples(st.just("cs-method"), several(st.sampled_from(["GET", "get", "P*", "?OST"]))),
        st.tuples(st.sampled_from(["uri|contains", "uri|endswith"]), several(TEXT)),
        st.tuples(st.just("uri"), several(TEXT.map(lambda text: f"/{text}"))),
        st.tuples(st.sampled_from(["c-uri-query", "c-uri-query|contains"]), several(TEXT)),
        st.tuples(st.just("c-uri-extension"), several(st.sampled_from(["a", "ab", "A?"]))),
        addresses("dst_ip"), ports("dst_port"),
    ),
    "dns": st.one_of(
        st.tuples(st.sampled_from(["query", "QueryName"]), several(HOSTS)),
        st.tuples(st.sampled_from(["query|contains", "query|endswith"]), several(TEXT)),
        st.tuples(st.just("record_type"), several(st.sampled_from(["A", "txt", "A*"]))),
    ),
    "firewall": st.one_of(
        addresses("dst_ip"), ports("dst_port"), st.tuples(st.just("protocol"), several(st.sampled_from(["tcp", "UDP"])))
    ),
}  # fmt: skip
CONDITIONS = (
    "sel_a", "not sel_a", "sel_a and sel_b", "sel_a or sel_b", "sel_a and not sel_b", "1 of sel_*", "all of sel_*",
    "all of them", "not 1 of them", "sel_a and not ( sel_b or other )", "other or sel_a and sel_b",
    "not ( sel_a and not sel_b )", "1 of sel_* and not other", "any of them", "_hidden or all of sel_*", "1 of *",
)  # fmt: skip
URLS = st.builds(
    "{}/{}{}".format,
    st.sampled_from(["http://a.test", "b.test:80", "http://ab"]),
    st.text("abA./", max_size=4),
    st.one_of(st.just(""), st.text("abA./?-", max_size=3).map("?{}".format), CODED.map("?x={}".format)),
)
NULL = st.none()
EVENTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["http", "http", "dns", "flow"]), "url": NULL | URLS,
        "host": NULL | HOSTS.map(str.lower), "user_agent": NULL | st.text("abA./-", max_size=4).filter(bool) | CODED,
        "method": NULL | st.sampled_from(["GET", "POST", "PUT"]), "dest_ip": NULL | IPS, "dest_port": NULL | PORTS,
        "query": NULL | HOSTS.map(str.lower), "query_type": NULL | st.sampled_from(["A", "AAAA", "TXT"]),
        "protocol": NULL | st.sampled_from(["tcp", "udp"]),
    }
)  # fmt: skip


@st.composite
def rules(draw):
    category = draw(st.sampled_from(sorted(ITEMS)))
    pairs = st.lists(ITEMS[category], min_size=1, max_size=2).map(dict)
    selection = st.one_of(pairs, st.lists(pairs, min_size=1, max_size=2))
    detection = {name: draw(selection) for name in ("sel_a", "sel_b", "other", "_hidden")}
    detection["condition"] = draw(st.sampled_from(CONDITIONS))
    return {"title": "t", "level": "low", "logsource": {"category": category}, "detection": detection}


@settings(max_examples=180, deadline=None)
@given(rules(), st.lists(EVENTS, min_size=4, max_size=12))
def test_a_compiled_rule_holds_for_what_the_specification_says(rule, events):
    events = [event | ({"host": None} if event["kind"] == "dns" else {"query": None}) for event in events]
    try:
        held = engine(rule, events)
    except ConfigurationError as error:
        assume(False)
        raise AssertionError from error
    assert held == [naive(rule, event) for event in events]


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        compiled(parse(HEAD + text, "rule.yml"), "rule")
    return [str(mistake) for mistake in raised.value.mistakes]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("c-uri|re: '(?=x)y'", "rule.yml:5:18: c-uri|re: not a pattern of the Rust regex engine"),
        ("c-uri|re: '(a)\\1'", "rule.yml:5:18: c-uri|re: not a pattern of the Rust regex engine"),
        ("sc-status: 200", "rule.yml:5:19: sc-status: no condition of ours looks at this field; use one of"),
        ("src_ip: 10.0.0.1", "rule.yml:5:16: src_ip: no condition of ours looks at this field"),
        ("cs-host|cased: A", "rule.yml:5:23: cased: logged hosts are kept in lower case"),
        ("dst_ip|startswith: '10.'", "rule.yml:5:27: addresses are compared whole or as networks; write them with |"),
        ("dst_port: http", "rule.yml:5:18: 'http': not a port"),
        ("c-uri|expand: '%x%'", "rule.yml:5:22: placeholders (expand) have no values here; write them out"),
        ("c-uri|fieldref: cs-host", "rule.yml:5:24: FieldReference: values of this kind cannot be compared"),
        ("c-uri|nonsense: x", "rule.yml:5:8: c-uri|nonsense: Unknown modifier"),
        ("cs-method: 'a\\*b'", "rule.yml:5:19: a real * or ? cannot be told from a wildcard in this field"),
        ("uri: x", "rule.yml:5:13: 'x': this part of a URL begins with /"),
        ("sc-bytes|lt: 5", "rule.yml:5:21: sizes are told from a bound on only"),
        ("dst_port: null", "rule.yml:5:18: whether this field is there at all cannot be asked"),
        ("dst_port: 0", "rule.yml:5:18: '0': not a port; write a number from 1 to 65535"),
        ("dst_port|gt: 65535", "rule.yml:5:21: 65535: no port is so"),
        ("dst_ip: here", "rule.yml:5:16: 'here': no address; write one"),
        ("c-uri: ''", "rule.yml:5:15: an empty text is never logged; leave it out"),
        ("c-uri: [x, '']", "rule.yml:5:19: an empty text is never logged"),
        ("c-uri-query: ''", "rule.yml:5:21: an empty text is never logged"),
        ("c-useragent: null", "rule.yml:5:21: null holds wherever a log leaves this field out, on nearly every line"),
        ("c-useragent: [x, null]", "rule.yml:5:25: null holds wherever a log leaves this field out"),
        ("c-useragent|exists: false", "rule.yml:5:28: null holds wherever a log leaves this field out"),
        ("c-useragent|neq: x", "rule.yml:6:14: condition: it holds for whatever is not excepted; say beside it what"),
        ("c-uri: []", "rule.yml:5:15: c-uri: an empty list never holds"),
        ("c-uri|hour: 5", "rule.yml:5:20: TimestampPart: values of this kind cannot be compared here"),
        ("dst_port|minute: 5", "rule.yml:5:25: TimestampPart"),
        ("c-uri|re: '[a[b]]'", "rule.yml:5:18: [ inside [...] means a set in this engine; write it with a backslash"),
        ("c-uri|re: 'x[^a&&b]'", "rule.yml:5:18: && inside [...] means a set"),
        ("c-uri|re: '[[:alpha:]--x]'", "rule.yml:5:18: -- inside [...] means a set"),
        ("c-uri|re: 'a++b'", "rule.yml:5:8: c-uri|re: Regular expression 'a++b' is invalid"),
        ("cs-username: 'SCHOOL\\\\bob'", "rule.yml:5:21: SCHOOL\\bob: names are kept without their domain"),
        ("action: de*", "rule.yml:5:16: this field takes no wildcards"),
        ("sc-bytes|gt: -5", "rule.yml:5:21: -4: no size"),
        ("cs-host|endswith: .x.", "rule.yml:5:26: '.x.': names are kept without their last dot"),
    ],
)
def test_what_cannot_be_said_is_refused_at_its_place(text, told):
    rule = f"logsource: {{category: proxy}}\ndetection:\n  s: {{ {text} }}\n  condition: s\n"
    found = refused(rule)
    assert len(found) == 1
    assert found[0].startswith(told), found


@pytest.mark.parametrize("condition", ["not s", "not s and not t", "s or not t", "not 1 of them"])
def test_a_condition_of_negations_alone_is_refused(condition):
    detection = f"detection:\n  s: {{query: a.test}}\n  t: {{query: b.test}}\n  condition: {condition}\n"
    (told,) = refused(f"logsource: {{category: dns}}\n{detection}")
    assert told.startswith("rule.yml:7:14: condition: it holds for whatever is not excepted; say beside it what must")


@pytest.mark.parametrize("condition", ["s and not t", "s and t", "not not s"])
def test_null_and_not_are_taken_beside_what_must_hold(condition):
    detection = f"{{s: {{c-uri: x, c-useragent: null}}, t: {{cs-method: GET}}, condition: {condition}}}"
    assert compiled(parse(f"{HEAD}logsource: {{category: proxy}}\ndetection: {detection}\n", "rule.yml"), "rule")


def test_numbers_of_protocols_and_record_types_are_refused_for_words():
    rest = "detection:\n  s: {{ {} }}\n  condition: s\n"
    (told,) = refused("logsource: {category: dns}\n" + rest.format("record_type: 16"))
    assert "16: kept as a word here, not as a number; write one such as TXT" in told
    (told,) = refused("logsource: {category: firewall}\n" + rest.format("proto: '6'"))
    assert "6: kept as a word here, not as a number; write one such as tcp" in told


def test_a_rule_that_its_authors_gave_up_is_refused():
    rest = "logsource: {category: dns}\ndetection: {s: {query: a.test}, condition: s}\n"
    for status in ("deprecated", "unsupported"):
        assert "do not stand by it" in refused(f"status: {status}\n{rest}")[0]


def test_every_mistake_of_a_rule_is_told_at_once():
    found = refused("logsource: {category: proxy}\ndetection:\n  a: {x: 1}\n  b: {sc-status: 2}\n  condition: a or b\n")
    assert [one.split(": ")[0] for one in found] == ["rule.yml:5:10", "rule.yml:6:18"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("logsource: {category: process_creation}\n", "logsource: only proxy, dns"),
        ("logsource: {category: dns, product: squid}\n", "logsource.product: squid logs no dns"),
        ("logsource: {category: proxy, product: macos}\n", "logsource.product: macos is not known here"),
        ("logsource: {category: dns}\ncorrelation: {type: event_count}\n", "correlation: rules with this cannot"),
    ],
)
def test_a_rule_about_other_logs_is_refused(text, told):
    rest = "detection: {s: {query: a.test}, condition: s}\n"
    assert any(told in one for one in refused(text + rest))


def test_keywords_time_frames_and_names_that_are_not_there_are_refused():
    head = "logsource: {category: dns}\n"
    assert "keywords look at whole lines" in refused(head + "detection: {s: [a, b], condition: s}\n")[0]
    assert "detection.timeframe" in refused(head + "detection: {s: {query: a}, timeframe: 5m, condition: s}\n")[0]
    assert "called 'x'" in refused(head + "detection: {s: {query: a}, condition: s and x}\n")[0]
    assert "condition" in refused(head + "detection: {s: {query: a}, condition: '1 of nothing*'}\n")[0]
    assert "condition" in refused(head + "detection: {s: {query: a}, condition: 's | count() > 5'}\n")[0]


HOSTILE = {
    "no condition": "condition:",
    "a number for a condition": "condition: 5",
    "a mapping for a condition": "condition: {s: s}",
    "a condition within a condition": "condition: [[s]]",
    "a condition that takes a minute to read": f"condition: {' and '.join(['s'] * 3000)}",
    "conditions without end": f"condition: [{', '.join(['s'] * 3000)}]",
    "negations deeper than the stack": f"condition: {'not ' * 240}s",
}


@pytest.mark.parametrize("condition", HOSTILE.values(), ids=HOSTILE)
def test_a_condition_that_is_none_is_refused_at_its_place(condition):
    (told,) = refused(f"logsource: {{category: dns}}\ndetection:\n  s: {{query: a.test}}\n  {condition}\n")
    assert re.match(r"rule\.yml:6:\d+: condition: (write text|nested too deeply)", told)


@pytest.mark.parametrize(
    "item",
    ["taxonomy: {a: b}", "status: [test]", "tags: [{a: b}]", "references: [[a]]", "logsource: {category: [dns]}"],
)
def test_mappings_and_lists_in_place_of_texts_are_refused(item):
    source = "" if "logsource" in item else "logsource: {category: dns}\n"
    (told,) = refused(f"{item}\n{source}detection: {{s: {{query: a.test}}, condition: s}}\n")
    assert told.endswith(": write text here")


def test_a_title_longer_than_sigma_allows_is_refused():
    rule = {"title": "x" * 257, "level": "low", "logsource": {"category": "dns"}}
    with pytest.raises(ConfigurationError, match="title: missing, or longer than 256"):
        compiled(document(rule | {"detection": {"s": {"query": "a.test"}, "condition": "s"}}), "rule")


def test_a_rule_that_could_not_be_read_again_is_not_written(tmp_path):
    rule = tmp_path / "a.yml"
    deep = f"condition: {'s and (t or (' * 9}s{'))' * 9}"
    names = "s: {query|contains: a}, t: {query|contains: b}"
    rule.write_text(f"{HEAD}logsource: {{category: dns}}\ndetection: {{ {names}, {deep} }}\n")
    done = import_rules(rule, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [str(one) for one in done.refused] == [f"{rule}:4:12: nested deeper than 20 levels; split the rule"]


def test_a_missing_extra_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "filterwatch.policy.sigma", None)
    done = CliRunner().invoke(make_app("rules"), ["rules", "import-sigma", str(tmp_path), "--output", str(tmp_path)])
    assert isinstance(done.exception, FilterwatchError)
    assert "pip install 'filterwatch[sigma]'" in str(done.exception)


def test_wildcards_that_are_escaped_are_themselves_and_regexes_mind_the_case():
    rule = {"title": "t", "level": "low", "logsource": {"category": "proxy"}}
    urls = [{"kind": "http", "url": url} for url in ("http://a/x*y", "http://a/xxy", "http://a/X*Y")]
    assert engine(rule | {"detection": {"s": {"c-uri|contains": "x\\*y"}, "condition": "s"}}, urls) == [
        True,
        False,
        True,
    ]
    assert engine(rule | {"detection": {"s": {"c-uri|re": "x.y$"}, "condition": "s"}}, urls) == [True, True, False]
    assert engine(rule | {"detection": {"s": {"c-uri|re|i": "x.y$"}, "condition": "s"}}, urls) == [True, True, True]
    agents = [{"kind": "http", "user_agent": agent} for agent in ("x -run", "x /run", "x run")]
    dashes = {"detection": {"s": {"c-useragent|contains|windash": " -run"}, "condition": "s"}}
    assert engine(rule | dashes, agents) == [True, True, False]
    absent = [{"kind": "http"}, {"kind": "http", "user_agent": "x"}]
    absent = [one | {"url": "http://a/"} for one in absent]
    without = {"s": {"c-useragent": None, "c-uri|contains": "a"}, "condition": "s"}
    assert engine(rule | {"detection": without}, absent) == [True, False]
    assert engine(rule | {"detection": {"s": {"c-useragent|exists": True}, "condition": "s"}}, absent) == [False, True]


SHADOW = """\
title: Look-ups of a tunnel's names
id: 0b6c2a6e-0000-4000-8000-000000000001
status: test
description: Written for this test.
author: The filterwatch maintainers
logsource: {category: dns, product: unbound}
detection:
  names:
    query|endswith: [.tunnel.example, .relay.example]
    record_type: [TXT, 'NULL']
  ours: {query|re: '^[a-z]{3}\\.school\\.'}
  condition: names and not ours
falsepositives: [Mail servers]
level: medium
tags: [attack.t1071.004]
"""


def test_an_imported_rule_is_a_sound_rule_file_with_examples_that_hold(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Tunnel Names.yml").write_text(SHADOW)
    (tmp_path / "in" / "bad.yml").write_text(SHADOW.replace("query|endswith", "answer|endswith"))
    done = import_rules(tmp_path / "in", tmp_path / "out")
    assert [path.name for path in done.written] == ["sigma-tunnel-names.yaml"]
    assert (done.refused_rules, len(done.refused)) == (1, 1)
    assert str(done.refused[0]).startswith(f"{tmp_path}/in/bad.yml:9:23: answer: no condition of ours looks")
    (rule,) = load(tmp_path / "out").rules
    assert (rule.level, rule.outcome, rule.tags) == ("medium", "technical", ("attack.t1071.004",))
    assert "Mail servers" in (rule.limits or "")
    assert "author The filterwatch maintainers" in (rule.description or "")
    again = import_rules(tmp_path / "in", tmp_path / "out")
    assert again.written == []
    assert any("is there already" in str(one) for one in again.refused)


def test_the_command_refuses_loudly_and_the_check_takes_what_it_wrote(tmp_path):
    (tmp_path / "one.yml").write_text(SHADOW)
    out = tmp_path / "out"
    done = CliRunner().invoke(
        make_app("rules"), ["rules", "import-sigma", str(tmp_path / "one.yml"), "--output", str(out)]
    )
    assert done.exit_code == 0, done.output
    checked = CliRunner().invoke(make_app("check"), ["check", "--rules", str(out)])
    assert checked.exit_code == 0, checked.output
    assert "1 rules, 2 examples" in checked.output
    (tmp_path / "one.yml").write_text(SHADOW.replace("condition: names", "condition: nothing"))
    done = CliRunner().invoke(
        make_app("rules"), ["rules", "import-sigma", str(tmp_path / "one.yml"), "--output", str(out)]
    )
    assert done.exit_code == 1
    assert "nothing in detection is called 'nothing'" in done.output


def test_rules_of_every_shape_get_an_example(tmp_path):
    shapes = {
        "a": "c-uri-extension: [exe, dll]", "b": "c-uri-query|contains: 'cmd='", "c": "uri|endswith: /a.php",
        "d": "c-useragent|startswith: curl/", "e": "c-uri|re: '/[a-f0-9]{8}\\.bin$'", "f": "dst_port|gte: 60000",
        "g": "dst_ip|cidr: 198.51.100.0/24", "h": "cs-method: PUT", "i": "sc-bytes|gt: 1000000",
        "j": "cs-host|re: '^[a-z]{12}\\.(top|xyz)$'", "k": "c-uri|contains|all: [a=, b=]",
        "l": "r-dns|startswith: [tunnel.]", "m": "cs-host|contains: ['==.']", "n": "c-uri: /a.php",
        "o": "c-uri-stem|endswith: /b", "p": "cs-host|endswith: .c.example",
        "q": "c-useragent: '*', cs-host: a.example", "r": "c-useragent|exists: true",
    }  # fmt: skip
    (tmp_path / "in").mkdir()
    for name, item in shapes.items():
        text = f"{HEAD}logsource: {{category: proxy}}\ndetection:\n  s: {{ {item} }}\n  condition: s\n"
        Path(tmp_path / "in" / f"{name}.yml").write_text(text)
    done = import_rules(tmp_path / "in", tmp_path / "out")
    assert [str(one) for one in done.refused] == []
    assert len(done.written) == len(shapes)
    assert check(rules=tmp_path / "out").rule_count == len(shapes)


@pytest.mark.parametrize(
    "item",
    [
        "cs-host: evil.example.com, c-uri|endswith: /path/only",
        "cs-host|endswith: .example.com, uri|startswith: /a.php",
        "cs-host: evil.example.com, c-uri|contains: 'evil.example.com/a'",
        "cs-host: evil.example.com, c-uri|re: '^https?://evil\\.example\\.com/[a-z]{3}'",
    ],
)
def test_the_host_of_an_example_is_that_of_its_url(tmp_path, item):
    rule = tmp_path / "a.yml"
    rule.write_text(f"{HEAD}logsource: {{category: proxy}}\ndetection:\n  s: {{ {item} }}\n  condition: s\n")
    done = import_rules(rule, tmp_path / "out")
    assert [str(one) for one in done.refused] == []
    (example,) = load(tmp_path / "out").rules[0].examples.holds
    assert example.url
    assert example.url.split("/")[2] == example.host
