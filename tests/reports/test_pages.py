import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterwatch.detectors import volume
from filterwatch.errors import FilterwatchError
from filterwatch.records import numbers
from filterwatch.reports.catalogue import FORMATS, REPORTS, rendered
from filterwatch.reports.material import Material
from filterwatch.reports.page import Page
from filterwatch.reports.period import Period, week_before
from filterwatch.reports.pseudonyms import Pseudonyms
from filterwatch.reports.registers import (
    AlertCount,
    Attestation,
    Count,
    Coverage,
    Expiring,
    Incidents,
    Need,
    Registers,
    RuleVerdicts,
    SwitchOff,
    Unblocks,
    Watched,
)

ZONE = ZoneInfo("Europe/London")
WEEK = Period(date(2026, 11, 16), date(2026, 11, 22), ZONE)
FRIDAY = datetime(2026, 11, 20, 14, tzinfo=UTC)
VPN = {"host": "secretvpn.test", "domain": "secretvpn.test", "categories": ["bypass", "bypass.vpn"]}


@pytest.fixture
def material(frame):
    """A week of a made-up school; arguments replace parts of it."""
    events = frame(
        {"person": "amy.adams", "device": "amys-ipad", "bytes_in": 4_000_000_000, "lasted": 900, "at": 900,
         "domain": "hugevideo.test"},
        VPN | {"person": "ben.brown", "device": "bens-laptop", "action": "blocked", "at": 60},
        VPN | {"person": "ben.brown", "device": "bens-laptop", "at": 120},
        {"person": "cat.clark", "search_terms": "free vpn", "host": "www.google.com", "domain": "google.com"},
    ).with_columns(
        local_date=pl.lit(date(2026, 11, 17)), local_minute=pl.lit(600, dtype=pl.Int16),
        in_school_hours=pl.lit(value=True),
    )  # fmt: skip

    def make(**changed) -> Material:
        values = {
            "site": "st-pauls", "period": WEEK, "made": datetime(2026, 11, 23, 7, tzinfo=UTC), "events": events,
            "names": Pseudonyms("secret", "st-pauls"), "link": volume.Settings(link_mbit=100), "registers": REGISTERS,
        }  # fmt: skip
        return Material(**(values | changed))

    return make


REGISTERS = Registers(
    alerts=(
        AlertCount("bypass", "pupils", 14, 9.5), AlertCount("welfare", "pupils", 3), AlertCount("welfare", "staff", 1),
    ),
    acknowledge_minutes=38.0,
    needs=(
        Need("FW-2026-7KQ3M", "critical alert, not acknowledged", FRIDAY),
        Need("IN-2026-4HK7W", "incident without a conclusion", FRIDAY, overdue=True),
    ),
    undelivered=2,
    switch_offs=(SwitchOff("SO-1", "authorised", 45), SwitchOff("SO-2", "unauthorised", 37)),
    unblocks=Unblocks(waiting=2, agreed=5, refused=1),
    rules=(RuleVerdicts("noisy", 12, 9), RuleVerdicts("fine", 4, 0)),
    silences=(Expiring("noisy", "Mrs Hill", FRIDAY + timedelta(days=3)),),
    incidents=Incidents((Count("cyberbullying", 2), Count("bypass", 6)), (Count("not yet", 8),), (Count("police", 1),)),
    coverage=Coverage(
        (Watched("squid", 1000, unreadable=3, gaps=1, silent_minutes=0), Watched("firewall", 0)),
        school_minutes=2100, proven_minutes=2058, unwatched=("guest Wi-Fi",),
    ),
    checks_done=1, checks_overdue=0, last_filter_test=date(2026, 11, 16),
    attestations=(Attestation("Training", 61, 64), Attestation("Agreement", 688, 840)),
    named_views=7, ledger_head="3f9a01…c77e",
)  # fmt: skip


def fact(page: Page, label: str):
    [found] = [fact for section in page.sections for fact in section.facts if fact.label == label]
    return found.value, found.standing


def table(page: Page, name: str) -> pl.DataFrame:
    [found] = [table for table in page.tables if table.name == name]
    return found.rows.select([column.name for column in found.columns])


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "table"])
def test_every_report_is_written_in_every_form(material, name, form):
    text = rendered(REPORTS[name].page(material()), form)
    assert "amy" not in text.lower()
    assert "bens-laptop" not in text
    assert len(text) > 20


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "table"])
def test_every_report_of_nothing_is_written_in_every_form(frame, name, form):
    empty = Material("s", WEEK, FRIDAY, frame(), Pseudonyms("k", "s"))
    assert rendered(REPORTS[name].page(empty), form)


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_says_what_it_cannot_see(material, name):
    said = " ".join(REPORTS[name].page(material()).statements)
    assert "no mobile data" in said
    assert "1 of 2 logs said nothing" in said


def test_a_pseudonym_is_the_same_in_every_report_and_for_its_alert(material):
    amy = numbers.pseudonym("secret", "st-pauls", "person:amy.adams")
    assert amy in rendered(REPORTS["bandwidth"].page(material()), "json")
    assert amy in rendered(REPORTS["weekly"].page(material()), "json")
    assert numbers.pseudonym("secret", "st-pauls", "device:bens-laptop") in rendered(
        REPORTS["bypass"].page(material()), "json"
    )


def test_names_are_named_only_when_asked_for(material):
    page = REPORTS["bandwidth"].page(material(names=Pseudonyms(None, "st-pauls")))
    assert "amy.adams" in rendered(page, "text")
    assert "names people" in page.confidential


def test_the_week_answers_whether_it_can_be_trusted(material):
    page = REPORTS["weekly"].page(material())
    assert fact(page, "School minutes with proven filtering") == ("98.0 %", "good")
    assert fact(page, "Switch-offs nobody agreed") == ("1 (37 min)", "bad")
    assert fact(page, "Lines lost or unreadable") == ("lost 1 time", "attention")
    assert fact(page, "Logs silent in school hours") == ("0 min", "good")
    assert fact(page, "Alerts not delivered") == ("2", "bad")
    assert fact(page, "Requests of nobody known") == ("0 %", "good")


def test_what_nobody_records_is_unknown_and_never_good(material):
    page = REPORTS["weekly"].page(material(registers=Registers()))
    for label in (
        "School minutes with proven filtering", "Lines lost or unreadable", "Logs silent in school hours",
        "Alerts not delivered",
    ):  # fmt: skip
        assert fact(page, label)[1] == "unknown"


def test_what_is_overdue_comes_first(material):
    rows = table(REPORTS["weekly"].page(material()), "needs")
    assert rows["number"].to_list() == ["IN-2026-4HK7W", "FW-2026-7KQ3M"]


def test_alerts_stand_beside_what_is_usual(material):
    rows = table(REPORTS["weekly"].page(material()), "alerts")
    assert rows.rows() == [("bypass", 14, 0, 0, 0, 14, 9.5), ("welfare", 3, 1, 0, 0, 4, None)]


def test_noisy_rules_are_named(material):
    [rules] = [table for table in REPORTS["weekly"].page(material()).tables if table.name == "rules"]
    assert rules.rows.select("rule", "right").rows() == [("noisy", 0.25), ("fine", 1.0)]
    assert rules.note == "More false than true: noisy."


def test_the_week_holds_no_search_term_and_no_destination(material):
    text = rendered(REPORTS["weekly"].page(material()), "json")
    for word in ("free vpn", "secretvpn", "hugevideo", "10.1.0.1"):
        assert word not in text


def test_governors_see_no_name_no_site_no_term_no_case(material):
    page = REPORTS["governors"].page(material())
    for form in ("json", "html", "text"):
        text = rendered(page, form)
        for word in (
            "amy", "ben.brown", "P-", "secretvpn", "hugevideo", "free vpn", "FW-2026", "IN-2026", "SO-1", "Mrs Hill",
            "squid", "guest Wi-Fi", "10.1.0.1", "noisy",
        ):  # fmt: skip
            assert word not in text, word
    assert not re.search(r"https?:|//|<script|<a ", rendered(page, "html"))


def test_governors_see_counts_only_where_they_are_large_or_none(material):
    page = REPORTS["governors"].page(material())
    assert fact(page, "That nobody agreed") == ("fewer than 5", "bad")
    assert fact(page, "Longer than agreed") == ("none", "good")
    assert fact(page, "Times named data was looked at") == ("7", "plain")
    # One welfare alert about staff: its row, its column and one cell of each take part in hiding it.
    assert table(page, "alerts").rows() == [
        ("bypass", None, 0, None),
        ("welfare", None, None, None),
        ("All", None, None, 18),
    ]
    assert table(page, "types").rows() == [("bypass", None), ("cyberbullying", None), ("All", 8)]
    assert table(page, "attestations").rows() == [("Training", "all but fewer than 5"), ("Agreement", "81.9 %")]


def test_governors_get_whole_weeks_only(material):
    days = Period(date(2026, 11, 16), date(2026, 11, 23), ZONE)
    with pytest.raises(FilterwatchError, match="whole week, Monday to Sunday"):
        REPORTS["governors"].page(material(period=days))


counts = st.integers(0, 9)
words = st.sampled_from(["bypass", "welfare", "security", "use of the network"])
registers = st.builds(
    Registers,
    alerts=st.lists(
        st.builds(AlertCount, words, st.sampled_from(["pupils", "staff", "guests", "system"]), counts), max_size=9
    ),
    acknowledge_minutes=st.none() | st.floats(0, 500),
    undelivered=st.none() | counts,
    switch_offs=st.lists(
        st.builds(SwitchOff, st.just("SO"), st.sampled_from(["authorised", "overrun", "unauthorised"]), st.just(60)),
        max_size=9,
    ),
    unblocks=st.builds(Unblocks, counts, counts, counts),
    incidents=st.lists(st.builds(Count, words, counts), max_size=5).map(
        lambda types: Incidents(tuple(types), (Count("not yet", sum(one.count for one in types)),), tuple(types[:2]))
    ),
    checks_done=st.none() | counts,
    checks_overdue=st.none() | counts,
    attestations=st.lists(
        st.tuples(counts, counts).map(lambda both: Attestation("Training", both[0], sum(both))), max_size=3
    ),
    named_views=st.none() | counts,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(registers)
def test_whatever_happened_no_count_of_one_to_four_stands_on_the_governors_page(material, registers):
    page = REPORTS["governors"].page(material(registers=registers))
    for section in page.sections:
        for one in section.facts:
            assert not re.fullmatch(r"[1-4]", one.value), one
            assert not re.search(r"\b[1-4] (?!h|min)", one.note), one
    for one in page.tables:
        for column in one.columns:
            if column.unit == "count":
                assert not [n for n in one.rows[column.name] if n is not None and 0 < n < 5], one
        assert one.chart is None or not [n for n in one.chart_rows["all"] if 0 < n < 5]
        if one.chart:
            assert not re.search(r": [1-4](;|$)", one.chart.says)
    whole = json.loads(rendered(page, "json"))
    assert whole["report"] == "governors"


def test_the_last_week_is_the_last_whole_one():
    for today in (date(2026, 11, 23), date(2026, 11, 29)):
        assert week_before(today, ZONE) == WEEK
    assert WEEK.is_week
    assert str(WEEK) == "Monday 16 to Sunday 22 November 2026"
    assert WEEK.before().first == date(2026, 11, 9)


def test_a_day_in_autumn_has_twenty_five_hours():
    day = Period(date(2026, 10, 25), date(2026, 10, 25), ZONE)
    assert day.end - day.start == timedelta(hours=25)
    assert str(day) == "Sunday 25 October 2026"
    assert str(Period(date(2025, 12, 29), date(2026, 1, 4), ZONE)) == "Monday 29 December 2025 to Sunday 4 January 2026"


def test_days_in_the_wrong_order_are_refused():
    with pytest.raises(FilterwatchError, match="before --from"):
        replace(WEEK, last=date(2026, 11, 1))
