"""CEF and LEEF as their specifications have them, and the times that they allow."""

from __future__ import annotations

import polars as pl
import pytest

from filterwatch.decoders.convert import authority
from filterwatch.decoders.families import cef
from filterwatch.decoders.families.cut import SURE
from filterwatch.decoders.maps import Shape
from filterwatch.decoders.reading import Clock
from filterwatch.decoders.written import stamps

HEAD = "CEF:0|Example|Web Gate|3.2|101|URL blocked|7|"


def exact(line: str) -> dict[str, str]:
    return dict(cef.make().exact(line) or {})


def leef(line: str) -> dict[str, str]:
    return dict(cef.make_leef().exact(line) or {})


def test_the_pair_right_behind_the_header_counts_on_both_paths() -> None:
    line = f"{HEAD}src=10.0.0.1 act=blocked"
    fast = cef.make().fast

    assert exact(line)["src"] == "10.0.0.1"
    assert fast is not None
    assert fast(pl.Series([line]), ["src", "act"]).row(0) == ("10.0.0.1", "blocked", True)


def test_a_value_runs_to_the_next_key_and_what_is_escaped_is_none() -> None:
    found = exact(rf"{HEAD}msg=two words, a\=b request=http://a.example/?q\=1 cs1=x")

    assert found["msg"] == "two words, a=b"
    assert found["request"] == "http://a.example/?q=1"


def test_escapes_mean_the_same_to_both_paths() -> None:
    ends = [
        r"suser=SCHOOL\\anna request=/?a\=1\\\=",
        r"suser=a\\=b src=1",
        r"msg=x\=y src=2 suser=\\",
        r"suser=a\nb",
        r"suser=a\ b",
    ]
    fast = cef.make().fast
    assert fast is not None

    found = fast(pl.Series([HEAD + end for end in ends]), ["suser", "src", "request"])

    assert found[SURE].to_list() == [True, True, True, False, False]
    for end, row in zip(ends[:3], found.rows(named=True), strict=False):
        assert {**{key: exact(HEAD + end).get(key) for key in ("suser", "src", "request")}, SURE: True} == row


def test_what_a_later_key_of_the_same_name_says_does_not_count() -> None:
    assert exact(f"{HEAD}src=10.0.0.1 msg=hello src=10.9.9.9")["src"] == "10.0.0.1"


def test_a_column_of_the_senders_own_has_the_name_that_its_label_gives() -> None:
    lines = [f"{HEAD}cs1=Games cs1Label=URL Category cs2=9", f"{HEAD}cs3Label=URLCategory cs3=Chat", f"{HEAD}cs1=x"]
    fast = cef.make().fast

    assert [exact(line).get("label.urlcategory") for line in lines] == ["Games", "Chat", None]
    assert fast is not None
    found = fast(pl.Series(lines), ["label.urlcategory"])
    assert found["label.urlcategory"].to_list() == ["Games", "Chat", None]
    assert found[SURE].all()


@pytest.mark.parametrize(
    ("header", "between"),
    [
        ("LEEF:1.0|V|P|1|9|", "\t"), ("LEEF:1.0|V|P|1|9|", "#011"), ("LEEF:2.0|V|P|1|9|", "\t"),
        ("LEEF:2.0|V|P|1|9||", "\t"), ("LEEF:2.0|V|P|1|9|^|", "^"), ("LEEF:2.0|V|P|1|9|0x5E|", "^"),
        ("LEEF:2.0|V|P|1|9|x7C|", "|"),
        ("LEEF:2.0|V|P|1|9|x09|", "\t"), ("LEEF:2.0|V|P|1|9|||", "|"), ("2.0|V|P|1|9|;|", ";"),
    ],
)  # fmt: skip
def test_leef_is_cut_at_what_its_header_names(header: str, between: str) -> None:
    found = leef(header + between.join(["src=10.0.0.1", "usrName=anna b", "url=http://a.example/?a=b"]))

    assert found["src"] == "10.0.0.1"
    assert found["usrName"] == "anna b"
    assert found["url"] == "http://a.example/?a=b"
    assert found["leef.id"] == "9"


@pytest.mark.parametrize(
    ("text", "hour", "clock"),
    [
        ("Oct 15 2026 09:31:02 GMT", 9, Clock.UTC), ("Oct 15 2026 09:31:02.000 BST", 8, Clock.UTC),
        ("Oct 15 2026 09:31:02 GMT+02:00", 7, Clock.UTC), ("Oct 15 2026 09:31:02", 9, Clock.WALL),
        ("2026-10-15T09:31:02Z", 9, Clock.UTC), ("1792056662000", 9, Clock.UTC), ("1792056662", 9, Clock.UTC),
    ],
)  # fmt: skip
def test_all_times_that_cef_allows_are_read(text: str, hour: int, clock: Clock) -> None:
    us, found = stamps(pl.Series([text]), "cef").row(0)

    assert us == 1792056662_000_000 + (hour - 9) * 3600_000_000
    assert found == clock


def test_a_time_without_a_year_is_left_to_who_knows_the_year_and_its_zone_to_the_envelope() -> None:
    found = stamps(pl.Series(["Oct 15 09:31:02", "Oct 15 09:31:02 EST", "soon", None]), "cef")

    assert found["clock"].to_list() == [Clock.YEARLESS, None, None, None]


def test_columns_may_be_given_by_their_places() -> None:
    shape = Shape.model_validate({"family": "delimited", "separator": ",", "columns": {"type": 3, "src": 1}})

    assert shape.columns == ["", "src", "", "type"]


def test_blanks_in_a_path_do_not_hide_the_host() -> None:
    assert authority("www.casino.example/play now").host == "www.casino.example"
    assert authority("no url/at all").host is None


def test_of_two_values_the_first_counts_on_both_paths_and_a_key_before_its_label() -> None:
    line = f"{HEAD}act=blocked cs1=Games cs1Label=Category act=allowed cs2=Chat cs2Label=Category label.category=Own"
    other = f"{HEAD}cs2=Chat cs2Label=Category cs1Label=Category msg="
    keys = ["act", "label.category", "msg"]
    fast = cef.make().fast
    assert fast is not None

    found = fast(pl.Series([line, other]), keys)

    assert found[SURE].all()
    assert found.select(keys).rows() == [("blocked", "Own", None), (None, "Chat", "")]
    assert [tuple(exact(one).get(key) for key in keys) for one in (line, other)] == found.select(keys).rows()
