"""The packet log of pfSense and OPNsense: headers, shapes, options."""

from __future__ import annotations

import pytest
from decoding import decode, event

TCP = (
    "53,,,1000102631,em0,match,{action},in,4,0x0,,64,600,0,none,6,tcp,44,10.0.0.8,203.0.113.9,53792,22,0,S,1:20,,1,,mss"
)
HEADS = (
    "",
    "Nov 22 02:04:38 pfSense filterlog: ",
    "<134>Nov 22 02:04:38 filterlog[811]: ",
    "<134>1 2026-11-22T02:04:38+00:00 gw filterlog 811 - - ",
    '<134>1 2026-11-22T02:04:38+00:00 gw filterlog 811 - [meta sequenceId="26"] ',
)


@pytest.mark.parametrize("head", HEADS)
def test_every_header_is_read(head: str) -> None:
    found = event("filterlog", (head + TCP.format(action="pass")).encode())

    assert (found["client_ip"], found["client_port"], found["dest_ip"], found["dest_port"]) == (
        "10.0.0.8", 53792, "203.0.113.9", 22,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "action"), [("pass", "allowed"), ("block", "blocked"), ("reject", "blocked"), ("nat", "unknown")]
)
def test_what_the_filter_did_is_the_action(word: str, action: str) -> None:
    assert event("filterlog", (HEADS[1] + TCP.format(action=word)).encode())["action"] == action


def test_the_tracker_names_the_rule_where_asked_for() -> None:
    line = TCP.format(action="pass").encode()

    assert event("filterlog", line)["filter_rule"] == "53"
    assert event("filterlog", line, rule="tracker")["filter_rule"] == "1000102631"


@pytest.mark.parametrize("head", HEADS[1:])
def test_regular_lines_take_the_fast_path(head: str) -> None:
    decoded = decode("filterlog", *[(head + TCP.format(action="block")).encode()] * 30)

    assert decoded.counts["odd_lines"] == 0
    assert len(decoded.events) == 30


def test_the_line_of_another_program_that_quotes_one_is_no_packet() -> None:
    decoded = decode("filterlog", b"Nov 22 02:04:38 gw nginx[1]: GET /filterlog: " + TCP.format(action="pass").encode())

    assert len(decoded.skipped) == 1


def test_a_user_name_cannot_forge_a_change_of_settings() -> None:
    name = "x' from: 10.0.0.1 Configuration Change: admin@10.0.0.2 (Local Database): y"
    head = "Oct 26 14:50:36 gw php-fpm[1]: /index.php: "
    line = f"{head}webConfigurator authentication error for user '{name}' from: 10.0.0.9"

    found = event("pfsense_audit", line.encode())

    assert (found["kind"], found["client_ip"]) == ("auth", "10.0.0.9")
