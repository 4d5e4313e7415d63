from __future__ import annotations

import pytest
from decoding import LONDON, batch, decode, event, exactly

from filterwatch.decoders import line_decoder, make

HEAD = b"Nov 22 02:02:06 unbound[811:0] "


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        b"[1795312926] unbound[811:0] ",
        b"2026-11-22T02:02:06.434+00:00 unbound[811:0] ",
        b"Nov 22 02:02:06 unbound[811]: [811:0] ",
        b"Nov 22 02:02:06 gw unbound[811]: [811:0] ",
        b"<30>Nov 22 02:02:06 gw unbound: [811:0] ",
        b"2026-11-22T02:02:06+00:00 192.0.2.1 unbound[811]: [811:0] ",
        b'<30>1 2026-11-22T02:02:06+00:00 gw unbound 811 - [meta sequenceId="7"] [811:0] ',
    ],
)
@pytest.mark.parametrize("level", [b"query: ", b"info: "])
def test_a_question_is_read_behind_any_head(head: bytes, level: bytes) -> None:
    found = event("unbound", head + level + b"10.0.0.7 WwW.Games.test. AAAA IN")

    assert str(found["time"])[:19] == "2026-11-22 02:02:06"
    assert (found["client_ip"], found["query"], found["query_type"]) == ("10.0.0.7", "www.games.test", "AAAA")
    assert (found["action"], found["request_key"]) == ("unknown", "811:0/10.0.0.7/www.games.test/AAAA")


@pytest.mark.parametrize(
    ("word", "action"),
    [
        (b"always_nxdomain", "blocked"),
        (b"always_nodata", "blocked"),
        (b"always_refuse", "blocked"),
        (b"always_null", "blocked"),
        (b"refuse", "blocked"),
        (b"deny", "blocked"),
        (b"inform_deny", "blocked"),
        (b"redirect", "rewritten"),
        (b"static", "allowed"),
        (b"inform", "allowed"),
        (b"transparent", "allowed"),
        (b"typetransparent", "allowed"),
    ],
)
def test_the_kind_of_a_local_zone_decides(word: bytes, action: str) -> None:
    found = event("unbound", HEAD + b"info: games.test. " + word + b" 10.0.0.7@52106 www.games.test. A IN")

    assert (found["action"], found["client_port"], found["filter_rule"]) == (action, 52106, "games.test")


@pytest.mark.parametrize(
    ("word", "action"),
    [
        (b"rpz-nxdomain", "blocked"),
        (b"rpz-nodata", "blocked"),
        (b"rpz-drop", "blocked"),
        (b"rpz-local-data", "rewritten"),
        (b"rpz-passthru", "allowed"),
    ],
)
@pytest.mark.parametrize("log", [b"[school] ", b"[our school] ", b""])
def test_what_a_response_policy_zone_did_decides(word: bytes, action: str, log: bytes) -> None:
    line = HEAD + b"info: rpz: applied " + log + b"*.games.test. " + word + b" 10.0.0.7@52106 www.games.test. A IN"

    assert event("unbound", line)["action"] == action


def test_the_school_says_which_zones_block() -> None:
    options = {"block_zones": ["Walled.test.", "school"], "static_zones": ["added.test"]}
    lines = (
        b"info: walled.test. redirect 10.0.0.7@1 www.walled.test. A IN",
        b"info: added.test. static 10.0.0.7@1 added.test. A IN",
        b"info: rpz: applied [school] x.test. rpz-local-data 10.0.0.7@1 x.test. A IN",
    )

    assert {event("unbound", HEAD + line, **options)["action"] for line in lines} == {"blocked"}


def test_the_lines_of_one_request_share_a_key() -> None:
    lines = (
        b"query: 10.0.0.7 x.test. A IN",
        b"info: x.test. always_nxdomain 10.0.0.7@52106 x.test. A IN",
        b"reply: 10.0.0.7 x.test. A IN NXDOMAIN 0.000000 1 45",
    )

    assert {event("unbound", HEAD + line)["request_key"] for line in lines} == {"811:0/10.0.0.7/x.test/A"}


def test_a_reply_tells_its_code_and_its_milliseconds() -> None:
    found = event("unbound", HEAD + b"reply: 10.0.0.7 x.test. A IN SERVFAIL 2.017445 0 51")

    assert (found["action"], found["rcode"], found["duration_ms"]) == ("error", "SERVFAIL", 2017)


def test_a_failure_names_no_client() -> None:
    found = event("unbound", HEAD + b"error: SERVFAIL <x.test. A IN>: exceeded the maximum nameserver nxdomains")

    assert (found["action"], found["query"], found["rcode"]) == ("error", "x.test", "SERVFAIL")
    assert "client_ip" not in found


def test_the_root_is_a_dot_and_other_lines_are_passed_over() -> None:
    assert event("unbound", HEAD + b"query: 10.0.0.7 . NS IN")["query"] == "."

    decoded = decode("unbound", HEAD + b"info: generate keytag query _ta-4f66. NULL IN", HEAD + b"notice: x", b"x")

    assert decoded.skipped["line"].to_list() == [0, 1]
    assert decoded.rejected["line"].to_list() == [2]


@pytest.mark.parametrize("head", [HEAD, b"[1795312926] unbound[811:1a] ", b"Nov 22 02:02:06 gw unbound[8]: [8:0] "])
def test_common_lines_take_the_fast_path(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0)
    messages = (
        b"query: 10.0.0.7 x.test. A IN",
        b"info: 10.0.0.7 x.test. A IN",
        b"info: x.test. redirect 10.0.0.7@52106 x.test. A IN",
        b"info: rpz: applied [school] x.test. rpz-drop 10.0.0.7@52106 x.test. A IN",
        b"reply: 10.0.0.7 . NS IN NXDOMAIN 0.000000 1 45",
        b"info: 2001:db8::7 x.test. A IN NOERROR 0.000000 1 45",
    )
    lines = batch(head + message for message in messages)
    decoder = make("unbound", {}, zone=LONDON)

    fast = decoder.decode(lines)

    assert fast.counts["odd_lines"] == 0
    assert fast.events.height == exactly(decoder, lines).events.height == len(messages)
