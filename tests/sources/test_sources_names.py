"""Names of rotated logs and the settings of a source."""

from pathlib import Path
from textwrap import dedent

import pytest
from following import Daemon, a_clock

from filterwatch import config
from filterwatch.errors import ConfigurationError
from filterwatch.sources import FileSource, Settings
from filterwatch.sources.names import readings, stripped


@pytest.mark.parametrize(
    ("name", "base", "mark", "compression"),
    [
        ("access.log", "access.log", "", None),
        ("access.log.1", "access.log", ".1", None),
        ("access.log.14.gz", "access.log", ".14", "gzip"),
        ("access.log-20261122", "access.log", "-20261122", None),
        ("access.log-20261122.xz", "access.log", "-20261122", "xz"),
        ("access.log-2026112203", "access.log", "-2026112203", None),
        ("access.log-20261122-0300.zst", "access.log", "-20261122-0300", "zstd"),
        ("access.log.2026-11-22", "access.log", ".2026-11-22", None),
        ("access.log.2026-11-22_03-00", "access.log", ".2026-11-22_03-00", None),
        ("access.log-1795166102.bz2", "access.log", "-1795166102", "bzip2"),
        ("access.log-202611", "access.log", "-202611", None),
        ("access.log-20261122.1.gz", "access.log", "-20261122.1", "gzip"),
        ("access.log.old", "access.log", ".old", None),
        ("access-20261122.log", "access.log", "-20261122", None),
        ("access.3.log.gz", "access.log", ".3", "gzip"),
        ("access-2026-11-22.log", "access.log", "-2026-11-22", None),
        ("access.log.gz", "access.log", "", "gzip"),
        ("messages-20261122", "messages", "-20261122", None),
        ("192.168.1.10", "192.168.1.10", "", None),
        ("proxy8080.log", "proxy8080.log", "", None),
        (".gz", ".gz", "", None),
        ("access.log.1234", "access.log.1234", "", None),
    ],
)
def test_what_rotation_adds_to_a_name_is_taken_away(name, base, mark, compression):
    parts = stripped(name)

    assert (parts.base, parts.mark, parts.compression) == (base, mark, compression)
    assert next(iter(readings(name))).mark == ""


def rotated_names(tmp_path, names, pattern="access.log") -> list[str]:
    """Return the order in which a source reads files of these names."""
    for name in names:
        (tmp_path / name).write_bytes(name.encode() + b"\n")
    daemon = Daemon(tmp_path / pattern, start="history")
    return [text.decode() for text in daemon.poll()]


@pytest.mark.parametrize(
    "names",
    [
        ["access.log.10", "access.log.9", "access.log.2", "access.log.1", "access.log.0", "access.log"],
        ["access.log-20251231", "access.log-20260101", "access.log-20261122", "access.log"],
        ["access.log-20261121-2300", "access.log-20261122", "access.log-20261122-0100", "access.log"],
        ["access.log.old", "access.log"],
    ],
)
def test_rotated_logs_are_read_oldest_first_by_name_even_when_their_times_say_otherwise(tmp_path, names):
    assert rotated_names(tmp_path, list(reversed(names))) == names


def test_where_names_do_not_compare_the_last_write_decides(tmp_path):
    names = ["access.log.1", "access.log-20261122", "access.log"]

    assert rotated_names(tmp_path, names) == names


def test_other_logs_in_the_same_directory_are_left_alone(tmp_path):
    names = ["access.log", "access.log.bak", "access.logs", "cache.log", "xaccess.log", "access.log.1.tmp", "access"]

    assert rotated_names(tmp_path, names) == ["access.log"]


def test_a_pattern_in_the_directory_follows_each_one(tmp_path):
    for host in ("a", "b"):
        (tmp_path / host).mkdir()
        (tmp_path / host / "squid.log").write_bytes(host.encode() + b"\n")
        (tmp_path / host / "squid.log.1").write_bytes(host.encode() + b"1\n")
    daemon = Daemon(str(tmp_path / "*" / "squid.log"), start="history")

    assert sorted(daemon.poll()) == [b"a", b"a1", b"b", b"b1"]


def test_a_name_that_is_no_text_is_followed_too(tmp_path):
    name = b"acc\xff\xfe.log"
    log = tmp_path / name.decode(errors="surrogateescape")
    log.write_bytes(b"1\n")
    daemon = Daemon(str(tmp_path / "acc*.log"))

    assert daemon.poll() == [b"1"]
    daemon.restart()
    assert daemon.poll() == []


def mistakes(tmp_path: Path, text: str) -> list[str]:
    """Return what is wrong with a source section."""
    path = tmp_path / "filterwatch.yaml"
    path.write_text(dedent(text))
    with pytest.raises(ConfigurationError) as error:
        config.validate(config.read(path), Settings)
    return [str(one).removeprefix(f"{path}:") for one in error.value.mistakes]


def test_a_wrong_source_section_is_told_line_by_line(tmp_path):
    assert mistakes(
        tmp_path,
        """\
        name: Squid
        format: squid
        path: ["", /var/log/squid/, /var/log/**/x.log]
        zone: Europe/Londn
        start: now
        rotate_wait: 500ms
        max_line_bytes: 10
        fromstart: true
        """,
    ) == [
        r"1:7: name: string should match pattern '^[a-z0-9][a-z0-9_.-]{0,63}$', found 'Squid'",
        "3:7: path: name a file or a pattern such as /var/log/squid/access.log, found ''",
        "4:7: zone: invalid timezone: Europe/Londn, found 'Europe/Londn'",
        "5:8: start: input should be 'beginning', 'end' or 'history', found 'now'",
        "6:14: rotate_wait: must be at least 1s; 60s is what a filter needs to reopen its log, found '500ms'",
        "7:17: max_line_bytes: input should be greater than or equal to 256, found 10",
        "8:1: unknown key 'fromstart'; did you mean 'start'?",
    ]


def test_a_compressed_log_cannot_be_the_live_one(tmp_path):
    [mistake] = mistakes(tmp_path, "name: s\nformat: squid\npath: /var/log/access.log.1.gz\n")

    assert "its compressed siblings are found by themselves" in mistake


def test_a_relative_path_starts_from_the_configuration(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_bytes(b"1\n")
    settings = Settings.model_validate({"name": "s", "format": "f", "path": "logs/a.log"})
    source = FileSource(settings, [], a_clock(), base=tmp_path)
    source.read()

    assert source.read().data == b"1\n"
    assert source.directories() == [str(tmp_path / "logs")]


def test_every_key_says_what_it_is_for():
    assert [name for name, info in Settings.model_fields.items() if not info.description] == []
