"""Lease files are read when they change; an address is a device from the time the file says so."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterwatch.enrich import asof as module
from filterwatch.enrich.lease_files import Grant, LeaseFiles, parse
from filterwatch.enrich.leases import FOREVER, Lease, Leases
from filterwatch.errors import ConfigurationError

HOUR = 3_600_000_000
ONE, TWO = "00:00:00:00:00:01", "00:00:00:00:00:02"


def write(path, text, seconds):
    path.write_text(text)
    os.utime(path, (seconds, seconds))


def test_a_dnsmasq_file_gives_expiry_hardware_address_and_name():
    text = f"100 {ONE} 10.0.0.1 lap *\n0 {TWO} 10.0.0.2 * 01:{TWO}\n"
    assert parse(text) == {
        "10.0.0.1": Grant(None, 100_000_000, ONE, "lap"),
        "10.0.0.2": Grant(None, FOREVER, TWO, None),
    }


def test_lines_of_dhcpv6_and_half_lines_are_passed_over():
    text = f"duid 00:01:00:01:2b\n100 55 fd00::1 lap 00:01\n100 {ONE} 10.0\n"
    text += f"{'9' * 400} {ONE} 10.0.0.9 x *\n100 06-{TWO} 10.0.0.2 b *"
    assert parse(text) == {"10.0.0.2": Grant(None, 100_000_000, TWO, "b")}


def test_a_lease_counts_from_the_time_the_file_was_written_that_first_showed_it(tmp_path):
    file, history = tmp_path / "leases", Leases(HOUR)
    files = LeaseFiles([file])
    write(file, f"5000 {ONE} 10.0.0.1 a *\n", 1000)
    files.read(history)
    write(file, f"5000 {TWO} 10.0.0.1 b *\n", 2000)
    files.read(history)
    macs = [lease and lease.mac for lease in (history.at("10.0.0.1", t * 10**6) for t in (999, 1000, 1999, 2000, 5000))]
    assert macs == [None, ONE, ONE, TWO, None]


def test_a_lease_that_is_gone_from_the_file_has_ended(tmp_path):
    file, history = tmp_path / "leases", Leases(HOUR)
    files = LeaseFiles([file])
    for text, seconds in ((f"5000 {ONE} 10.0.0.1 a *\n", 1000), ("", 2000)):
        write(file, text, seconds)
        files.read(history)
    assert history.at("10.0.0.1", 1999 * 10**6).mac == ONE
    assert history.at("10.0.0.1", 2000 * 10**6) is None


def test_a_renewal_in_the_file_goes_on_without_a_gap(tmp_path):
    file, history = tmp_path / "leases", Leases(HOUR)
    files = LeaseFiles([file])
    for expiry, seconds in ((3000, 1000), (6000, 2500)):
        write(file, f"{expiry} {ONE} 10.0.0.1 a *\n", seconds)
        files.read(history)
    assert history.at("10.0.0.1", 5999 * 10**6) == Lease(1000 * 10**6, 6000 * 10**6, ONE, "a")


def test_a_file_that_did_not_change_is_not_read_again(tmp_path):
    file, history = tmp_path / "leases", Leases(HOUR)
    files = LeaseFiles([file])
    write(file, f"5000 {ONE} 10.0.0.1 a *\n", 1000)
    files.read(history)
    history.ends("10.0.0.1", 1500 * 10**6)
    files.read(history)
    assert history.at("10.0.0.1", 2000 * 10**6) is None


def test_a_file_that_is_not_there_yet_is_told_and_looked_for_again(tmp_path):
    file, history = tmp_path / "leases", Leases(HOUR)
    files = LeaseFiles([file])
    files.read(history)
    assert list(files.troubles.values()) == [
        f"{file}: cannot be read: No such file or directory; the leases read before stay in use"
    ]
    write(file, f"5000 {ONE} 10.0.0.1 a *\n", 1000)
    files.read(history)
    assert not files.troubles
    assert history.at("10.0.0.1", 2000 * 10**6).mac == ONE


def test_a_file_that_may_not_be_read_is_refused_at_the_start(tmp_path, monkeypatch):
    (tmp_path / "leases").touch(0)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(ConfigurationError, match="may not be read; give the daemon's account read access"):
        LeaseFiles([tmp_path / "leases"])


def test_a_lease_heard_of_late_takes_its_place_in_time():
    history = Leases(HOUR)
    history.heard("10.0.0.1", 50, TWO, None, None)
    history.heard("10.0.0.1", 10, ONE, None, None)
    assert [history.at("10.0.0.1", t).mac for t in (10, 49, 50)] == [ONE, ONE, TWO]


def test_history_is_bounded_by_addresses_and_by_devices_on_one(monkeypatch):
    monkeypatch.setattr(module, "KEYS", 100)
    history = Leases(HOUR)
    for n in range(1000):
        history.heard(f"10.0.0.{n}", n, ONE, "x" * 1000, None)
        history.heard("10.9.9.9", n, f"00:00:00:00:{n // 256:02x}:{n % 256:02x}", None, None)
    facts = history.history.frame()
    assert facts["key"].n_unique() == 100
    assert len(facts) <= 100 + module.MOST
    assert facts["more"].str.len_chars().max() == 255


def test_it_goes_on_where_it_was():
    history, again = Leases(HOUR), Leases(HOUR)
    for n, ip in enumerate(("10.0.0.2", "10.0.0.1", "10.0.0.2")):
        history.heard(ip, n, (ONE, TWO)[n % 2], None, None)
    again.history.restore(history.history.frame())
    assert again.history.frame().equals(history.history.frame())


@given(st.text(max_size=200) | st.text(alphabet="0123456789abcdef:.- *\n", max_size=200))
def test_no_lease_file_raises(text):
    parse(text)
