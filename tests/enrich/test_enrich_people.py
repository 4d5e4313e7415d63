"""The roster and the devices are read, and every mistake in them is told with its place."""

import pytest

from filterwatch.config.document import parse, validate
from filterwatch.enrich import People
from filterwatch.enrich.people import Device, Person, load
from filterwatch.errors import ConfigurationError
from filterwatch.events import GROUPS


def register(tmp_path, roster=None, devices=None):
    names = {}
    for name, text in (("roster", roster), ("devices", devices)):
        if text is not None:
            (tmp_path / f"{name}.csv").write_text(text, "utf-8")
            names[name] = f"{name}.csv"
    return load(People.model_validate(names), tmp_path)


def mistakes(tmp_path, **files):
    with pytest.raises(ConfigurationError) as told:
        register(tmp_path, **files)
    return [line.removeprefix(f"{tmp_path}/") for line in str(told.value).splitlines()]


def test_a_roster_gives_person_group_year_and_employer(tmp_path):
    text = "user,person,group,year,employer\nJSmith,Smith J,pupils,5,\ncleaner1,,contractor,,Sparkle Ltd\n"
    found = register(tmp_path, text)
    assert found.user("jsmith", None) == Person("smith j", "pupils", "5")
    assert found.user("cleaner1", "school") == Person("cleaner1", "staff", None, "Sparkle Ltd")
    assert found.user("nobody", None) is None


def test_a_user_with_a_domain_is_known_in_that_domain_only(tmp_path):
    found = register(tmp_path, "user,person,group\nSCHOOL\\jones,,staff\njones@guests.example,visitor jones,guests\n")
    assert found.user("jones", "school").group == "staff"
    assert found.user("jones", "guests.example").group == "guests"
    assert found.user("jones", None) is None


def test_devices_are_known_by_hardware_address_or_else_by_name(tmp_path):
    text = "mac;name;device;class;group;year;person\n00-1A-2B-3C-4D-5E;trolley-12;;laptop;pupils;5;\n"
    text += ";Projector-Hall;hall;projector;;;\n"
    found = register(tmp_path, devices=text)
    assert found.device("00:1a:2b:3c:4d:5e", None) == Device("trolley-12", "laptop", "pupils", "5")
    assert found.device(None, "projector-hall") == Device("hall", "projector")


def test_a_name_does_not_stand_for_a_device_that_has_a_hardware_address_on_the_list(tmp_path):
    found = register(tmp_path, devices="mac,name,group\n00:1a:2b:3c:4d:5e,heads-laptop,staff\n")
    assert found.device("66:66:66:66:66:66", "heads-laptop") is None


def test_spreadsheets_marks_quotes_and_comments_are_read(tmp_path):
    text = '\ufeffUser,Person,Group\r\n# leavers below\r\n\r\n"o""brien","O\'Brien, K",staff\r\n'
    assert register(tmp_path, text).user('o"brien', None) == Person("o'brien, k", "staff")


def test_every_mistake_of_both_files_is_told_at_once_with_line_and_column(tmp_path):
    roster = 'user,persn,group\njones,Jones,pupills\n,Nobody,staff\njones,Jones,staff\n"a,b",x,staff,extra\n'
    devices = "mac,group\n00:1a,pupils\n,pupils\n"
    assert mistakes(tmp_path, roster=roster, devices=devices) == [
        "devices.csv:2:1: mac: is no hardware address, found '00:1a'; write it as 00:1a:2b:3c:4d:5e",
        "devices.csv:3:1: a device needs a mac or a name; fill one in",
        "roster.csv:1:6: unknown column 'persn'; did you mean 'person'?",
        f"roster.csv:2:13: group: is unknown, found 'pupills'; use one of {', '.join(GROUPS)}",
        "roster.csv:3:1: user: is empty; write the name that the proxy logs",
        "roster.csv:4:1: user: is on the roster twice; remove one row",
        "roster.csv:4:13: group: differs from an earlier row of the same person, found 'staff'",
        "roster.csv:5:15: 4 values for 3 columns; quote a value that holds ','",
    ]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (
            b"",
            "roster.csv:1:1: the file is empty; its first line names the columns: user, person, group, year, employer",
        ),
        (b"user\nj\xf6rg\n", "roster.csv:2:2: not UTF-8; save the file as CSV UTF-8"),
        (b"user,user\n", "roster.csv:1:6: column 'user' is given twice; remove one"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, raw, told):
    (tmp_path / "roster.csv").write_bytes(raw)
    with pytest.raises(ConfigurationError) as error:
        load(People.model_validate({"roster": "roster.csv"}), tmp_path)
    assert str(error.value).removeprefix(f"{tmp_path}/") == told


def test_a_file_that_is_not_there_is_told_by_name(tmp_path):
    with pytest.raises(ConfigurationError, match=r"roster\.csv: cannot be read: No such file"):
        load(People.model_validate({"roster": "roster.csv"}), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ranges: [{net: 10.10.0.1/16}]",
            "ranges.0.net: the address has bits behind the length; did you mean 10.10.0.0/16?",
        ),
        ("ranges: [{net: here}]", "write a network as address/length"),
        ("ranges: [{net: 10.0.0.0/8}, {net: 10.0.0.0/8}]", "the range 10.0.0.0/8 is given twice"),
        ("ranges: [{net: 10.0.0.0/8, group: pupil}]", "ranges.0.group"),
        ("patterns: [{user: '(?=x)', group: pupils}]", "no regular expression of RE2"),
        ("patterns: [{user: '(x', group: pupils}]", "missing )"),
        ("lease_length: 0s", "lease_length"),
        ("lease_length: 24", "write a duration with its unit"),
        ("rooster: x.csv", "did you mean 'roster'"),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_its_place(text, message):
    with pytest.raises(ConfigurationError, match=r"c\.yaml:1:\d+: ") as told:
        validate(parse(text, "c.yaml"), People)
    assert message in str(told.value)
