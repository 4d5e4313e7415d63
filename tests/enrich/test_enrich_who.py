"""Who is behind an event, and how surely: by user, by lease, by range, or unknown."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.enrich import identity as module
from filterwatch.enrich.identity import Identity
from filterwatch.enrich.leases import Leases
from filterwatch.enrich.people import People, Register, load
from filterwatch.enrich.sessions import Sessions
from filterwatch.enrich.who import Who
from filterwatch.events import ACTION, EVENT_SCHEMA, KIND, TIME

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
ADDED = ("person", "group", "year", "device", "device_class", "identity")
SETTINGS = {
    "ranges": [
        {"net": "10.10.0.0/16", "group": "pupils", "device_class": "individual"},
        {"net": "10.10.9.0/24", "group": "staff", "year": "9"},
        {"net": "fd00:1::/64", "group": "guests"},
    ],
    "domains": {"Governors": "governors"},
    "patterns": [{"user": r"^\d\d[a-z]+$", "group": "pupils"}, {"user": "^sup", "group": "staff"}],
}
ROSTER = "user,person,group,year\njsmith,Smith J,pupils,5\nboss,,staff,\nopen,,,\n"
DEVICES = (
    "mac,name,device,class,group,year,person\n"
    "00:00:00:00:00:01,,trolley-12,laptop,pupils,5,\n"
    "00:00:00:00:00:02,,head-phone,phone,,,boss\n"
    "00:00:00:00:00:03,,hall-projector,projector,,,\n"
    ",lab-pc,,desktop,staff,,\n"
)
HOUR = 3_600_000_000


@pytest.fixture
def who(tmp_path):
    (tmp_path / "r.csv").write_text(ROSTER)
    (tmp_path / "d.csv").write_text(DEVICES)
    people = People.model_validate(SETTINGS | {"roster": "r.csv", "devices": "d.csv"})
    return Who(Identity(people, load(people, tmp_path)), Leases(24 * HOUR), Sessions(2 * HOUR))


def events(*rows):
    for row in rows:
        row["time"] = NINE + timedelta(seconds=row.pop("at", 0))
    names = {"time", *(name for row in rows for name in row)}
    types = {"time": TIME, "action": ACTION, "kind": KIND}
    return pl.DataFrame(list(rows), schema={name: types.get(name, EVENT_SCHEMA[name]) for name in sorted(names)})


def known(who, **row):
    return who.add(events(row)).select(ADDED).row(0)


def leased(ip, mac, at, name=None, word="DHCPACK"):
    return {"kind": "lease", "client_ip": ip, "client_mac": mac, "host": name, "filter_reason": word, "at": at}


@pytest.mark.parametrize(
    ("row", "person", "group", "year"),
    [
        ({"user": "JSmith"}, "smith j", "pupils", "5"),
        ({"user": "boss", "user_domain": "SCHOOL"}, "boss", "staff", None),
        ({"user": "New Gov", "user_domain": "GOVERNORS"}, "new gov", "governors", None),
        ({"user": "21khan"}, "21khan", "pupils", None),
        ({"user": "supply1"}, "supply1", "staff", None),
        ({"user": "stranger"}, "stranger", "unknown", None),
        ({"user": "stranger", "client_ip": "10.10.1.1"}, "stranger", "pupils", None),
        ({"user": "open", "client_ip": "10.10.9.1"}, "open", "staff", "9"),
        ({"user": "boss", "client_ip": "10.10.1.1"}, "boss", "staff", None),
    ],
)
def test_an_authenticated_user_is_a_person_and_the_roster_comes_first(who, row, person, group, year):
    found = known(who, **row)
    assert found[:3] == (person, group, year)
    assert found[5] == "authenticated"


def test_a_name_that_was_only_tried_is_nobodys(who):
    found = known(who, user="jsmith", action="auth_required", client_ip="10.10.1.1")
    assert found == (None, "pupils", None, "10.10.1.1", "individual", "address")


def test_an_address_alone_tells_a_group_and_never_a_person(who):
    assert known(who, client_ip="10.10.1.1") == (None, "pupils", None, "10.10.1.1", "individual", "address")


def test_the_narrowest_range_counts_also_for_ipv6(who):
    assert known(who, client_ip="10.10.9.7")[1:3] == ("staff", "9")
    assert known(who, client_ip="fd00:1::5")[1] == "guests"


@pytest.mark.parametrize("ip", [None, "192.0.2.1", "no address", "::ffff:10.10.1.1"])
def test_what_nobody_knows_is_unknown_and_never_null(who, ip):
    assert known(who, client_ip=ip) == (None, "unknown", None, ip, None, "unknown")


def test_a_machine_account_is_a_device_and_no_person(who):
    assert known(who, user="LAB-PC$") == (None, "staff", None, "lab-pc", "desktop", "lease")
    assert known(who, user="host/lap7.school.lan") == (None, "unknown", None, "lap7", None, "unknown")


def test_a_hardware_address_in_the_line_is_a_device(who):
    found = known(who, client_ip="10.10.1.1", client_mac="00:00:00:00:00:01")
    assert found == (None, "pupils", "5", "trolley-12", "laptop", "lease")


def test_a_device_of_one_person_names_that_person(who):
    found = known(who, client_ip="10.10.1.1", client_mac="00:00:00:00:00:02")
    assert found == ("boss", "staff", None, "head-phone", "phone", "lease")


def test_a_device_without_people_leaves_the_group_to_the_range(who):
    found = known(who, client_ip="10.10.1.1", client_mac="00:00:00:00:00:03")
    assert found == (None, "pupils", None, "hall-projector", "projector", "address")


def test_an_address_is_the_device_that_had_it_at_the_time(who):
    ip = "10.10.1.1"
    out = who.add(
        events(
            {"client_ip": ip, "at": 0},
            leased(ip, "00:00:00:00:00:01", 10),
            {"client_ip": ip, "at": 10},
            {"client_ip": "10.10.1.2", "at": 10},
            {"client_ip": ip, "at": 20},
            leased(ip, "00:00:00:00:00:02", 30),
            {"client_ip": ip, "at": 30},
            {"client_ip": ip, "at": 29},
            leased(ip, None, 40, word="DHCPRELEASE"),
            {"client_ip": ip, "at": 41},
        )
    )
    trolley, head, bare = "trolley-12", "head-phone", "10.10.1.1"
    assert out["device"].to_list() == [
        bare, trolley, trolley, "10.10.1.2", trolley, head, head, trolley, bare, bare,
    ]  # fmt: skip
    assert out["identity"].to_list()[2] == "lease"
    assert out["person"].to_list()[6:8] == ["boss", None]


def test_a_lease_holds_in_later_batches_until_it_ends(who):
    ip, mac = "10.10.1.1", "00:00:00:00:00:01"
    who.add(events(leased(ip, mac, 0)))
    day = 24 * 3600
    out = who.add(events({"client_ip": ip, "at": 5}, {"client_ip": ip, "at": day - 1}, {"client_ip": ip, "at": day}))
    assert out["device"].to_list() == ["trolley-12", "trolley-12", ip]


def test_a_renewal_makes_a_lease_longer(who):
    ip, mac = "10.10.1.1", "00:00:00:00:00:01"
    day = 24 * 3600
    who.add(events(leased(ip, mac, 0), leased(ip, mac, day // 2)))
    assert who.add(events({"client_ip": ip, "at": day + 5}))["device"].to_list() == ["trolley-12"]


def test_a_lease_counts_at_the_start_of_a_request(who):
    ip = "10.10.1.1"
    who.add(events(leased(ip, "00:00:00:00:00:01", 0), leased(ip, "00:00:00:00:00:02", 60)))
    frame = events({"client_ip": ip, "at": 70}).with_columns(started=pl.lit(NINE + timedelta(seconds=30), TIME))
    assert who.add(frame)["device"].to_list() == ["trolley-12"]


def test_a_lease_of_an_unknown_device_gives_its_name_and_no_person(who):
    who.add(
        events(leased("10.10.1.1", "66:00:00:00:00:01", 0, "head-phone"), leased("10.10.1.2", "66:00:00:00:00:02", 0))
    )
    assert known(who, client_ip="10.10.1.1", at=1) == (None, "pupils", None, "head-phone", "individual", "address")
    assert known(who, client_ip="10.10.1.2", at=1)[3] == "66:00:00:00:00:02"


def test_an_offer_is_no_lease(who):
    who.add(events(leased("10.10.1.1", "00:00:00:00:00:01", 0, word="DHCPOFFER")))
    who.add(events(leased("10.10.1.1", "00:00:00:00:00:01", 0, word="DHCPNAK")))
    assert known(who, client_ip="10.10.1.1", at=1)[3] == "10.10.1.1"


def test_an_authenticated_pupil_on_a_known_device_has_the_class_of_the_device(who):
    found = known(who, user="jsmith", client_mac="00:00:00:00:00:03", client_ip="10.10.1.1")
    assert found == ("smith j", "pupils", "5", "hall-projector", "projector", "authenticated")


def test_answers_that_are_remembered_stay_bounded(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 10)
    one = Identity(People(), Register())
    who = Who(one, Leases(HOUR), Sessions(HOUR))
    ips = [f"10.0.0.{n}" for n in range(100)]
    out = who.add(events(*({"client_ip": ip} for ip in ips)))
    assert out["device"].to_list() == ips
    assert len(one._memory) <= 10


def test_an_empty_batch_is_no_error(who):
    assert who.add(pl.DataFrame(schema={"client_ip": pl.String, "time": TIME})).columns[-6:] == list(ADDED)
    assert who.add(pl.DataFrame({"time": [NINE]}))["group"].to_list() == ["unknown"]


@given(st.lists(st.tuples(*[st.text(max_size=12) | st.none()] * 4), max_size=8))
def test_no_name_or_address_raises(rows):
    who = Who(Identity(People.model_validate(SETTINGS), Register()), Leases(HOUR), Sessions(HOUR))
    names = ("user", "user_domain", "client_ip", "client_mac")
    out = who.add(pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))
    assert out["group"].null_count() == out["identity"].null_count() == 0


def logged(user, at, ip=None, mac=None, word="Accounting-Start", **more):
    return {"kind": "auth", "user": user, "client_ip": ip, "client_mac": mac, "filter_reason": word, "at": at, **more}


def asked(who, ip, at):
    return who.add(events({"client_ip": ip, "at": at})).select("person", "identity").row(0)


IP, MAC = "10.10.1.1", "66:00:00:00:00:01"
ANN = ("ann", "authenticated")
NOBODY = (None, "address")


def test_a_login_from_an_address_names_the_person_until_it_ends(who):
    who.add(events(logged("Ann", 0, IP, MAC)))
    who.add(events(logged("ann", 60, IP, MAC, "Accounting-Stop")))
    assert [asked(who, IP, at) for at in (-1, 0, 59, 60)] == [NOBODY, ANN, ANN, NOBODY]


def test_the_end_of_one_persons_login_is_not_the_end_of_the_nexts(who):
    who.add(events(logged("ann", 0, IP), logged("jsmith", 10, IP)))
    who.add(events(logged("ann", 12, IP, word="Accounting-Stop")))
    assert [asked(who, IP, at)[0] for at in (9, 10, 13)] == ["ann", "smith j", "smith j"]


def test_a_login_that_nothing_confirms_names_nobody_after_its_length(who):
    who.add(events(logged("ann", 0, IP), logged("ann", 3600, IP, word="Accounting-Interim-Update")))
    assert [asked(who, IP, at) for at in (7200, 10799, 10800)] == [ANN, ANN, NOBODY]


def test_two_who_both_go_on_at_one_address_are_nobody(who):
    who.add(
        events(logged("ann", 0, IP), logged("bob", 10, IP), logged("ann", 20, IP, word="Accounting-Interim-Update"))
    )
    assert [asked(who, IP, at)[0] for at in (9, 19, 20, 3600)] == ["ann", "bob", None, None]


def test_a_login_with_a_device_names_the_person_of_the_address_that_the_device_leased(who):
    who.add(events(logged("ann", 0, mac=MAC, word="Login OK", action="allowed"), leased(IP, MAC, 10)))
    who.add(events(leased(IP, "66:00:00:00:00:02", 60)))
    assert [asked(who, IP, at) for at in (9, 10, 59, 60)] == [NOBODY, ("ann", "lease"), ("ann", "lease"), NOBODY]


def test_an_accepted_login_without_a_word_counts_where_it_names_a_device(who):
    who.add(events(logged("ann", 0, IP, MAC, None, action="allowed"), logged("bob", 0, "10.10.1.2", None, None)))
    assert (asked(who, IP, 1), asked(who, "10.10.1.2", 1)) == (ANN, NOBODY)


@pytest.mark.parametrize("action", ["auth_required", "blocked", "error"])
def test_a_refused_login_names_nobody_there_and_later(who, action):
    out = who.add(events(logged("ann", 0, IP, MAC, "Login OK", action=action)))
    assert out["person"].to_list() == [None]
    assert asked(who, IP, 1) == NOBODY


@pytest.mark.parametrize("word", ["sshd publickey", "vpn login", "admin"])
def test_a_login_at_the_gateway_itself_names_nobody_who_browses(who, word):
    who.add(events(logged("root", 0, IP, MAC, word, action="allowed")))
    assert asked(who, IP, 1) == NOBODY


def test_a_logoff_without_an_address_ends_what_the_user_holds(who):
    who.add(events(logged("ann", 0, IP, word="logon 4624 type 3"), logged("bob", 0, "10.10.1.2", word="logon 4624")))
    who.add(events(logged("ann", 50, word="logoff 4634 type 2")))
    assert (asked(who, IP, 51), asked(who, "10.10.1.2", 51)[0]) == (NOBODY, "bob")


def test_a_machine_that_logs_in_is_no_person(who):
    who.add(events(logged("host/pc7.school.lan", 0, IP, MAC, "Login OK"), logged("PC7$", 1, IP, MAC, "logon 4624")))
    assert asked(who, IP, 2) == NOBODY


def test_the_vpn_pools_address_is_the_persons_until_they_leave(who):
    who.add(events(logged("ann", 0, "10.10.8.6", word="vpn address")))
    who.add(events(logged("ann", 50, "203.0.113.5", word="vpn disconnected")))
    assert [asked(who, "10.10.8.6", at) for at in (49, 50)] == [ANN, NOBODY]


def test_where_several_share_an_address_or_a_device_a_login_names_nobody(tmp_path):
    (tmp_path / "d.csv").write_text("mac,device,group,shared\n00:00:00:00:00:01,kiosk,pupils,yes\n")
    said = {"ranges": [{"net": "10.20.0.0/24", "group": "staff", "shared": True}], "devices": "d.csv"}
    people = People.model_validate(said)
    who = Who(Identity(people, load(people, tmp_path)), Leases(24 * HOUR), Sessions(2 * HOUR))
    who.add(events(logged("ann", 0, "10.20.0.1"), logged("ann", 0, mac="00:00:00:00:00:01", word="Login OK")))
    who.add(events(leased("10.30.0.1", "00:00:00:00:00:01", 0)))
    assert asked(who, "10.20.0.1", 1) == NOBODY
    assert asked(who, "10.30.0.1", 1) == (None, "lease")


AT = st.integers(0, 60)
SAID = st.one_of(
    st.builds(leased, st.sampled_from([IP, "10.10.1.2"]), st.sampled_from([MAC, MAC[:-1] + "2"]), AT),
    st.builds(
        lambda user, key, at, word: logged(user, at, *key, word),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from([(IP, None), (None, MAC), (IP, MAC), ("10.10.1.2", MAC[:-1] + "2")]),
        AT,
        st.sampled_from(["Accounting-Start", "Accounting-Interim-Update", "Accounting-Stop"]),
    ),
)


@given(st.lists(SAID, max_size=7), st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_answers_of_a_whole_batch_are_those_of_each_line_alone_whatever_came_late(said, order):
    def fresh():
        return Who(Identity(People(), Register()), Leases(HOUR), Sessions(HOUR))

    lines = [{"client_ip": ip, "at": at} for at in range(0, 70, 7) for ip in (IP, "10.10.1.2")]
    one, other = fresh(), fresh()
    for row in said:
        one.add(events(dict(row)))
    ties = {row["at"] for row in said}
    if len(ties) < len(said):
        return  # at one moment the order of arrival is all there is
    late = list(said)
    order.shuffle(late)
    for row in late:
        other.add(events(dict(row)))
    whole = one.add(events(*(dict(row) for row in lines))).select(ADDED)
    assert pl.concat(other.add(events(dict(row))).select(ADDED) for row in lines).equals(whole)
