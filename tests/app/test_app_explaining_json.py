"""The JSON of ``filterwatch explain`` is what its documentation says: others' tools hold on to it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from filterwatch import detections
from filterwatch.app.explaining import SCHEMA, Request, as_json, explain
from filterwatch.app.parts import School
from filterwatch.app.places import shipped
from filterwatch.app.settings import load
from filterwatch.clock import SystemClock
from filterwatch.events import KIND, TIME
from filterwatch.journal import Commit, Journal

DOCUMENT = Path(__file__).parents[2] / "docs" / "explain.md"
MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
CONFIG = """\
site: st-pauls
state: state
rules: rules
lists: {own: [own]}
sources: [{name: squid, format: squid, path: access.log}]
people:
  roster: roster.csv
  devices: devices.csv
  ranges: [{net: 10.1.0.0/16, group: staff}]
alerts:
  recipients:
    coordinator: {name: Jane Roe, channels: [jane]}
    head: {name: Ann Head, channels: [ann]}
delivery: {channels: {jane: {url: "json://a"}, ann: {url: "json://b"}}}
"""
HEAD = "level: high\noutcome: breach\npolicy: {text: 'The words.', section: 'Use'}\n"
EXAMPLES = "examples: {holds: [{host: x.test}], does_not_hold: [{host: y.test}]}\n"
RULES = {
    "gambling": "category: gambling\nmatch: {categories: [gambling]}\nwho: {groups: [pupils]}\n",
    "csam": "category: csam\nmatch: {host: {exact: [img.awful.test]}}\n",
    "drugs": "category: drugs\nmatch: {search_terms: {pack: drugs}}\ncount: {at_least: 3, within: 1h, by: person}\n",
    "private": "category: games\nmatch: {host: [games.test]}\nwho: {except: {people: [amina example]}}\n"
    "once: low\nlimits: Much.\n",
}


@pytest.fixture
def school(tmp_path):
    (tmp_path / "rules" / "lists").mkdir(parents=True)
    (tmp_path / "rules" / "terms").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "fine.txt").write_text("# category: gambling\n# mode: allow\nfine.bet.test\n")
    (tmp_path / "rules" / "lists" / "gambling.txt").write_text("# category: gambling\n# licence: MIT\nbet.test\n")
    shutil.copy(shipped("rules") / "lists" / "names.yaml", tmp_path / "rules" / "lists")
    (tmp_path / "rules" / "terms" / "drugs.yaml").write_text(
        "id: drugs\nlanguage: en\nterms: [buy weed]\nbenign: [sea weed]\n"
    )
    (tmp_path / "roster.csv").write_text("user,person,group,year\ny5.amina,Amina Example,pupils,5\n")
    (tmp_path / "devices.csv").write_text(
        "mac,name,device,class,person\n00:1a:2b:3c:4d:5e,,ipad-1,individual,amina example\n,beamer,beamer,projector,\n"
    )
    for name, text in RULES.items():
        (tmp_path / "rules" / f"{name}.yaml").write_text(f"id: {name}\ntitle: T\n{text}{HEAD}{EXAMPLES}")
    (tmp_path / "filterwatch.yaml").write_text(CONFIG)
    known = load(tmp_path / "filterwatch.yaml")
    return School(known, known.rules)


def told(school: School, address: str, **more: str) -> dict[str, object]:
    return json.loads(as_json(explain(school, Request(address, MONDAY, **more))))


def paths(value: object, at: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{at}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{at}[]")
    elif value is not None:
        yield at


def test_every_key_is_documented_and_every_documented_key_is_there(school):
    documented = set(re.findall(r"^\| `([^`]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    answers = [
        told(school, "HTTP://bet.test:8080/x", group="pupils", person="y5.amina", device="00-1a-2b-3c-4d-5e"),
        told(school, "https://translate.google.com/translate?u=http://FINE.bet.test:81/x", group="staff"),
        told(school, "https://www.google.com/search?q=buy+w33d+not+sea+w33d&safe=off", device="beamer"),
        told(school, "www.bet.test", group="staff"),
        told(school, "games.test", action="blocked"),
        told(school, "unblocked-games-proxy.duckdns.org"),
        told(school, "http://\u0430\u0440\u0440\u0456\u0435.test/"),
    ]
    seen = {path for answer in answers for path in paths(answer)}
    assert seen - documented == set()
    # Lists are fetched in the tests of `lists lookup`, which says the same; requests are made in those of registers.
    elsewhere = {one for one in documented if one.startswith("unblocks[]")} | {"lists[].trust", "lists[].fetched"}
    assert documented - seen == elsewhere
    assert all(answer["schema"] == SCHEMA == 1 for answer in answers)


def test_nothing_of_illegal_content_is_told(school):
    answer = told(school, "https://img.awful.test/path?q=secret", group="pupils")
    assert answer["withheld"] is True
    assert (answer["address"], answer["lists"], answer["name"], answer["search"]) == (None, [], None, None)
    assert "awful" not in json.dumps(answer)
    assert "secret" not in json.dumps(answer)


def test_who_asks_by_device_or_address_is_not_told_a_name(school):
    for device in ("00:1A:2B:3C:4D:5E", "ipad-1"):
        answer = told(school, "bet.test", device=device)
        assert "amina" not in json.dumps(answer).casefold()
        who = answer["who"]
        assert (who["group"], who["year"], who["device"], who["identity"]) == ("pupils", "5", "ipad-1", "lease")
        assert who["withheld"] is True
        assert [one["rule"] for one in answer["holds"]] == ["gambling"]
    who = told(school, "bet.test", device="10.1.2.3")["who"]
    assert (who["group"], who["identity"], who["withheld"]) == ("staff", "address", False)
    assert told(school, "bet.test", device="beamer")["who"]["device_class"] == "projector"


def test_an_address_is_who_had_it_at_the_time_and_a_lease_is_not_called_by_its_name(school):
    context = school.enrichment()
    lease = {"kind": "lease", "client_ip": "10.9.0.7", "client_mac": "00:1a:2b:3c:4d:5e", "host": "aminas-tablet"}
    other = lease | {"client_ip": "10.9.0.8", "client_mac": "00:aa:bb:cc:dd:ee", "host": "bens-phone"}
    facts = [one | {"time": MONDAY, "filter_reason": "dhcpack"} for one in (lease, other)]
    events = pl.DataFrame(facts, schema_overrides={"time": TIME, "kind": KIND})
    context.settle(context.prepare(events))
    (school.configuration.state).mkdir()
    with Journal.open(school.configuration.state / "journal.db", writer=True, clock=SystemClock()) as journal:
        journal.commit(Commit(read_at=MONDAY, detections=detections.none(), state={"enrich": context.state()}))

    who = told(school, "bet.test", device="10.9.0.7")["who"]
    assert (who["group"], who["year"], who["device"], who["identity"]) == ("pupils", "5", "ipad-1", "lease")
    assert "with the leases and logins of that time" in who["how"]
    answer = told(school, "bet.test", device="10.9.0.8")
    assert (answer["who"]["device"], answer["who"]["withheld"]) == (None, True)
    assert "bens-phone" not in json.dumps(answer)
    (school.configuration.state / "journal.db").write_bytes(b"x" * 4096)
    who = told(school, "bet.test", device="10.9.0.7")["who"]
    assert (who["group"], who["how"][-1]) == ("unknown", "leases and logins are not known: the journal cannot be read")


def test_a_rule_that_leaves_persons_out_does_not_name_them(school):
    answer = told(school, "games.test", device="ipad-1")
    [near] = answer["nearly"]
    assert (near["rule"], near["lacks"][0]["needs"]) == ("private", "the person is excepted")
    assert "amina" not in json.dumps(answer).casefold()


@pytest.mark.parametrize("left_out", ["people: [amina example], groups: [pupils]", "devices: [ipad-1]"])
def test_exceptions_that_list_names_are_not_quoted(school, left_out):
    rule = f"id: left\ntitle: T\ncategory: games\nmatch: {{host: [left.test]}}\nwho: {{except: {{{left_out}}}}}\n"
    (school.rules / "left.yaml").write_text(rule + HEAD + EXAMPLES)
    [near] = told(school, "left.test", device="ipad-1")["nearly"]
    assert [(lack["excepts"], lack["found"], lack["says"]) for lack in near["lacks"]] == [(True, "", "")]
    assert near["lacks"][0]["line"] == 5


def test_an_address_inside_that_pages_load_by_themselves_does_not_count(school):
    (school.rules / "lists" / "social_media.txt").write_text("# category: social_media\nplatform.twitter.com\n")
    answer = told(school, "https://translate.google.com/translate?u=https://platform.twitter.com/widgets.js")
    [entry] = answer["lists"]
    assert (entry["host"], entry["used"]) == ("platform.twitter.com", False)
    assert entry["because"].startswith("pages load it by themselves")
    assert answer["categories"] == []


def test_whom_a_detection_reaches_is_whom_the_configuration_says(school):
    [held] = told(school, "bet.test", group="pupils")["holds"]
    assert held["told"] == {"route": "immediate", "first": ["coordinator"], "then": ["head"]}
    (school.rules / "gambling.yaml").write_text((school.rules / "gambling.yaml").read_text().replace("pupils", "staff"))
    [held] = told(school, "bet.test", group="staff")["holds"]
    assert held["told"] == {"route": "immediate", "first": ["head"], "then": ["coordinator"]}


def test_an_entry_that_an_exception_cancels_says_which(school):
    answer = told(school, "fine.bet.test")
    assert [(one["list"], one["used"], one["because"]) for one in answer["lists"]] == [
        ("fine", True, ""),
        ("gambling", False, "cancelled by fine.bet.test on list fine"),
    ]


def test_a_request_may_be_seen_by_a_resolver_or_blocked(school):
    assert [one["rule"] for one in told(school, "bet.test", kind="dns", group="pupils")["holds"]] == ["gambling"]
    assert [one["rule"] for one in told(school, "bet.test", action="blocked", group="pupils")["holds"]] == ["gambling"]
    answer = told(school, "bet.test", action="auth_required", group="pupils")
    assert answer["holds"] == []
    assert answer["nearly"][0]["lacks"][0]["needs"] == "the proxy asked for a password first"
