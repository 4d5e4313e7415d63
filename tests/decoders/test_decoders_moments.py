"""Moments that go wrong elsewhere, through real formats: New Year, 29 February, clocks put back and forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from decoding import LONDON, batch

from filterwatch.decoders import line_decoder, make

YEARLESS = {
    "dnsmasq": "{:%b %e %H:%M:%S} dnsmasq[811]: query[A] www.school.test from 10.0.0.7",
    "unbound": "{:%b %e %H:%M:%S} unbound[2:0] query: 10.0.0.7 www.school.test. A IN",
    "netfilter": "{:%b %e %H:%M:%S} gw kernel: [1.0] DROP IN=lan OUT=wan SRC=10.0.0.7 DST=192.0.2.9 PROTO=TCP",
    "filterlog": "{:%b %e %H:%M:%S} fw filterlog[9]: 5,,,1000,em0,match,block,in,4,0x0,,64,1,0,none,17,udp,60,10.0.0.7,"
    "192.0.2.9,1,2,40",
    "isc_dhcpd": "{:%b %e %H:%M:%S} gw dhcpd[9]: DHCPACK on 10.0.0.7 to 00:11:22:33:44:55 via em0",
}
LOCAL = {
    "e2guardian_2": '"{:%Y.%m.%d %H:%M:%S}","-","10.0.0.7","http://www.school.test/","","GET","1","0","","1","200",'
    '"text/html","","pupils","Mozilla","","","",""',
    "squidguard": "{:%Y-%m-%d %H:%M:%S} [7] Request(pupils/adult/-) http://x.test/ 10.0.0.8/- - GET REDIRECT",
    "fortigate": 'date={:%Y-%m-%d} time={:%H:%M:%S} devid="FGT60F0000000001" logid="0000000013" type="traffic" '
    'subtype="forward" srcip=10.0.0.7 dstip=192.0.2.9 action="accept"',
    "squid_custom": '10.0.0.7 {:%d/%b/%Y:%H:%M:%S} "GET http://www.school.test/"',
}
OPTIONS = {"squid_custom": {"logformat": '%>a %{%d/%b/%Y:%H:%M:%S}tl "%rm %ru"'}}


def times(name: str, lines: list[str], read_at: datetime, zone: ZoneInfo = LONDON, few: int = 0) -> list[datetime]:
    before, line_decoder.FEW = line_decoder.FEW, few
    try:
        decoded = make(name, OPTIONS.get(name, {}), zone=zone).decode(batch([one.encode() for one in lines], read_at))
    finally:
        line_decoder.FEW = before
    assert len(decoded.events) == len(lines), decoded.rejected.rows()
    return decoded.events["time"].to_list()


@pytest.mark.parametrize("few", [0, 1000], ids=["fast", "exact"])
@pytest.mark.parametrize("name", YEARLESS)
def test_a_stamp_without_a_year_takes_the_nearest(name: str, few: int) -> None:
    line = YEARLESS[name]
    last, first = datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC), datetime(2027, 1, 1, 0, 0, 3, tzinfo=UTC)

    assert times(name, [line.format(last)], datetime(2027, 1, 1, 0, 5, tzinfo=UTC), few=few) == [last]
    assert times(name, [line.format(first)], datetime(2026, 12, 31, 23, 58, tzinfo=UTC), few=few) == [first]
    assert times(name, [line.format(last), line.format(first)], first, few=few) == [last, first]


@pytest.mark.parametrize("few", [0, 1000], ids=["fast", "exact"])
@pytest.mark.parametrize("name", YEARLESS)
def test_the_29th_of_february_means_a_leap_year(name: str, few: int) -> None:
    leap = datetime(2028, 2, 29, 12, 0, tzinfo=UTC)

    for read_at in (
        datetime(2028, 3, 1, tzinfo=UTC),
        datetime(2027, 12, 1, tzinfo=UTC),
        datetime(2028, 9, 1, tzinfo=UTC),
    ):
        assert times(name, [YEARLESS[name].format(leap)], read_at, few=few) == [leap]


@pytest.mark.parametrize("few", [0, 1000], ids=["fast", "exact"])
@pytest.mark.parametrize("name", [*YEARLESS, *LOCAL])
def test_order_stays_while_a_clock_is_put_back(name: str, few: int) -> None:
    """On 25 October 2026 London shows the hour from 1 to 2 twice."""
    line = {**YEARLESS, **LOCAL}[name]
    walls = [datetime(2026, 10, 25, *at) for at in ((0, 59), (1, 30), (1, 59), (1, 1), (1, 31), (2, 1))]  # noqa: DTZ001
    lines = [line.format(wall, wall) for wall in walls]

    got = times(name, lines, datetime(2026, 10, 25, 3, tzinfo=UTC), few=few)

    start = datetime(2026, 10, 24, 23, 59, tzinfo=UTC)
    assert [int((one - start) / timedelta(minutes=1)) for one in got] == [0, 31, 60, 62, 92, 122]


@pytest.mark.parametrize("few", [0, 1000], ids=["fast", "exact"])
@pytest.mark.parametrize("name", [*YEARLESS, *LOCAL])
def test_a_time_that_no_clock_showed_is_told_and_moved_on(name: str, few: int) -> None:
    """On 28 March 2027 London's clocks go from 1 to 2."""
    wall = datetime(2027, 3, 28, 1, 30)  # noqa: DTZ001
    line = {**YEARLESS, **LOCAL}[name].format(wall, wall)
    before, line_decoder.FEW = line_decoder.FEW, few
    try:
        decoder = make(name, OPTIONS.get(name, {}), zone=LONDON)
        decoded = decoder.decode(batch([line.encode()], datetime(2027, 3, 28, 4, tzinfo=UTC)))
    finally:
        line_decoder.FEW = before

    assert decoded.counts["times_in_gap"] == 1
    assert decoded.events["time"].to_list() == [datetime(2027, 3, 28, 1, 30, tzinfo=UTC)]


WHEN = datetime(2026, 11, 20, 10, 14, 22, 123456, tzinfo=UTC)
EPOCHS = {"s": 0, "ms": 123_000, "us": 123_456, "ns": 123_456}


@pytest.mark.parametrize("unit", EPOCHS)
@pytest.mark.parametrize("few", [0, 1000], ids=["fast", "exact"])
def test_an_epoch_is_read_in_every_unit(unit: str, few: int) -> None:
    seconds = int(WHEN.timestamp())
    written = {
        "s": f"{seconds}",
        "ms": f"{seconds}123",
        "us": f"{seconds}123456",
        "ns": f"{seconds}123456789",
    }[unit]
    line = (
        f'eventtime={written} devid="FGT60F0000000001" type="traffic" subtype="forward" srcip=10.0.0.7 action="accept"'
    )

    assert times("fortigate", [line], WHEN, few=few) == [WHEN.replace(microsecond=EPOCHS[unit])]


@pytest.mark.parametrize(
    ("name", "line", "microseconds"),
    [
        ("squid", "{:.3f} 10 10.0.0.7 TCP_MISS/200 5 GET http://x.test/ - HIER_DIRECT/192.0.2.1 text/html", 123_000),
        ("meraki", "<134>1 {:.6f} gw urls src=10.0.0.7:4 dst=192.0.2.9:443 request: GET https://x.test/...", 123_456),
        ("unbound", "[{:.0f}] unbound[2:0] query: 10.0.0.7 www.school.test. A IN", 0),
    ],
)  # fmt: skip
def test_epochs_with_fractions_are_read_to_the_microsecond(name: str, line: str, microseconds: int) -> None:
    stamp = line.format(WHEN.timestamp())

    assert times(name, [stamp], WHEN) == [WHEN.replace(microsecond=microseconds)]
