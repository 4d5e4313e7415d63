import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.reports import suppress


def possible(printed: list[int | None], sums: list[list[int]], most: int) -> np.ndarray:
    """Every list of numbers up to *most* that agrees with what is printed, one a row.

    The first numbers are free; ``sums`` says of which of them each later one is the sum.
    """
    free = printed[: len(printed) - len(sums)]
    ranges = [
        np.arange(1, most + 1, dtype=np.int16) if shown is None else np.array([shown], np.int16) for shown in free
    ]
    numbers = np.stack([axis.ravel() for axis in np.meshgrid(*ranges, indexing="ij")], axis=1)
    for shown, members in zip(printed[len(free) :], sums, strict=True):
        total = numbers[:, members].sum(axis=1, keepdims=True, dtype=np.int16)
        numbers = np.hstack([numbers, total])[(total > 0 if shown is None else total == shown)[:, 0]]
    return numbers


def proves_nothing_small(true: list[int], printed: list[int | None], sums: list[list[int]]) -> None:
    assert all(shown is None or shown == number for shown, number in zip(printed, true, strict=True))
    # One that grows by 4 shows whether it could be 5 or more.
    tables = possible(printed, sums, max(true[: len(true) - len(sums)]) + 4)
    assert (tables == np.array(true)).all(axis=1).any()
    for place, number in enumerate(true):
        if 0 < number < 5:
            assert printed[place] is None
            assert tables[:, place].max() >= 5, (place, true, printed)


small = st.integers(0, 6)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([(1, 2), (2, 2), (2, 3), (3, 2)]), st.lists(small, min_size=6, max_size=6))
def test_no_count_of_one_to_four_can_be_worked_out_by_trying_all_tables(shape, values):
    rows, columns = [f"r{n}" for n in range(shape[0])], [f"c{n}" for n in range(shape[1])]
    names = list(itertools.product(rows, columns))
    counts = dict(zip(names, values, strict=False))
    printed = suppress.table(counts)
    sums = [[n for n, (row, _) in enumerate(names) if row == one] for one in rows]
    sums += [[n for n, (_, column) in enumerate(names) if column == one] for one in columns]
    sums.append(list(range(len(names))))
    true = [counts[name] for name in names]
    true += [sum(true[n] for n in members) for members in sums]
    shown = [*(printed.cells[name] for name in names), *printed.rows.values(), *printed.columns.values(), printed.total]
    proves_nothing_small(true, shown, sums)


@settings(max_examples=120, deadline=None)
@given(st.lists(small, min_size=1, max_size=3), st.integers(0, 18), st.integers(0, 18))
def test_no_count_of_one_to_four_can_be_worked_out_of_two_breakdowns_of_one_total(values, one, other):
    total = sum(values)
    cuts = sorted((0, min(one, total), min(other, total), total))
    parts = [high - low for low, high in itertools.pairwise(cuts)]
    breakdowns = ({f"a{n}": value for n, value in enumerate(values)}, {f"b{n}": value for n, value in enumerate(parts)})
    [first, second], shown = suppress.lists(*breakdowns)
    for true, printed in ((values, first), (parts, second)):
        proves_nothing_small([*true, total], [*printed.values(), shown], [list(range(len(true)))])


def test_large_counts_and_zeros_are_printed_as_they_are():
    printed = suppress.table({("a", "x"): 5, ("a", "y"): 0, ("b", "x"): 12, ("b", "y"): 40})
    assert list(printed.cells.values()) == [5, 0, 12, 40]
    assert (printed.rows, printed.columns, printed.total) == ({"a": 5, "b": 52}, {"x": 17, "y": 40}, 57)


def test_a_single_small_cell_takes_others_with_it_and_leaves_the_rest():
    printed = suppress.table(
        {("a", "x"): 3, ("a", "y"): 20, ("b", "x"): 30, ("b", "y"): 40, ("c", "x"): 9, ("c", "y"): 9}
    )
    assert printed.cells["a", "x"] is None
    assert sum(cell is None for cell in printed.cells.values()) == 4
    assert printed.total == 111


def test_four_small_cells_whose_total_would_tell_that_each_is_four_are_not_alone():
    [shown], total = suppress.lists({"a": 4, "b": 4, "c": 4, "d": 30})
    assert total == 42 or shown["d"] is not None
    assert shown["a"] is shown["b"] is shown["c"] is None


def test_one_case_in_the_whole_table_hides_everything_about_it():
    printed = suppress.table({("a", "x"): 1, ("a", "y"): 0})
    assert (printed.cells["a", "x"], printed.rows["a"], printed.columns["x"], printed.total) == (None, None, None, None)


def test_an_empty_table_is_printed_as_zero():
    assert suppress.table({}).total == 0
    assert suppress.lists({}) == ([{}], 0)


def test_breakdowns_of_different_totals_are_refused():
    with pytest.raises(ValueError, match=r"\[3, 4\]"):
        suppress.lists({"a": 3}, {"b": 4})


def test_a_whole_school_is_judged_at_once():
    counts = {(f"r{n}", f"c{m}"): (n * 7 + m * 3) % 11 for n in range(15) for m in range(6)}
    printed = suppress.table(counts)
    assert all(shown is None or shown == 0 or shown >= 5 for shown in printed.cells.values())
