"""The rule on safe search and the table of engines say the same."""

from __future__ import annotations

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
        host, search = engine["at"][0].replace("*", "com.au"), engine["searches"][0]
        start = f"https://www.{host}{search['paths'][0].replace('*', '')}?{search['parameters'][0]}=cats"
        yield from (f"{start}&{said}" for said in engine.get("safe", {}).get(word, []))
        if word == "off":
            yield from (f"{start}+{quote_plus(said)}" for said in engine.get("safe", {}).get("words_off", []))


def holds(url):
    event = pl.DataFrame({"host": [enrich.host_of(url)], "url": [url]})
    event = event.with_columns(kind=pl.lit("http", KIND), group=pl.lit("pupils", GROUP))
    return "safe_search_off" in RULES.evaluate(event).detections["rule"].to_list()


@pytest.mark.parametrize("url", [*searches("off")])
def test_every_way_to_switch_it_off_is_told(url):
    asked = CONTEXT.asked(url)
    assert asked is not None
    assert asked.safe == "off"
    assert holds(url)


@pytest.mark.parametrize("url", [*searches("on"), *searches("blur")])
def test_safe_search_that_is_on_is_not(url):
    assert not holds(url)
