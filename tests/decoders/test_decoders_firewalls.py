"""The firewalls of schools: what their field maps make of verdicts, changes, logins and forged fields."""

from __future__ import annotations

import pytest
from decoding import decode, event

UTM = (
    b'2026:07:01-10:14:22 utm httpproxy[5207]: id="0001" severity="info" sys="SecureWeb" sub="http" name="http access" '
)
FIREBOX = b'http-proxy[2056]: msg_id="1AFF-0024" Allow 1-Trusted 0-External tcp 10.20.4.18 203.0.113.10 52808 80 '
FORTIGATE = b'devid="FGT60F0000000001" eventtime=1795169662 type="event" subtype="system" user="admin" action="Edit" '
SONICWALL = b'id=firewall sn=02005E100001 time="2026-11-20 10:14:22 UTC" fw=192.0.2.1 pri=6 '
SFOS = b'device="SFW" date=2026-11-20 time=10:14:22 timezone="GMT" log_id=062109617502 '


def test_what_stands_in_the_head_of_a_line_wins_over_pairs_of_that_name() -> None:
    got = event("watchguard", FIREBOX + b'msg="HTTP request" dstname="www.school.example" arg="/" dst="192.0.2.66"')

    assert got["dest_ip"] == "203.0.113.10"
    assert got["action"] == "allowed"


def test_a_stamp_in_the_head_is_local_time() -> None:
    got = event(
        "sophos_utm", UTM + b'action="pass" srcip="10.20.4.17" statuscode="200" url="http://www.school.example/"'
    )

    assert str(got["time"]) == "2026-07-01 09:14:22+00:00"


FORGED = {
    "fortigate": FORTIGATE.replace(b"event", b"utm").replace(b"system", b"webfilter").replace(b"Edit", b"blocked")
    + b'hostname="a.example" url="/\\" action=\\"passthrough"',
    "sophos_utm": UTM + b'action="block" srcip="10.20.4.17" statuscode="403" url="http://a.example/" action="pass"',
    "sophos_xg": SFOS + b'log_type="Content Filtering" log_component="HTTP" log_subtype="Denied" '
    b'url="http://a.example/ log_subtype=Allowed"',
    "sonicwall": SONICWALL + b'm=14 c=4 src=10.20.4.17:1:X0 dstname=a.example arg=/?fw_action="forward" '
    b'fw_action="forward"',
    "watchguard": FIREBOX.replace(b"Allow", b"Deny") + b'msg="ProxyDeny: x" arg="/ disp=Allow" disp=Allow',
}


@pytest.mark.parametrize("name", FORGED)
def test_a_verdict_that_a_pupil_writes_behind_the_appliances_does_not_count(name: str) -> None:
    assert event(name, FORGED[name])["action"] == "blocked"


TWICE = {
    "sophos_xg": SFOS + b'log_type="Content Filtering" log_component="HTTP" url="https://casino.example/a" '
    b'log_subtype="Allowed" src_ip=10.0.0.1 user_name="eve" x="" log_subtype="Denied" user_name="jdoe" '
    b"src_ip=10.20.4.17",
    "fortigate": FORTIGATE.replace(b"event", b"utm").replace(b"system", b"webfilter").replace(b'action="Edit" ', b"")
    + b'hostname="a.example" url="/a" action="passthrough" srcip=10.0.0.1 user="eve" x="" action="blocked" '
    b"srcip=10.20.4.17",
    "keyvalue": b'time="2026-10-15 09:31:02" url="http://casino.example/a" src=10.0.0.1 action=allowed user=eve x="" '
    b"src=10.20.4.17 user=jdoe action=blocked",
}


@pytest.mark.parametrize("lines", [1, 600])
@pytest.mark.parametrize("name", TWICE)
def test_of_two_clients_and_verdicts_behind_a_url_none_is_believed(name: str, lines: int) -> None:
    got = decode(name, *[TWICE[name]] * lines).events

    for row in got.to_dicts():
        assert (row["client_ip"], row["user"], row["action"]) == (
            None,
            "admin" if name == "fortigate" else None,
            "unknown",
        )
    assert "casino.example" in got["url"][0] or name == "fortigate"


def test_a_client_named_twice_alike_or_before_the_url_is_believed() -> None:
    line = SFOS + b'log_type="Content Filtering" log_component="HTTP" src_ip=10.20.4.17 url="https://casino.example/a" '

    assert event("sophos_xg", line + b"src_ip=10.0.0.1")["client_ip"] == "10.20.4.17"
    assert event("keyvalue", b"url=http://a.example/ src=10.20.4.17 src=10.20.4.17")["client_ip"] == "10.20.4.17"


def test_passwords_in_a_change_and_in_a_url_without_a_scheme_are_cut() -> None:
    change = event(
        "fortigate", FORTIGATE + b'cfgpath="user.local" cfgattr="passwd[hunter4]password[hunter5->hunter6 x]"'
    )
    bare = event("keyvalue", b"src=10.20.4.17 url=u:hunter2@www.casino.example/x")

    assert change["filter_reason"] == "passwd[***]password[***]"
    assert (bare["url"], bare["host"]) == ("***@www.casino.example/x", "www.casino.example")


def test_of_two_requests_in_a_line_of_meraki_the_last_is_the_appliances() -> None:
    line = (
        b"1795169663.416181683 MX_1 urls src=10.20.4.17:51235 dst=203.0.113.9:80 mac=02:00:5E:10:00:01 "
        b"agent='x' request: GET http://harmless.example/' request: GET http://casino.example/"
    )

    assert event("meraki", line)["host"] == "casino.example"


@pytest.mark.parametrize(
    ("changed", "event_"),
    [
        (b"utm-status[enable->disable]", "filter_disabled"),
        (b"webfilter-profile[pupils->]", "filter_disabled"),
        (b"webfilter-profile[pupils->staff]", "config_changed"),
        (b"utm-status[disable->enable]", "filter_enabled"),
        (b"name[a->b]", "config_changed"),
    ],
)
def test_a_policy_of_fortigate_that_stops_filtering_is_a_switch_off(changed: bytes, event_: str) -> None:
    line = FORTIGATE + b'ui="GUI(10.20.1.5)" cfgpath="firewall.policy" cfgobj="7" cfgattr="' + changed + b'"'

    got = event("fortigate", line)

    assert (got["kind"], got["control_event"], got["client_ip"]) == ("control", event_, "10.20.1.5")


@pytest.mark.parametrize(
    ("said", "kind", "event_"),
    [
        (
            b"Firewall Rule 'Pupils' was turned off by 'admin' from '10.20.1.5' using 'GUI'",
            "control",
            "filter_disabled",
        ),
        (
            b"Web Filter Policy 'Pupils' was updated by 'admin' from '10.20.1.5' using 'GUI'",
            "control",
            "config_changed",
        ),
        (b"User admin logged in successfully to Web Admin Console", "auth", None),
        (b"User admin failed to login to CLI because of wrong credentials", "auth", None),
        (b"Login disclaimer was changed by 'admin'", "control", "config_changed"),
    ],
)
def test_what_an_admin_of_sfos_does_is_a_change_or_a_login(said: bytes, kind: str, event_: str | None) -> None:
    line = SFOS + b'log_type="Event" log_component="GUI" log_subtype="Admin" user_name="admin" message="' + said + b'"'

    got = event("sophos_xg", line)

    assert (got["kind"], got.get("control_event")) == (kind, event_)


def test_a_value_of_sfos_that_nobody_quoted_runs_to_the_next_key() -> None:
    line = SFOS + (
        b'log_type="Firewall" log_subtype="Allowed" ether_type=Unknown (0x0000) src_ip=10.20.4.17 sent_pkts=18  '
        b"recv_pkts=16 sent_bytes=24 tran_src_ip= dst_ip=203.0.113.9"
    )

    got = event("sophos_xg", line)

    assert (got["client_ip"], got["dest_ip"], got["bytes_out"]) == ("10.20.4.17", "203.0.113.9", 24)


def test_a_login_of_a_vpn_is_of_the_address_inside() -> None:
    line = (
        b'sslvpn: msg_id="3E00-0002" msg="SSL VPN user t.brown@school.example@radius from 198.51.100.7 logged in '
        b'assigned virtual IP is 192.168.113.2"'
    )

    got = event("watchguard", line)

    assert (got["client_ip"], got["user"], got["filter_reason"]) == ("192.168.113.2", "t.brown", "vpn address")


def test_a_site_that_refuses_is_not_the_filter_that_does() -> None:
    got = event("sonicwall", SONICWALL + b"c=1024 m=97 src=10.20.4.17:1:X0 dstname=a.example arg=/ result=403")

    assert (got["action"], got["status"]) == ("allowed", 403)


def test_a_challenge_of_the_proxy_is_no_block() -> None:
    got = event("sophos_utm", UTM + b'action="block" srcip="10.20.4.17" statuscode="407" url="http://a.example/"')

    assert got["action"] == "auth_required"


def test_what_an_appliance_says_of_itself_is_skipped() -> None:
    decoded = decode("fortigate", FORTIGATE.replace(b"Edit", b"perf-stats"))

    assert decoded.skipped["why"].to_list() == ["the appliance's own load"]


def test_a_directorys_user_is_read_with_many_others_at_once() -> None:
    line = (
        b"<134>Nov 20 10:14:22 wcg vendor=Forcepoint product=Security action=blocked category=9 "
        b"user=LDAP://dc1.school.example OU=Year 9,OU=Pupils,DC=school,DC=example/Sam Pupil loginID=y9.sam "
        b"src_host=10.20.4.17 src_port=51234 dst_host=casino.example url=https://casino.example:443 reason=a=b, c =d"
    )
    many = decode("forcepoint_kv", *[line] * 100)

    assert many.counts["odd_lines"] == 0
    rows = many.events.drop("line").unique().rows(named=True)
    assert [{key: value for key, value in row.items() if value is not None} for row in rows] == [
        event("forcepoint_kv", line)
    ]
