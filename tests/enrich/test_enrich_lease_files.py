"""Lease files of ISC and Kea: the last entry counts, half entries do not, an ended lease is none."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterwatch.enrich.lease_files import Grant, LeaseFiles, parse
from filterwatch.enrich.leases import FOREVER, Leases

ONE, TWO = "02:00:5e:10:00:01", "02:00:5e:10:00:02"
SECOND = 10**6
TEN = 1_795_341_600 * SECOND  # 2026-11-22 10:00 UTC

ISC = f"""# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;

lease 10.0.0.5 {{
  starts 0 2026/11/22 09:00:00;
  ends 0 2026/11/22 09:30:00;
  binding state active;
  hardware ethernet {TWO};
}}
lease 10.0.0.5 {{
  starts 0 2026/11/22 10:00:00;
  ends 0 2026/11/22 11:00:00;
  cltt 0 2026/11/22 10:00:00;
  binding state active;
  next binding state free;
  hardware ethernet {ONE};
  uid "\\001\\002;}}";
  client-hostname "laptop";
}}
lease 10.0.0.6 {{
  starts epoch 1795341600; # Sun Nov 22 10:00:00 2026
  ends never;
  binding state active;
  hardware ethernet {TWO};
}}
"""
KEA = f"""address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
10.0.0.5,{TWO},,600,1795341000,1,0,0,old,0,,0
10.0.0.5,{ONE},01:02,3600,1795345200,1,0,0,lap&#x2ctop.school.lan.,0,,0
10.0.0.6,{TWO},,3600,1795345200,1,0,0,,0,,0
"""


def test_the_last_block_of_isc_counts_with_its_own_times():
    assert parse(ISC) == {
        "10.0.0.5": Grant(TEN, TEN + 3600 * SECOND, ONE, "laptop"),
        "10.0.0.6": Grant(TEN, FOREVER, TWO, None),
    }


@pytest.mark.parametrize("state", ["free", "released", "expired", "abandoned", "backup"])
def test_a_block_that_is_not_active_ends_the_lease(state):
    block = (
        f"lease 10.0.0.5 {{\n  ends 0 2026/11/22 11:00:00;\n  binding state {state};\n  hardware ethernet {ONE};\n}}\n"
    )
    assert set(parse(ISC + block)) == {"10.0.0.6"}


def test_a_block_that_is_being_written_is_passed_over():
    half = f"lease 10.0.0.5 {{\n  starts 0 2026/11/22 10:30:00;\n  hardware ethernet {TWO};\n"
    assert parse(ISC + half) == parse(ISC)


def test_the_last_row_of_kea_counts():
    assert parse(KEA) == {
        "10.0.0.5": Grant(TEN, TEN + 3600 * SECOND, ONE, "lap,top.school.lan"),
        "10.0.0.6": Grant(TEN, TEN + 3600 * SECOND, TWO, None),
    }


@pytest.mark.parametrize(("lifetime", "state"), [(3600, 1), (3600, 2), (3600, 3), (0, 0)])
def test_a_row_of_a_lease_that_is_none_any_more_ends_it(lifetime, state):
    row = f"10.0.0.5,{ONE},01:02,{lifetime},1795345200,1,0,0,laptop,{state},,0\n"
    assert set(parse(KEA + row)) == {"10.0.0.6"}


def test_a_row_that_is_being_written_is_passed_over():
    assert parse(KEA + f"10.0.0.6,{ONE},,3600,17953") == parse(KEA)


def test_the_lease_of_a_file_holds_from_its_own_start(tmp_path):
    path, leases = tmp_path / "dhcpd.leases", Leases(1)
    path.write_text(ISC)
    os.utime(path, (TEN // SECOND + 1800,) * 2)
    files = LeaseFiles([path])
    files.read(leases)
    macs = [lease and lease.mac for lease in (leases.at("10.0.0.5", TEN + at * SECOND) for at in (-1, 0, 3599, 3600))]
    assert macs == [None, ONE, ONE, None]


@given(st.sampled_from([ISC, KEA]), st.integers(0, 2000), st.text(max_size=5), st.integers(0, 20))
def test_no_damage_to_a_file_raises(text, at, put, cut):
    parse(text[:at] + put + text[at + cut :])
