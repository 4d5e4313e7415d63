"""Characters that show nothing hide no word of a search."""

from __future__ import annotations

import pytest

from filterwatch.enrich import tidied


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("ki\u200bll my\u200bself", "kill myself"),
        ("ki\u00adll my\u200dself", "kill myself"),
        ("ki\u3164ll\uffa0 my\x00self\x08", "kill myself"),
        ("kill\tmy\nself\x85now", "kill my self now"),
        ("\u202ekill\u2060 myself\ufeff", "kill myself"),
        ("ｋｉｌｌ\u3000myself", "kill myself"),  # noqa: RUF001 - full width is the point
        ("caf\u00e9 near me", "caf\u00e9 near me"),
    ],
)
def test_what_shows_nothing_is_taken_out_of_a_search(typed, read):
    assert read == tidied(typed)
