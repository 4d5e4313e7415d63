"""What stands around a log is taken off: the journal's JSON, and lines that only count others."""

import json

import pytest
from decoding import LONDON, batch, decode, event
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.decoders import make
from filterwatch.decoders.journald import repeated

PACKET = "BLOCK IN=eth0 OUT=wan0 SRC=10.0.7.1 DST=192.0.2.9 LEN=60 PROTO=TCP SPT=4000 DPT=853"


def record(message: object = PACKET, **fields: object) -> bytes:
    return json.dumps(
        {
            "__REALTIME_TIMESTAMP": "1795336200123456",
            "_HOSTNAME": "gateway",
            "SYSLOG_IDENTIFIER": "kernel",
            "_TRANSPORT": "kernel",
            "MESSAGE": message,
            **fields,
        }
    ).encode()


def test_a_record_of_the_journal_is_what_the_system_log_would_hold():
    inside = event("netfilter", record(), journal="json")
    classic = event("netfilter", f"2026-11-22T08:30:00.123456+00:00 gateway kernel: {PACKET}".encode())

    assert inside == classic
    assert inside["time"].isoformat() == "2026-11-22T08:30:00.123456+00:00"


def test_a_message_alone_is_read_by_a_format_without_an_envelope():
    line = "1795336200.123     80 10.0.0.7 TCP_MISS/200 5000 GET http://a.test/ - HIER_DIRECT/192.0.2.7 text/html"
    assert event("squid", record(line), journal="json_message") == event("squid", line.encode())


def test_bytes_that_are_no_text_and_line_ends_stay_in_their_line():
    assert event("netfilter", record([*PACKET.encode()]), journal="json")["client_ip"] == "10.0.7.1"
    decoded = decode("netfilter", record(f"hello\nNov 22 08:30:00 gateway kernel: {PACKET}"), journal="json")
    assert len(decoded.events) + len(decoded.rejected) + len(decoded.skipped) == 1


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"{}", b'{"__REALTIME_TIMESTAMP": "x", "MESSAGE": "a"}', b"[" * 60_000, record()[:-1], b"\xff"],
    ids=range(7),
)
def test_what_is_no_record_is_rejected(line):
    assert len(decode("netfilter", line, journal="json").rejected) == 1


def test_a_record_without_a_message_is_skipped():
    assert len(decode("netfilter", record(None), journal="json").skipped) == 1


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(record, st.one_of(st.text(), st.just(PACKET), st.lists(st.integers(-1, 300)), st.none())),
            st.builds(lambda name: record(SYSLOG_IDENTIFIER=name, _HOSTNAME=name), st.text()),
            st.binary().map(lambda raw: raw.replace(b"\n", b"")),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_every_line_has_one_answer(lines):
    decoded = make("netfilter", {"journal": "json"}, zone=LONDON).decode(batch(lines))
    places = [*decoded.events["line"], *decoded.rejected["line"], *decoded.skipped["line"]]
    assert sorted(places) == list(range(len(lines)))


@pytest.mark.parametrize(
    "line",
    [
        b"Nov 22 08:30:00 gateway last message repeated 3 times",
        b"<13>Nov 22 08:30:00 gateway last message repeated 3 times",
        f"Nov 22 08:30:00 gateway kernel: message repeated 12 times: [ {PACKET}]".encode(),
        f"2026-11-22T08:30:00.123456+00:00 gateway kernel: message repeated 12 times: [ {PACKET}]".encode(),
        b"Nov 22 08:30:00 gateway syslogd[12]: last message repeated 1 time",
        f"<134>1 2026-11-22T08:30:00Z fw01 kernel 292 - -  message repeated 101 times: [ {PACKET}]".encode(),
    ],
)
def test_a_line_that_counts_the_one_before_is_skipped_with_its_reason(line):
    for lines in ([line], [line, f"Nov 22 08:30:00 gateway kernel: {PACKET}".encode()] * 20):
        decoded = decode("netfilter", *lines)
        assert set(decoded.skipped["why"]) == {"says how often the line before came; switch that off in the sender"}
        assert decoded.events["line"].to_list() == list(range(1, len(lines), 2))


def test_an_address_that_says_it_was_repeated_is_no_reason_to_look_away():
    line = (
        b"1795336200.123     80 10.0.0.7 TCP_MISS/200 5000 GET http://a.test/?q=message repeated 3 times: [x] - "
        b"HIER_DIRECT/192.0.2.7 text/html"
    )
    assert repeated(line) == line
    packet = f"Nov 22 08:30:00 gateway kernel: last message repeated 3 times {PACKET}".encode()
    assert len(decode("netfilter", packet).events) == 1


def test_short_iso_of_journalctl_is_a_system_log():
    for stamp in ("2026-11-22T08:30:00+0000", "2026-11-22T08:30:00.123456+0000", "2026-11-22T08:30:00+00:00"):
        assert event("netfilter", f"{stamp} gateway kernel: {PACKET}".encode())["time"].hour == 8
