"""Rows of Pi-hole FTL's database."""

from __future__ import annotations

import json

import pytest
from decoding import event

ROW = {"id": 1, "timestamp": 1795313057, "type": 1, "status": 2, "domain": "a.example", "client": "10.1.2.3"}


@pytest.mark.parametrize(
    ("statuses", "action"),
    [((1, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 18), "blocked"), ((2, 3, 12, 13, 17), "allowed"), ((0, 14, 99), "unknown")],
)
def test_the_status_is_ftl_s_own_verdict(statuses: tuple[int, ...], action: str) -> None:
    for status in statuses:
        found = event("pihole_ftl", json.dumps({**ROW, "status": status}).encode())
        assert found["action"] == action, status


def test_a_block_names_the_list_or_the_regex_and_a_cname_is_an_answer() -> None:
    by_list = event("pihole_ftl", json.dumps({**ROW, "status": 1, "list_id": 7}).encode())
    by_regex = event("pihole_ftl", json.dumps({**ROW, "status": 4, "additional_info": 12}).encode())
    by_cname = event("pihole_ftl", json.dumps({**ROW, "status": 9, "additional_info": "t.example"}).encode())
    assert (by_list["filter_rule"], by_regex["filter_rule"]) == ("7", "12")
    assert by_cname["answer"] == "t.example"
    assert "filter_rule" not in by_cname


def test_a_type_beyond_a_hundred_is_the_record_s_number() -> None:
    assert event("pihole_ftl", json.dumps({**ROW, "type": 165}).encode())["query_type"] == "TYPE65"
