"""RADIUS and VPN servers: who logged in with which device, who was refused, and no password anywhere."""

import pytest
from decoding import decode, event

HEAD = b"Sun Nov 22 01:00:00 2026 : Auth: (7) "


@pytest.mark.parametrize(
    "name", [b"bob] (from client WLAN port 7 cli 02-00-5e-10-00-09)", b"Login OK: [bob", b"a b", b"x) cli y"]
)
def test_a_name_that_somebody_chose_is_all_of_the_name(name):
    found = event("freeradius", HEAD + b"Login OK: [" + name + b"] (from client AP port 7 cli 02-00-5e-10-00-01)")
    assert found["user"].encode() == name
    assert found["client_mac"] == "02:00:5e:10:00:01"


@pytest.mark.parametrize(
    "user", [b"ann/secret", b"SCHOOL\\\\ann/sec/ret", b"host/pc7.school.lan/secret", b"ann/<via Auth>"]
)
def test_a_password_behind_the_name_is_not_kept(user):
    found = event("freeradius", HEAD + b"Login incorrect: [" + user + b"] (from client AP port 7 cli x)")
    assert not any("sec" in str(value) for value in found.values())
    assert found["user"] in {"ann", "host/pc7.school.lan"}
    assert found["action"] == "auth_required"


def test_a_detail_file_is_refused_line_by_line():
    assert len(decode("freeradius", b'\tUser-Name = "ann"', b"\tFramed-IP-Address = 10.0.0.5").rejected) == 2


def test_the_address_of_the_pool_is_the_clients_in_the_line_that_gives_it():
    line = b"2026-11-22 01:00:00 ann/203.0.113.5:5 MULTI: primary virtual IP for ann/203.0.113.5:5: 10.8.0.6"
    found = event("openvpn", line)
    assert (found["client_ip"], found["user"], found["filter_reason"]) == ("10.8.0.6", "ann", "vpn address")


def test_a_refused_vpn_login_is_a_challenge():
    line = b"2026-11-22 01:00:00 203.0.113.5:5 TLS: Username/Password authentication deferred for username 'ann'"
    assert event("openvpn", line)["action"] == "unknown"
    line = b"2026-11-22 01:00:00 203.0.113.5:5 TLS Auth Error: Auth Username/Password verification failed for peer"
    assert event("openvpn", line)["action"] == "auth_required"


def test_a_softether_user_cannot_say_where_he_comes_from():
    line = (
        b'2026-11-22 01:00:00.000 Connection "CID-7": User authentication failed. The user name that has been provided'
        b' was "x", from 10.0.0.9.", from 203.0.113.5.'
    )
    assert event("softether", line)["client_ip"] == "203.0.113.5"
