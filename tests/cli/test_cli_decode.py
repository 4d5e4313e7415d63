from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from filterwatch.cli import decode
from filterwatch.errors import FilterwatchError

LINE = b"1795312249.195      0 10.0.0.7 TCP_DENIED/403 3508 GET http://www.blocked.test/x - HIER_NONE/- text/html\n"
DNS = b"Nov 22 02:02:24 dnsmasq[811]: query[A] x.test from 10.0.0.7\n"


def run(*arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output(*arguments).splitlines()]


def output(*arguments: str) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    decode.register(app)
    result = CliRunner().invoke(app, ["decode", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout_bytes.decode()


def test_every_line_gets_one_object_with_its_number(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(LINE + b"nonsense\n" + b"# comment\n" + LINE.rstrip(b"\n"))

    answers = run("--format", "squid", str(log))

    assert [answer["line"] for answer in answers] == [1, 2, 3, 4]
    assert answers[0] == answers[3] | {"line": 1}
    assert answers[0]["event"] == {
        "time": "2026-11-22T01:50:49.195Z", "kind": "http", "client_ip": "10.0.0.7", "host": "www.blocked.test",
        "url": "http://www.blocked.test/x", "method": "GET", "status": 403, "action": "blocked", "bytes_in": 3508,
        "duration_ms": 0, "filter_reason": "TCP_DENIED", "mime_type": "text/html",
    }  # fmt: skip
    assert answers[1] == {"line": 2, "rejected": "squid: expected 'time.ms elapsed client RESULT/status'"}
    assert answers[2] == {"line": 3, "skipped": "a comment"}


def test_the_format_is_found_out_for_each_file_and_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LINE * 3)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(DNS * 3))
    files = [str(tmp_path / name) for name in ("a.log", "b.log.gz")]

    answers = run(*files)

    assert [(answer["file"], answer["line"]) for answer in answers] == [(file, n) for file in files for n in (1, 2, 3)]
    assert {answer["event"]["kind"] for answer in answers[3:]} == {"dns"}  # type: ignore[index]


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.log").touch()

    assert run(str(tmp_path / "a.log")) == []


def test_options_are_read_as_in_the_configuration(tmp_path: Path) -> None:
    log = tmp_path / "ulog"
    log.write_bytes(b"Nov 22 02:00:00 gw kernel: GUEST IN=eth0 OUT= SRC=10.0.0.7 DST=192.0.2.1\n")

    answer = run(
        "--format", "netfilter", "--option", "zone=Europe/Paris", "--option", "year=2024",
        "--option", 'prefixes={"GUEST": blocked}', str(log),
    )[0]  # fmt: skip

    assert answer["event"]["time"] == "2024-11-22T01:00:00Z"  # type: ignore[index]
    assert answer["event"]["action"] == "blocked"  # type: ignore[index]


def test_whatever_bytes_come_the_output_is_json(tmp_path: Path) -> None:
    nasty = bytes(range(256)).replace(b"\n", b"").replace(b" ", b"")
    text = b'"},{"event":null,"x":null,\\"a\\":null' + "\u2028\u202e\x9b\U0001f600\ufdd0".encode()
    log = tmp_path / "access.log"
    log.write_bytes(
        b"".join(LINE.replace(b"/x", b"/" + piece) for piece in (nasty, text, b'","url":null')) + nasty + b"\n"
    )

    answers = run("--format", "squid", str(log))

    assert len(answers) == 4
    assert not {"\u2028", "\u202e", "\x9b", "\x7f"} & set(output("--format", "squid", str(log)))
    assert answers[1]["event"]["url"] == "http://www.blocked.test/" + text.decode()  # type: ignore[index]
    assert answers[2]["event"]["url"] == 'http://www.blocked.test/","url":null'  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "sqid"], "unknown format 'sqid'; did you mean 'squid'?"),
        ([], "cannot tell the format; no format reads its lines; name it with --format (docs/formats.md has all "),
        (["--format", "squid", "--option", "zone"], "--option zone: expected NAME=VALUE"),
        (["--format", "squid", "--option", "colour=red"], "unknown key 'colour'"),
        (["--formats", "/nowhere"], "/nowhere: there is no such folder"),
    ],
)
def test_a_mistake_is_named(arguments: list[str], message: str, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"nobody knows\n")

    with pytest.raises(FilterwatchError) as raised:
        run(*arguments, str(log))

    assert message in str(raised.value)


def test_standard_input_is_read_and_a_mistake_ends_with_2() -> None:
    def filterwatch(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "filterwatch", "decode", *arguments]
        return subprocess.run(command, input=LINE, capture_output=True, check=False, timeout=60)

    good, bad = filterwatch("--format", "squid", "-"), filterwatch("--format", "sqid", "-")

    assert (good.returncode, json.loads(good.stdout)["line"], good.stderr) == (0, 1, b"")
    assert (bad.returncode, bad.stdout) == (2, b"")
    assert bad.stderr == b"unknown format 'sqid'; did you mean 'squid'?\n"
