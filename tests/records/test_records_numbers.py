from hypothesis import given
from hypothesis import strategies as st

from filterwatch.records import numbers


@given(st.text(), st.integers(2000, 2100))
def test_a_number_has_one_shape_and_avoids_what_is_taken(seed, year):
    first = numbers.number("FW", year, seed, lambda _: False)
    assert set(first.split("-")[2]) <= set(numbers.ALPHABET)
    assert len(first) == 13
    assert numbers.number("FW", year, seed, lambda found: found == first) != first


@given(st.text(), st.text())
def test_pseudonyms_and_codes_need_the_secret(name, other):
    assert numbers.pseudonym("a", name) != numbers.pseudonym("b", name)
    assert numbers.normal(numbers.code("a", name, other).lower().replace("-", " ")) == numbers.code("a", name, other)
