"""The rule on safe search holds for every way in which the table of engines says that it is off."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus

import polars as pl
import pytest

from filterwatch import enrich, policy
from filterwatch.config import read
from filterwatch.events import GROUP, KIND

ROOT = Path(__file__).parents[2]
ENGINES = read(ROOT / "filterwatch/enrich/engines.yaml").data
CONTEXT, RULES = enrich.build(enrich.Settings()), policy.load(ROOT / "rules")


def searches(word):
    """Yield a URL for each way in which the table says *word* of safe search."""
    for engine in ENGINES.values():
        search = next((one for one in engine["searches"] if "parameters" in one), None)
        if search is None:
            continue
        host = engine["at"][0].replace("*", "com.au")
        start = f"https://www.{host}{search['paths'][0].replace('*', '')}?{search['parameters'][0]}=cats"
        yield from (f"{start}&{said}" for said in engine.get("safe", {}).get(word, []))
        if word == "off":
            yield from (f"{start}+{quote_plus(said)}" for said in engine.get("safe", {}).get("words_off", []))


def holds(url):
    event = pl.DataFrame(
        {"time": [datetime(2026, 11, 23, 10, tzinfo=UTC)], "host": [enrich.host_of(url)], "url": [url]}
    )
    event = CONTEXT.prepare(event.with_columns(kind=pl.lit("http", KIND)))
    return "safe_search_off" in RULES.evaluate(event.with_columns(group=pl.lit("pupils", GROUP))).detections["rule"]


@pytest.mark.parametrize("url", [*searches("off"), "https://www.google.co.uk/preferences?safe=off"])
def test_every_way_to_switch_it_off_is_told(url):
    assert holds(url)


@pytest.mark.parametrize("url", [*searches("on"), *searches("blur")])
def test_safe_search_that_is_on_is_not(url):
    assert not holds(url)


def test_what_is_explained_is_what_the_rule_judges():
    for word in ("on", "blur", "off"):
        for url in searches(word):
            asked = CONTEXT.asked(url)
            assert asked is not None
            assert asked.safe == word
