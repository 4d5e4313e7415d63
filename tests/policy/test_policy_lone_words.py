"""The lone word of a list of low trust raises nothing above low; whatever agrees with it raises it as ever."""

from __future__ import annotations

import polars as pl
import pytest

from filterwatch.events import CATEGORY_BIT, LONE_BIT

GAMBLING, LONE = CATEGORY_BIT["gambling"], CATEGORY_BIT["gambling"] | LONE_BIT["gambling"]
VPN = CATEGORY_BIT["bypass"] | CATEGORY_BIT["bypass.vpn"]
ANY = """
any:
  - categories: [gambling]
  - filter_category: ["Gambling*"]
"""
DOUBT = "host is on the gambling list, which is of low trust and alone says so"


@pytest.mark.parametrize(
    ("bits", "said", "level", "reason"),
    [
        (LONE, None, "low", DOUBT),
        (GAMBLING, None, "medium", "host is on the gambling list"),
        (GAMBLING | LONE_BIT["adult"], None, "medium", "host is on the gambling list"),
        (LONE, "Gambling", "medium", "host is on the gambling list"),
        (0, "Gambling", "medium", None),
    ],
)
def test_the_lone_word_of_a_list_of_low_trust_raises_nothing_above_low(
    one_rule, event_frame, bits, said, level, reason
):
    rules = one_rule(ANY)
    event = event_frame({"host": "a.test", "filter_category": said}).with_columns(category_bits=pl.lit(bits, pl.UInt64))
    [found] = rules.evaluate(event).detections.to_dicts()
    assert found["level"] == level
    assert reason in {None, found["reason"]}
    assert rules.explain(event)[0].reason == found["reason"]


def test_all_kinds_of_a_category_share_the_doubt_and_a_lower_level_stays(make_rules, event_frame):
    rules = make_rules(
        {
            "gambling": "match:\n  categories: [bypass.vpn]",
            "games": "match:\n  all:\n    - categories: [bypass]\n    - none: [{host: ['b.test']}]",
        }
    )
    event = event_frame({"host": "a.test"}).with_columns(category_bits=pl.lit(VPN | LONE_BIT["bypass"], pl.UInt64))
    assert rules.evaluate(event).detections["level"].to_list() == ["low", "low"]
    sure = event.with_columns(category_bits=pl.lit(VPN, pl.UInt64))
    assert rules.evaluate(sure).detections["level"].to_list() == ["medium", "medium"]
