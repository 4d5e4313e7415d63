from __future__ import annotations

import base64
import json

import pytest
from decoding import LONDON, batch, decode, event, exactly, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from filterwatch.decoders import line_decoder, make

BASE: dict[str, object] = {"T": "2026-11-22T09:05:01.123456789Z", "QH": "x.test", "QT": "A", "QC": "IN", "CP": ""}


def line(**members: object) -> bytes:
    return json.dumps(BASE | {"IP": "10.0.0.7", "Elapsed": 2_500_000, "Result": {}} | members).encode()


@pytest.mark.parametrize(
    ("result", "action"),
    [
        ({}, "allowed"),
        ({"Reason": 0}, "allowed"),
        ({"Reason": 1}, "allowed"),
        ({"Reason": 2}, "allowed"),
        *(({"Reason": reason, "IsFiltered": True}, "blocked") for reason in (3, 4, 5, 6, 8)),
        *(({"Reason": reason}, "rewritten") for reason in (7, 9, 10, 11)),
        ({"Reason": True, "IsFiltered": True}, "blocked"),
        ({"Reason": 99, "IsFiltered": True}, "blocked"),
        ({"Reason": 99}, "unknown"),
    ],
)
def test_the_reason_decides(result: dict[str, object], action: str) -> None:
    assert event("adguard_querylog", line(Result=result))["action"] == action


@pytest.mark.parametrize(
    ("members", "lost"),
    [
        ({"QH": 6}, "query"),
        ({"QH": True}, "query"),
        ({"QT": False}, "query_type"),
        ({"QT": 1}, "query_type"),
        ({"IP": 7}, "client_ip"),
        ({"IP": "nobody"}, "client_ip"),
        ({"Elapsed": -1}, "duration_ms"),
        ({"Elapsed": "long"}, "duration_ms"),
    ],
)
def test_a_member_of_a_wrong_type_is_left_out_and_the_rest_is_kept(members: dict[str, object], lost: str) -> None:
    found = event("adguard_querylog", line(**members))

    assert lost not in found
    assert {"query", "query_type", "client_ip", "duration_ms", "action", "time"} - {lost} <= found.keys()


@pytest.mark.parametrize(
    ("code", "name"), [(0, "NOERROR"), (1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED"), (9, "RCODE9")]
)
@pytest.mark.parametrize("flags", [0x80, 0x00, 0xF0])
def test_the_code_is_read_from_the_answers_head(code: int, name: str, flags: int) -> None:
    message = bytes([0x43, 0x3F, 0x81, flags | code, 0, 1, 0, 1, 0, 0, 0, 0, 1])

    assert event("adguard_querylog", line(Answer=base64.b64encode(message).decode()))["rcode"] == name


def test_an_answer_that_is_no_message_tells_no_code() -> None:
    assert "rcode" not in event("adguard_querylog", line(Answer="Qz+B"))
    assert "rcode" not in event("adguard_querylog", line(Answer="?" * 24))


def test_a_device_that_asks_over_https_is_told() -> None:
    found = event("adguard_querylog", line(CP="doh", Upstream="tls://[2001:db8::53]:853"))

    assert (found["protocol"], found["dest_ip"], found["dest_port"]) == ("doh", "2001:db8::53", 853)


def test_rules_of_new_and_of_old_logs_are_read() -> None:
    new = {"Reason": 8, "IsFiltered": True, "ServiceName": "tiktok", "Rules": [{"Text": "||a^"}, {"Text": "||b^"}]}

    assert event("adguard_querylog", line(Result=new))["filter_rule"] == "||a^"
    assert event("adguard_querylog", line(Result=new))["filter_category"] == "tiktok"
    assert event("adguard_querylog", line(Result={"Reason": 3, "Rule": "||c^"}))["filter_rule"] == "||c^"
    assert "filter_rule" not in event("adguard_querylog", line(Result={"Reason": 3, "Rule": False}))


VALUES = st.sampled_from(
    ["", "x.test", "A", ".", "10.0.0.7", "2001:DB8::7", "true", "7", "doh", "[::1]:53", "8.8.8.8:53"]
)
WRONG = VALUES | st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(("QH", "QT", "CP", "IP", "Upstream", "Elapsed", "Answer"), WRONG),
                "T": st.sampled_from(["2026-11-22T09:05:01.12Z", "2026-11-22T09:05:01.12345678+14:00", "x", 7]),
                "Result": st.fixed_dictionaries(
                    {},
                    optional={
                        "Reason": WRONG,
                        "IsFiltered": WRONG,
                        "Rules": st.lists(st.fixed_dictionaries({}, optional={"Text": WRONG}) | WRONG, max_size=2),
                        "IPList": st.lists(WRONG, max_size=2),
                        "ServiceName": WRONG,
                    },
                ),
            },
        ),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=40, deadline=None)
def test_wrong_types_are_read_the_same_on_both_paths(members: list[dict[str, object]]) -> None:
    lines = batch(line(**one) for one in members)
    decoder = make("adguard_querylog", {}, zone=LONDON)
    few, line_decoder.FEW = line_decoder.FEW, 0
    try:
        fast = decoder.decode(lines)
    finally:
        line_decoder.FEW = few

    assert_frame_equal(whole(fast.events), whole(exactly(decoder, lines).events))


def test_common_lines_take_the_fast_path() -> None:
    lines = batch([line(Result={"Reason": 3, "IsFiltered": True, "Rules": [{"Text": "||x.test^"}]})] * 60)

    assert make("adguard_querylog", {}, zone=LONDON).decode(lines).counts["odd_lines"] == 0


def test_a_failed_login_is_read_from_the_applications_log() -> None:
    head = b"2026/11/22 02:02:06.434000 [error] POST filter.test "
    found = event("adguard_applog", head + b"/control/login: from ip 10.0.0.7: invalid username or password")

    assert (found["kind"], found["client_ip"], found["action"]) == ("auth", "10.0.0.7", "blocked")
    assert len(decode("adguard_applog", b"2026/11/22 02:02:06.434000 [info] dns: ready").skipped) == 1
