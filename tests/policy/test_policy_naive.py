"""The engine says the same as a reader who takes one rule and one event at a time."""

from __future__ import annotations

import copy
import ipaddress
import re
from collections.abc import Mapping
from datetime import time
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch import policy
from filterwatch.config import Document

Facts = Mapping[str, object]

HOSTS = ["a.test", "www.a.test", "nota.test", "b.test", "vpn1.test", "a.test.evil.example"]
EVENT = {
    "host": HOSTS, "query": HOSTS, "group": ["pupils", "staff", "unknown"], "year": ["5", "6"],
    "person": ["ann", "bob"],
    "device": ["d1", "d2"], "device_class": ["individual", "projector", "Phone"], "identity": ["lease", "address"],
    "action": ["allowed", "blocked", "auth_required"], "kind": ["http", "dns"], "dest_port": [53, 1194, 6881, 7000],
    "dest_ip": ["10.1.2.3", "11.0.0.1", "2001:db8::1", "rubbish"], "bytes_in": [0, 999, 1000], "bytes_out": [5, 5000],
    "duration_ms": [0, 59_999, 60_000], "filter_category": ["Gambling", "gambling sites", "Games"],
    "mime_type": ["video/mp4", "text/html"], "user": ["y4.sam", "Y5.kim"], "user_agent": ["OpenVPN", "Mozilla"],
    "url": ["http://a.test/Shorts/x", "http://b.test/x?u=/shorts", "http://c.test/sh%6Frts", "b.test:443", "/shorts/1",
            "b.test:80/a/../shorts"],
    "search_terms": ["how to bet", "BETS", "better", "bet-365", "sports"], "in_school_hours": [True, False],
    "local_time": [time(8, 29, 59), time(8, 30), time(12, 0), time(15, 30), time(15, 30, 1)], "weekday": [1, 6],
    "categories": [["games"], ["bypass", "bypass.vpn"], ["gambling", "games"]], "counted": [True, False],
    "in_term": [True, False],
}  # fmt: skip


def some(*values: object) -> st.SearchStrategy[object]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


LEAVES = {
    "categories": some("games", "gambling", "bypass.vpn", "bypass"),
    "host": some("a.test", "test", "vpn1.test") | st.just({"exact": ["a.test"]}) | st.just({"regex": r"^vpn\d"}),
    "url": st.just({"contains": ["/shorts"]}) | st.just({"path_prefix": ["/shorts"]}) | st.just({"regex": "x$"}),
    "action": some("allowed", "blocked"),
    "kind": some("http", "dns"),
    "dest_port": some(1194, "53", "6881-6999"),
    "dest_ip": some("10.0.0.0/8", "2001:db8::/32", "11.0.0.1"),
    "bytes_in": st.just({"at_least": 1000}),
    "bytes_out": st.just({"at_least": "5kB"}),
    "duration": st.just({"at_least": "1m"}),
    "filter_category": some("gambl*", "GAMES", "?ambling"),
    "mime_type": some("video/*"),
    "user": some("y?.*", "y4.sam"),
    "user_agent": st.just({"contains": ["openvpn"]}),
    "device_class": some("phone", "projector"),
    "identity": some("lease"),
    "search_terms": st.just({"words": ["bet"]}) | st.just({"regex": "^how"}),
}
conditions = st.sampled_from(sorted(LEAVES)).flatmap(lambda key: st.fixed_dictionaries({key: LEAVES[key]}))
trees = st.recursive(
    conditions,
    lambda inner: st.sampled_from(["any", "all", "none"]).flatmap(
        lambda word: st.fixed_dictionaries(
            {word: st.lists(inner, min_size=1, max_size=3)}, optional={"action": st.just(["allowed"])}
        )
    ),
    max_leaves=6,
)  # fmt: skip
whos = st.fixed_dictionaries({}, optional={
    "groups": some("pupils", "unknown"), "years": some("5"), "devices": some("individual"), "identity": some("lease"),
    "except": st.fixed_dictionaries({}, optional={"people": some("ANN"), "groups": some("staff"), "devices": some("d1"),
                                                  "device_classes": some("projector")}).filter(bool),
})  # fmt: skip
WINDOW = {"windows": [{"days": "mon-fri", "from": "08:30", "to": "15:30"}]}
whens = st.sampled_from(
    [{}, WINDOW, WINDOW | {"outside": True}, {"during": "school_hours"}, {"during": "outside_school_hours"},
     {"terms": "term_time"}, {"terms": "holidays", "during": "school_hours"}]
)  # fmt: skip
rules_ = st.fixed_dictionaries({"match": trees}, optional={"who": whos, "when": whens})
events_ = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in EVENT.items()})


def like(glob: str, text: str) -> bool:
    pattern = "".join(".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in glob)
    return re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) is not None


def below(name: str, host: str) -> bool:
    return host == name or host.endswith(f".{name}")


def plain(url: str) -> str:
    return url.replace("%6F", "o")


def leaf(key: str, want: object, event: Facts) -> bool:  # noqa: C901, PLR0911, PLR0912 - a table in code
    got = event.get({"duration": "duration_ms"}.get(key, key))
    if key == "host":
        got = event.get("host") or event.get("query")
    if got is None:
        return False
    match key:
        case "categories":
            return bool(set(want) & set(got))
        case "host" if isinstance(want, list):
            return any(below(name, got) for name in want)
        case "host":
            return got in want["exact"] if "exact" in want else re.search(want["regex"], got) is not None
        case "url" if "contains" in want:
            return any(text in plain(got).lower() for text in want["contains"])
        case "url" if "path_prefix" in want:
            path = re.sub(r"^(\w+://)?[^/]*", "", plain(got)).replace("/a/..", "")
            return any(path.lower().startswith(prefix) for prefix in want["path_prefix"])
        case "url":
            return re.search(want["regex"], plain(got)) is not None
        case "dest_port":
            ranges = [str(port).split("-") for port in want]
            return any(int(ends[0]) <= got <= int(ends[-1]) for ends in ranges)
        case "dest_ip":
            if got == "rubbish":
                return False
            return any(ipaddress.ip_address(got) in ipaddress.ip_network(network) for network in want)
        case "bytes_in" | "bytes_out" | "duration":
            return got >= {1000: 1000, "5kB": 5000, "1m": 60_000}[want["at_least"]]
        case "search_terms":
            return re.search(r"\bbets?\b", got.lower()) is not None if "words" in want else got.startswith("how")
        case "user_agent":
            return "openvpn" in got.lower()
        case "filter_category" | "mime_type" | "user" | "device_class":
            return any(like(glob, got) for glob in want)
        case _:
            return got in want


def tree(match: Mapping[str, object], event: Facts) -> bool:
    for key, want in match.items():
        match key:
            case "any":
                held = any(tree(part, event) for part in want)
            case "all":
                held = all(tree(part, event) for part in want)
            case "none":
                held = not any(tree(part, event) for part in want)
            case _:
                held = leaf(key, want, event)
        if not held:
            return False
    return True


def who(want: Mapping[str, object], event: Facts) -> bool:
    group = event.get("group", "unknown")
    left_out = want.get("except", {})
    return (
        group in want.get("groups", [group])
        and event.get("year") in want.get("years", [event.get("year")])
        and event.get("device_class") in want.get("devices", [event.get("device_class")])
        and event.get("identity") in want.get("identity", [event.get("identity")])
        and group not in left_out.get("groups", ())
        and event.get("person", "").upper() not in left_out.get("people", ())
        and event.get("device") not in left_out.get("devices", ())
        and event.get("device_class") not in left_out.get("device_classes", ())
    )


def when(want: Mapping[str, object], event: Facts) -> bool:
    hours = {"always": (True, False, None), "school_hours": (True,), "outside_school_hours": (False,)}
    if event.get("in_school_hours") not in hours[want.get("during", "always")]:
        return False
    terms = {"any": (True, False, None), "term_time": (True, None), "holidays": (False,)}
    if event.get("in_term") not in terms[want.get("terms", "any")]:
        return False
    if "windows" not in want:
        return True
    at, weekday = event.get("local_time"), event.get("weekday")
    if at is None or weekday is None:
        return False
    inside = weekday <= 5 and time(8, 30) <= at <= time(15, 30)
    return inside is not want.get("outside", False)


def naive(rule: Mapping[str, object], event: Facts) -> bool:
    if event.get("counted") is False or event.get("action") == "auth_required":
        return False
    return who(rule.get("who", {}), event) and when(rule.get("when", {}), event) and tree(rule["match"], event)


def rule_set(*parts: Mapping[str, object]) -> policy.RuleSet:
    fixed = {"title": "T", "level": "low", "outcome": "breach", "examples": {"holds": [{}], "does_not_hold": [{}]}}
    rules = [policy.Rule.model_validate({"id": f"r{at}", **fixed, **part}) for at, part in enumerate(parts)]
    return policy.RuleSet([policy.Loaded(rule, "v", Document("r.yaml", {})) for rule in rules], {})


@settings(max_examples=250, deadline=None)
@given(rules=st.lists(rules_, min_size=1, max_size=4), facts=st.lists(events_, min_size=1, max_size=8), data=st.data())
def test_the_engine_and_the_naive_reader_agree(event_frame, rules, facts, data):
    order = data.draw(st.lists(st.integers(0, len(facts) - 1), min_size=1, max_size=60))
    batch = [facts[at] for at in order]
    expected = [(row, f"r{at}") for row, event in enumerate(batch) for at, one in enumerate(rules) if naive(one, event)]

    judged = rule_set(*rules).evaluate(event_frame(*batch))

    assert judged.detections.select("line_offset", "rule").rows() == expected


@settings(max_examples=100, deadline=None)
@given(rule=rules_, fact=events_)
def test_explain_agrees_with_the_engine_and_says_what_is_missing(event_frame, rule, fact):
    rules, frame = rule_set(rule), event_frame(fact)

    [verdict] = rules.explain(frame)

    held = naive(rule, fact)
    assert verdict.held is held
    assert (verdict.missing == ()) is held
    assert verdict.match.held is tree(rule["match"], fact)
    assert verdict.who.held is who(rule.get("who", {}), fact)
    assert verdict.when.held is when(rule.get("when", {}), fact)
    if held:
        assert verdict.reason == rules.evaluate(frame).detections["reason"].item()


def without(rule: Mapping[str, object], place: tuple[str | int, ...]) -> Mapping[str, object]:
    """The rule without what stands at *place*: a condition that always holds, an exception that never does."""
    changed = copy.deepcopy(rule)
    *above, last = place
    inside = reduce(lambda part, key: part[key], above, changed)
    if isinstance(last, int) and above[-1] in {"any", "all"}:
        inside[last] = {}
    else:
        del inside[last]
    return changed


@settings(max_examples=300, deadline=None)
@given(rule=rules_, fact=events_)
def test_the_condition_that_is_said_to_be_missing_is_what_keeps_the_rule_from_holding(event_frame, rule, fact):
    [verdict] = rule_set(rule).explain(event_frame(fact))

    for lack in verdict.lacks:
        assert not naive(rule, fact)
        judged = fact | {"counted": True, "action": "allowed"}
        assert naive(without(rule, lack.place), fact) if lack.place else naive(rule, judged) or "action" in str(rule)


@settings(max_examples=200, deadline=None)
@given(rule=rules_, fact=events_, group=st.sampled_from(["pupils", "staff", "unknown"]))
def test_a_rule_that_only_the_group_keeps_from_holding_holds_for_another(event_frame, rule, fact, group):
    rule = rule | {"who": {"groups": [group]}}
    [verdict] = rule_set(rule).explain(event_frame(fact))

    if [lack.place for lack in verdict.lacks] == [("who", "groups")]:
        assert len(rule_set(rule).evaluate(event_frame(fact | {"group": group})).detections) == 1
        assert verdict.lacks[0].reads == ("group",)
