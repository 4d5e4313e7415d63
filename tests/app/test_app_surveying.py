"""``filterwatch doctor FOLDER``: the section that fits a folder of logs, whatever else lies in it."""

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from filterwatch import decoders, sources
from filterwatch.app.proposing import WIDTH, proposed, section
from filterwatch.app.starting import find_logs
from filterwatch.app.surveying import MOST, Log, survey
from filterwatch.cli import FINDINGS, main, make_app
from filterwatch.config import Document, validate
from filterwatch.config.document import parse

LONDON = ZoneInfo("Europe/London")
SQUID = (
    "1795311995.403      7 127.0.0.1 TCP_MISS/200 812 GET http://www.bbc.test/{} - HIER_DIRECT/192.0.2.1 text/html\n"
)
DNS = "Nov 22 01:50:{:02} dnsmasq[31]: query[A] www.bbc.test from 10.1.2.3\n"
GUARDIAN = (
    "2026.11.22 02:01:{:02} - 10.1.2.3 http://www.bbc.test/ *SCANNED*  GET 812 0 "
    "news 1 200 text/html pc filter1 - - -\n"
)
FIREWALL = (
    "Nov 22 01:50:{:02} gw kernel: [12.3] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=10.1.2.3 DST=192.0.2.9 LEN=60 TOS=0x00"
    " PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=41000 DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0\n"
)
OWN = "logformat school %ts %>a %Ss/%03>Hs %rm %ru\naccess_log daemon:/var/log/squid/school.log school\n"


@pytest.fixture
def logs(tmp_path) -> Path:
    folder = tmp_path / "root" / "var" / "log"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, line: str, count: int = 40) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line.format(n) for n in range(count)))
    return path


def seen(folder: Path, root: Path = Path("/nowhere")) -> dict[str, Log]:
    return {str(log.path.relative_to(folder)): log for log in survey([folder], LONDON, root)}


def entries(logs: list[Log], root: Path = Path("/")) -> list[sources.Settings]:
    """Return the proposed section as the configuration would read it; every option fits its format."""
    found = parse(section(proposed(logs, root)), "section").data["sources"]
    read = [validate(Document("section", one), sources.Settings) for one in found]
    for one in read:
        decoders.make(one.format, one.options, zone=LONDON)
    return read


def test_rotated_and_compressed_siblings_are_one_source(logs):
    live = write(logs / "squid" / "access.log", SQUID)
    write(logs / "squid" / "access.log.1", SQUID)
    (logs / "squid" / "access.log.2.gz").write_bytes(gzip.compress(live.read_bytes()))

    found = seen(logs)

    assert list(found) == ["squid/access.log"]
    log = found["squid/access.log"]
    assert (log.siblings, log.format, log.lines, log.read) == (2, "squid", 40, 1.0)
    assert log.newest == datetime(2026, 11, 22, 1, 46, 35, 403_000, UTC)


def test_a_log_of_which_only_compressed_siblings_are_left_is_told_by_the_newest(logs):
    (logs / "access.log.1.gz").write_bytes(gzip.compress(SQUID.format(1).encode() * 9))

    assert seen(logs)["access.log"].format == "squid"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty, or its first line is not finished"),
        (b"no line end", "empty, or its first line is not finished"),
        (b"\0" * 4000 + b"\n", "binary"),
        (bytes(range(256)) * 40 + b"\n", "binary"),
        (b"SQLite format 3\0" + b"x\n" * 99, "a database"),
    ],
)
def test_what_is_no_log_of_text_is_named_and_passed_over(logs, content, why):
    (logs / "thing").write_bytes(content)

    log = seen(logs)["thing"]

    assert (log.passed, log.why, log.format) == (True, why, None)
    assert proposed([log]) == []


def test_links_pipes_and_deep_folders_are_left_alone(logs):
    write(logs / "squid" / "access.log", SQUID)
    (logs / "link.log").symlink_to(logs / "squid" / "access.log")
    (logs / "round").symlink_to(logs, target_is_directory=True)
    os.mkfifo(logs / "pipe.log")
    write(logs / "a/b/c/d/e/f/g/h/deep.log", SQUID)

    assert list(seen(logs)) == ["squid/access.log"]


def test_a_mixed_log_gives_a_source_for_each_format_it_holds(logs):
    mixed = "".join(DNS.format(n) + FIREWALL.format(n) for n in range(20))
    mixed += "Nov 22 01:51:00 gw systemd[1]: Stopped squid.service - Squid Web Proxy Server.\n"
    (logs / "syslog").write_text(mixed)

    log = seen(logs)["syslog"]

    assert log.format is None
    assert set(log.held) == {"dnsmasq", "netfilter", "filter_events"}
    assert 0.4 < log.held["dnsmasq"] < 0.6
    assert {(one.name, one.format) for one in entries([log])} == {
        ("dnsmasq", "dnsmasq"), ("netfilter", "netfilter"), ("system", "filter_events"),
    }  # fmt: skip


def test_a_source_that_is_proposed_of_a_mixed_log_rejects_no_line_of_the_others(logs):
    mixed = "".join(DNS.replace("dnsmasq", "gw dnsmasq").format(n) + FIREWALL.format(n) for n in range(20))
    for program in ("sshd[99]", "CRON[1211]", "systemd[1]", "squid[77]", "snapd[3]", "haproxy[4]"):
        mixed += f"Nov 22 01:51:00 gw {program}: something that means nothing to a filter\n"
    (logs / "syslog").write_text(mixed)
    [lines] = sources.read_files([logs / "syslog"])

    for one in entries([seen(logs)["syslog"]]):
        decoded = decoders.make(one.format, one.options, zone=LONDON).decode(lines)
        assert decoded.rejected["why"].to_list() == []


def test_squid_stands_behind_the_filter_in_front_of_it(logs):
    write(logs / "squid" / "access.log", SQUID)
    write(logs / "e2guardian" / "access.log", GUARDIAN)

    found = {one.name: one for one in entries(list(survey([logs], LONDON, Path("/nowhere"))))}

    assert found["squid"].behind == found["e2guardian"].name
    assert found["e2guardian"].behind is None


def test_the_filters_own_configuration_tells_formats_that_lines_do_not(logs):
    root = logs.parents[1]
    (root / "etc" / "squid").mkdir(parents=True)
    (root / "etc" / "squid" / "squid.conf").write_text(OWN)
    write(logs / "squid" / "school.log", "1795311995 10.1.2.3 TCP_MISS/200 GET http://www.bbc.test/{}\n")

    found = seen(logs, root)["squid/school.log"]

    assert (found.format, found.read) == ("squid_custom", 1.0)
    one = entries([found], root)[0]
    assert one.options == {"logformat": "%ts %>a %Ss/%03>Hs %rm %ru"}
    assert one.path == ("/var/log/squid/school.log",)
    assert [(log.format, log.options, log.path) for log in find_logs(root)] == [
        ("squid_custom", one.options, "/var/log/squid/school.log")
    ]


def test_a_configuration_that_does_not_fit_the_lines_is_not_believed(logs):
    root = logs.parents[1]
    (root / "etc" / "squid").mkdir(parents=True)
    (root / "etc" / "squid" / "squid.conf").write_text(OWN)
    write(logs / "squid" / "school.log", "something else altogether {}\n")

    assert seen(logs, root)["squid/school.log"].format is None


def test_times_that_only_fit_another_zone_name_it(logs):
    path = write(logs / "dns.log", "Jul 22 01:50:{:02} dnsmasq[31]: query[A] www.bbc.test from 10.1.2.3\n")
    written = datetime(2026, 7, 22, 1, 50, 40, tzinfo=UTC).timestamp()
    os.utime(path, (written, written))

    assert seen(logs)["dns.log"].zone == "UTC"

    os.utime(path, (written - 3600, written - 3600))
    assert seen(logs)["dns.log"].zone is None


@pytest.mark.parametrize("name", ["a\nb.log", "\x1b[2J.log", "é.log", "a: b #.log", "[x].log", "'q\".log"])
def test_a_hostile_name_breaks_neither_terminal_nor_section(logs, name):
    write(logs / name, SQUID)

    done = CliRunner().invoke(make_app(), ["doctor", str(logs)])

    assert done.exit_code in (0, FINDINGS), done.output
    assert "\x1b" not in done.output
    assert max(len(line) for line in done.output.splitlines() if "path:" not in line) <= WIDTH
    if name.isascii() and name.isprintable():
        assert len(entries(list(survey([logs], LONDON)))) == 1
    else:
        assert "not proposed" in done.output


def test_too_many_logs_are_said_to_be_too_many(logs, monkeypatch, capsys):
    for number in range(MOST + 1):
        (logs / f"log{'x' * number}").touch() if number < 200 else (logs / f"n{'x' * (number - 200)}").touch()
    monkeypatch.setattr("sys.argv", ["filterwatch", "doctor", str(logs)])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert f"are more than the {MOST} that are looked at" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_wrong_use(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["filterwatch", "doctor", str(tmp_path / "none")])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "there is no such folder" in capsys.readouterr().err


def test_a_folder_without_any_log_is_a_finding(tmp_path):
    done = CliRunner().invoke(make_app(), ["doctor", str(tmp_path)])

    assert done.exit_code == FINDINGS
    assert "No log was found that filterwatch can follow." in done.output
