"""Names are found again where they were put, however they came in."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from filterwatch.enrich.remembered import Remembered

TEXTS = st.text("abc.ü", max_size=3)


@given(st.lists(st.lists(TEXTS, max_size=8), max_size=6), st.lists(TEXTS | st.none(), max_size=20))
def test_names_are_found_where_they_stand_and_no_others(parts, asked):
    nothing = pl.DataFrame(schema={"number": pl.Int64})
    memory, names = Remembered(pl.Series(dtype=pl.String), nothing), []
    for part in parts:
        new = sorted(set(part) - set(names))
        numbers = pl.DataFrame({"number": range(len(names), len(names) + len(new))}, nothing.schema)
        memory = memory.joined(pl.Series(new, dtype=pl.String), numbers)
        names += new
    assert memory.names.to_list() == names
    assert memory.table["number"].to_list() == [*range(len(names))]
    places = memory.places(pl.Series(asked, dtype=pl.String)).tolist()
    assert places == [names.index(name) if name in names else -1 for name in asked]
