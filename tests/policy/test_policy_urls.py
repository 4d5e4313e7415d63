"""Escapes that nobody needs are undone before a pattern looks at a URL."""

from __future__ import annotations

import re

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.policy.urls import unescaped

PLAIN = re.compile(r"%(2[DE]|3[0-9]|4[1-9A-F]|5[0-9A]|5F|6[1-9A-F]|7[0-9A]|7E)", re.IGNORECASE)
PIECES = ["%", "%%", "%4", "%41", "%6f", "%6F", "%7e", "%2D", "%2f", "%25", "%2541", "4", "1", "a", "/", "\u00e9"]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), max_size=8))
def test_letters_figures_and_the_four_signs_are_undone_once_and_nothing_else(urls):
    plain = [PLAIN.sub(lambda found: chr(int(found[1], 16)), url) for url in urls]
    assert unescaped(pl.Series(urls, dtype=pl.String)).to_list() == plain
