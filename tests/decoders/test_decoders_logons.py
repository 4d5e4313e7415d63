"""Logons that somebody exported from Windows: by the columns the source names."""

import pytest
from decoding import decode, event

from filterwatch.errors import ConfigurationError

ROW = '"2026-11-22T01:00:00Z","{id}","{user}","SCHOOL","{ip}","51000","{type}","DC1"'


def row(id_="4624", user="ann", ip="10.0.0.5", type_="3"):
    return ROW.format(id=id_, user=user, ip=ip, type=type_).encode()


@pytest.mark.parametrize("user", ["-", "SYSTEM", "ANONYMOUS LOGON", "DWM-1", "umfd-0", "PC5$", ""])
def test_services_and_machines_are_no_persons(user):
    assert len(decode("windows_logons", row(user=user)).skipped) == 1


@pytest.mark.parametrize(("id_", "type_", "told"), [("4634", "3", False), ("4634", "2", True), ("4647", "2", True)])
def test_the_end_of_a_network_logon_says_nothing(id_, type_, told):
    assert len(decode("windows_logons", row(id_=id_, type_=type_)).events) == told


@pytest.mark.parametrize("ip", ["-", "::1", "127.0.0.1", ""])
def test_the_server_itself_is_nobodys_place(ip):
    assert "client_ip" not in event("windows_logons", row(ip=ip))


@pytest.mark.parametrize(
    ("text", "order", "time"),
    [
        ("05/02/2026 09:00:01", "dmy", (2, 5, 9)),
        ("5/2/2026 9:00:01 PM", "mdy", (5, 2, 20)),
        ("5/2/2026 12:00:01 AM", "mdy", (5, 1, 23)),
        ("2026-02-05T09:00:01.1234567Z", "mdy", (2, 5, 9)),
    ],
)
def test_dates_are_read_in_the_order_the_source_names(text, order, time):
    columns = ["Id", "TimeCreated", "TargetUserName"]
    found = event("windows_logons", f"4768,{text},ann".encode(), columns=columns, date_order=order)
    assert (found["time"].month, found["time"].day, found["time"].hour) == time


def test_a_head_with_other_columns_is_refused():
    decoded = decode("windows_logons", b'"Id","TimeCreated","TargetUserName"', b"#TYPE Selected", row())
    assert decoded.rejected["why"].to_list() == [
        "windows_logons: the head names other columns than the option 'columns'"
    ]
    assert (len(decoded.skipped), len(decoded.events)) == (1, 1)


def test_columns_without_a_time_are_a_mistake():
    with pytest.raises(ConfigurationError, match="it lacks TimeCreated"):
        decode("windows_logons", columns=["Id", "TargetUserName"])
