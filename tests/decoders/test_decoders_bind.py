from __future__ import annotations

import pytest
from decoding import LONDON, batch, decode, event, exactly

from filterwatch.decoders import line_decoder, make

HEAD = b"22-Nov-2026 02:02:06.434 "
CLIENT = b"client @0x7f5f24af7098 10.0.0.7#41464 (games.test): "
QUERY = CLIENT + b"query: games.test IN A +E(0)K (10.0.0.1)"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"queries: info: ",
        b"queries: ",
        b"info: ",
        HEAD,
        HEAD + b"queries: info: ",
        b"2026-11-22T02:02:06.434Z queries: info: ",
        b"Nov 22 02:02:06 gw named[811]: ",
        b"Nov 22 02:02:06 gw named[811]: queries: info: ",
        b"<30>Nov 22 02:02:06 gw named[811]: " + HEAD + b"queries: info: ",
        b"<30>1 2026-11-22T02:02:06.434Z gw named 811 - - ",
        b"<30>1 2026-11-22T02:02:06.434Z gw named 811 - - queries: info: ",
    ],
)
def test_a_query_is_read_behind_any_head(head: bytes) -> None:
    found = event("bind", head + QUERY)

    assert (found["client_ip"], found["client_port"], found["query"]) == ("10.0.0.7", 41464, "games.test")
    assert (found["query_type"], found["protocol"], found["action"]) == ("A", "udp", "unknown")


@pytest.mark.parametrize(
    ("message", "action"),
    [
        (b"query: games.test IN A -E(0)TK (10.0.0.1)", "unknown"),
        (b"query: games.test IN A + (10.0.0.1) [ECS 10.0.0.0/24/0]", "unknown"),
        (b"view pupils: query: games.test IN A + (10.0.0.1)", "unknown"),
        (b"rpz QNAME NXDOMAIN rewrite games.test/A/IN via games.test.rpz.local", "blocked"),
        (b"rpz QNAME NODATA rewrite games.test/A/IN via games.test.rpz.local", "blocked"),
        (b"rpz IP DROP rewrite games.test/A/IN via 32.7.100.51.198.rpz-ip.rpz.local", "blocked"),
        (b"rpz QNAME Local-Data rewrite games.test/A/IN via games.test.rpz.local", "rewritten"),
        (b"rpz QNAME CNAME rewrite games.test/A/IN via games.test.rpz.local (CNAME to: safe.test)", "rewritten"),
        (b"rpz QNAME CNAME rewrite games.test/A/IN via games.test.rpz.local (CNAME to: Block.test)", "blocked"),
        (b"rpz QNAME Local-Data rewrite games.test/A/IN via games.test.walled", "blocked"),
        (b"rpz QNAME PASSTHRU rewrite games.test/A/IN via games.test.rpz.local", "allowed"),
        (b"rpz QNAME TCP-ONLY rewrite games.test/A/IN via games.test.rpz.local", "allowed"),
        (b"rpz NSIP/NSDNAME rewrite games.test via rpz unrecognized NS rpz_rrset_find() failed: SERVFAIL", "error"),
        (b"query failed (SERVFAIL) for games.test/IN/A at query.c:6922", "error"),
        (b"query failed (timed out) for games.test/IN/A at query.c:7916", "error"),
        (b"query 'games.test/A/IN' denied", "blocked"),
        (b"query (cache) 'games.test/A/IN' denied (allow-query-cache did not match)", "blocked"),
        (b"zone transfer 'games.test/AXFR/IN' denied", "blocked"),
        (b"answer: games.test IN A +EDC (10.0.0.1) -> NOERROR games.test. 60 A 198.51.100.7", "allowed"),
        (b"answer: games.test IN A +EDC (10.0.0.1) -> SERVFAIL", "error"),
        (b"UDP: query: games.test IN A response: NXDOMAIN +A", "allowed"),
    ],
)
def test_what_named_did_decides(message: bytes, action: str) -> None:
    options = {"blockpages": ["block.test."], "block_zones": ["walled"]}
    found = event("bind", HEAD + CLIENT + message, **options)

    assert (found["action"], found["query"], found["client_ip"]) == (action, "games.test", "10.0.0.7")


def test_a_disabled_policy_counts_for_nothing() -> None:
    line = HEAD + CLIENT + b"disabled rpz QNAME NXDOMAIN rewrite games.test/A/IN via games.test.rpz.local"

    assert len(decode("bind", line).skipped) == 1


def test_the_lines_of_one_request_share_a_key_and_those_of_the_next_do_not() -> None:
    rest = (
        b"rpz QNAME NXDOMAIN rewrite games.test/A/IN via games.test.rpz.local",
        b"query failed (SERVFAIL) for games.test/IN/A at query.c:6922",
        b"answer: games.test IN A + (10.0.0.1) -> NXDOMAIN",
    )
    one = {event("bind", HEAD + line)["request_key"] for line in (QUERY, *(CLIENT + message for message in rest))}
    others = {
        event("bind", HEAD + line)["request_key"]
        for line in (
            QUERY.replace(b"#41464", b"#41465"),
            QUERY.replace(b"IN A ", b"IN AAAA "),
            QUERY.replace(b"10.0.0.7", b"10.0.0.8"),
        )
    }

    assert len(one) == 1
    assert len(others) == 3
    assert not one & others


def test_nameds_own_time_counts_where_syslog_wrote_another() -> None:
    line = b"Nov 22 02:59:00 gw named[811]: 22-Nov-2026 02:02:06.434 queries: info: " + QUERY

    assert str(event("bind", line)["time"]) == "2026-11-22 02:02:06.434000+00:00"


def test_a_name_can_not_forge_another_client() -> None:
    name = b"client#1\\032(x):\\032query:\\032y"
    found = event("bind", HEAD + QUERY.replace(b"games.test", name))

    assert (found["client_ip"], found["query"]) == ("10.0.0.7", name.decode())


def test_a_server_that_fails_is_an_error_of_nobody() -> None:
    found = event("bind", HEAD + b"lame-servers: info: FORMERR resolving 'games.test/AAAA/IN': 192.0.2.53#53")

    assert (found["action"], found["query"], found["dest_ip"], found["rcode"]) == (
        "error",
        "games.test",
        "192.0.2.53",
        "FORMERR",
    )
    assert "client_ip" not in found


def test_lines_of_other_programs_are_passed_over_and_other_text_is_rejected() -> None:
    decoded = decode("bind", b"Nov 22 02:02:06 gw cron[7]: nothing", b"Nov 22 02:02:06 gw sshd[7]: client x", b"hello")

    assert decoded.skipped["line"].to_list() == [0, 1]
    assert decoded.rejected["line"].to_list() == [2]


@pytest.mark.parametrize("view", [b"", b"view pupils: "])
@pytest.mark.parametrize("pointer", [b"", b"@0x7f5f24af7098 "])
@pytest.mark.parametrize("head", [b"", b"queries: info: ", HEAD, b"Nov 22 02:02:06 gw named[811]: queries: "])
def test_common_shapes_of_a_query_take_the_fast_path(
    head: bytes, pointer: bytes, view: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_decoder, "FEW", 0)
    line = head + b"client " + pointer + b"10.0.0.7#41464 (games.test): " + view
    lines = batch([line + b"query: games.test IN A + (10.0.0.1)"] * 3)
    decoder = make("bind", {}, zone=LONDON)

    fast = decoder.decode(lines)

    assert fast.counts["odd_lines"] == 0
    assert fast.events.height == exactly(decoder, lines).events.height == 3
