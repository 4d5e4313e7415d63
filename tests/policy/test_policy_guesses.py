"""What a name alone suggests is told as a guess, what a list says as a list's word."""

from __future__ import annotations

import polars as pl
import pytest

from filterwatch.events import CATEGORY_BIT, SIGNAL_BIT

BYPASS = CATEGORY_BIT["bypass"] | CATEGORY_BIT["bypass.unblocker"]
GUESS = BYPASS | SIGNAL_BIT["unblocker_name"]
SIGNS = "the host's name has signs of an unblocker's (a guess: no list names it)"


@pytest.mark.parametrize(
    ("asks", "bits", "says"),
    [
        ("bypass.unblocker", GUESS, SIGNS),
        ("bypass", GUESS, SIGNS),
        ("bypass.unblocker", BYPASS, "host is on the bypass.unblocker list"),
        ("bypass", CATEGORY_BIT["bypass"] | CATEGORY_BIT["bypass.vpn"], "host is on the bypass list"),
    ],
)
def test_a_name_with_signs_is_on_no_list(one_rule, event_frame, asks, bits, says):
    rules = one_rule(f"categories: [{asks}]")
    event = event_frame({"host": "math-fun.duckdns.org"})
    event = event.with_columns(category_bits=pl.lit(bits, pl.UInt64))

    assert rules.evaluate(event).detections["reason"].to_list() == [says]
    [verdict] = rules.explain(event)
    assert (verdict.reason, verdict.match.says) == (says, says)
