"""Format detection: the right format or none, whatever stands in the file."""

from __future__ import annotations

from time import process_time

import pytest
from decoding import SEEDS, batch
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.decoders import detect, format_of, formats, shares
from filterwatch.decoders.detect import MOST_LIKELY, likely

TOLD = sorted(name for name, one in formats().items() if one.claims and name in SEEDS)
ANY = sorted(set(SEEDS) & set(formats()))

LIKE = {name: {name, *one.beyond} for name, one in formats().items()} | {
    # Each of these is read by the other one as well; a cut line may have lost what tells them apart.
    "squid": {"squid", "squid_common"},
    "squid_mimehdrs": {"squid_mimehdrs", "squid"},
    "dnsmasq_extra": {"dnsmasq_extra", "dnsmasq"},
    "squid_combined": {"squid_combined", "squid_common"},
}

GRADES = [b"name,year,grade"] + [f"Pupil {n},{n % 6},{'ABCDE'[n % 5]}".encode() for n in range(60)]
MANUAL = b"""\
SQUID(8)                  System Manager's Manual                 SQUID(8)

NAME
       squid - HTTP web proxy caching server

SYNOPSIS
       squid [ -dhvzCFNRVYX ] [ -n service-name ] [ -l facility ] [ -f config-file ]

DESCRIPTION
       squid is a high-performance proxy caching server for web clients, supporting FTP, gopher, ICAP, ICP, HTCP.
       TCP_DENIED/403 in access.log means that an http_access rule refused the request: client 192.0.2.9 denied.
""".splitlines()
PAGE = b"""\
<!DOCTYPE html>
<html lang="en"><head><title>Firewall log</title></head>
<body><table><tr><td>SRC=10.1.2.3 DST=192.0.2.9 PROTO=TCP SPT=1 DPT=2</td></tr></table>
<script>var query = {"QH": "x", "Result": {}, "event_type": "dns"};</script></body></html>
""".splitlines()
PYTHON = b"""\
import logging

LINE = '1795311995.403 7 10.1.2.3 TCP_MISS/200 812 GET http://x.test/ - HIER_DIRECT/192.0.2.1 text/html'
devid = "FGT60D"; logid = "0000000013"; type = "traffic"
def read(line: bytes) -> None:
    logging.info("query[A] www.school.test from 10.1.2.3: %s", line)
""".splitlines()
CRON = [f"Nov 22 02:04:{n:02} gw CRON[{n}]: (root) CMD (run-parts /etc/cron.hourly)".encode() for n in range(60)]
OTHERS = {
    "grades": GRADES, "manual page": MANUAL, "web page": PAGE, "python": PYTHON, "cron": CRON, "empty": [],
    "blank": [b"", b"  "], "binary": [bytes(range(10, 256)) * 3] * 9, "zeros": [b"\0" * 400] * 9,
    "comments": [b"# Settings", b"#path", b"#fields\tts\tuid"], "json": [b'{"a": 1}', b"{}", b"[]"] * 9,
}  # fmt: skip


@pytest.mark.parametrize("text", OTHERS)
def test_text_that_is_no_log_of_ours_is_of_no_format(text: str) -> None:
    assert detect(OTHERS[text]) is None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ANY), st.data())
def test_lines_that_came_to_harm_are_never_taken_for_another_format(name: str, data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.sampled_from(SEEDS[name]), min_size=1, max_size=12))
    harmed = []
    for line in lines:
        start = data.draw(st.one_of(st.just(0), st.integers(0, len(line))))
        end = data.draw(st.one_of(st.just(len(line)), st.integers(start, len(line))))
        at = data.draw(st.integers(start, end))
        instead = data.draw(st.one_of(st.just(line[at:end]), st.binary(max_size=3), st.just(line)))
        harmed.append((line[start:at] + instead).replace(b"\n", b""))

    assert detect(harmed) in {None, *LIKE[name]}


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(TOLD), st.sampled_from(ANY), st.integers(2, 6), st.data())
def test_a_file_of_two_formats_is_never_taken_for_a_third(
    one: str, other: str, parts: int, data: st.DataObject
) -> None:
    few = data.draw(st.lists(st.sampled_from(SEEDS[one]), min_size=1, max_size=8))
    many = data.draw(st.lists(st.sampled_from(SEEDS[other]), min_size=len(few), max_size=len(few) * parts))

    assert detect(data.draw(st.permutations(few + many))) in {None, *LIKE[one], *LIKE[other]}


def test_a_file_of_two_formats_in_equal_shares_tells_both() -> None:
    good = [line for line in SEEDS["squid"] if line[:1] == b"1"][:6]
    mixed = batch([*good, *CRON[:6], *SEEDS["fortigate"][:6]] * 9)

    found = shares(mixed)

    assert format_of(mixed) is None
    assert set(found) == {"squid", "fortigate"}
    assert sum(found.values()) < 0.7


def test_a_header_is_looked_at_however_long_the_log_is() -> None:
    header = [line for line in SEEDS["zeek_ssl"] if line.startswith(b"#")]
    shorter = [b"#fields\tts\tuid\tid.orig_h\tserver_name" if line.startswith(b"#fields") else line for line in header]
    rows = [b"1795313057.305988\tCHhAvVGS1DHFjwGM9\t10.1.0.2\twww.school.test"] * 5_000

    assert format_of(batch([*shorter, *rows])) == "zeek_ssl"
    assert format_of(batch(rows)) is None


def test_a_look_at_two_hundred_lines_takes_less_than_a_second() -> None:
    lines = {name: (SEEDS[name] * 200)[:200] for name in ("squid", "fortigate", "zeek_http", "suricata_eve", "bind")}
    detect(lines["squid"])

    for name, several in lines.items():
        before = process_time()
        assert detect(several) == name
        assert process_time() - before < 2, "0.3 s on an idle machine"


@pytest.mark.parametrize("name", ["squid_common", "keyvalue", "e2guardian_1", "nginx"])
def test_a_file_that_is_not_told_names_the_few_formats_that_read_it(name: str) -> None:
    found = likely(batch(SEEDS[name]))

    assert name in found
    assert len(found) <= MOST_LIKELY


def test_nobody_is_named_for_what_no_format_reads() -> None:
    assert likely(batch(MANUAL)) == likely(batch([])) == []
