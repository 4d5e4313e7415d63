"""A school's own format: one YAML file in a folder, and the package is not touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from filterwatch.cli import make_app
from filterwatch.decoders import add, catalogue
from filterwatch.errors import ConfigurationError

ACME = """
format: acme
title: Acme School Gate 9
claims: '^ACME9;'
shapes:
  - {family: delimited, separator: ";", columns: [mark, when, zone, who, from, verdict, site, path, size, why]}
time:
  - {from: when, as: "%d.%m.%Y %H.%M.%S", zone: zone}
kind: http
fields:
  client: from
  user: who
  host: site
  url: {from: path, host: site}
  bytes_in: size
  filter_category: why
action:
  steps:
    - {from: verdict, words: {blocked: [STOP*], allowed: [GO]}}
  otherwise: unknown
records:
  - when: {verdict: [PING]}
    skip: a sign of life
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    own = tmp_path / "formats"
    own.mkdir()
    yield own
    catalogue._own.clear()


def test_a_format_of_ones_own_is_read_and_found_out(folder: Path, tmp_path: Path) -> None:
    (folder / "acme.yaml").write_text(ACME)
    log = tmp_path / "gate.log"
    log.write_text(
        "ACME9;20.11.2026 10.14.22;+0100;SCHOOL\\sam;10.0.0.7:4000;STOPPED;casino.example;/slots;0;gambling\n"
        "ACME9;20.11.2026 10.14.23;+0100;-;10.0.0.8:4000;GO;www.school.example;/home;712;\n"
        "ACME9;20.11.2026 10.14.24;+0100;-;10.0.0.8:4000;PING;;;;\n"
        "ACME9;yesterday;;;;;;;;\n"
        "something else\n"
    )

    done = CliRunner().invoke(make_app(), ["decode", "--formats", str(folder), str(log)])

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0, done.output
    assert answers[0]["event"] == {
        "time": "2026-11-20T09:14:22Z",
        "kind": "http",
        "client_ip": "10.0.0.7",
        "client_port": 4000,
        "user": "sam",
        "user_domain": "SCHOOL",
        "host": "casino.example",
        "url": "http://casino.example/slots",
        "action": "blocked",
        "bytes_in": 0,
        "filter_category": "gambling",
    }
    assert answers[1]["event"]["action"] == "allowed"
    assert answers[2]["skipped"] == "a sign of life"
    assert answers[4]["rejected"] == "acme: none of the shapes of Acme School Gate 9"


def test_all_mistakes_of_a_field_map_are_named_with_their_places(folder: Path) -> None:
    (folder / "bad.yaml").write_text(
        ACME.replace("host: site\n", "hots: site\n", 1)
        .replace("family: delimited", "family: delimted")
        .replace('"%d.%m.%Y %H.%M.%S"', "yesterday")
        .replace("'^ACME9;'", "'(ACME9'")
    )
    (folder / "squid.yaml").write_text(ACME.replace("format: acme", "format: squid"))

    with pytest.raises(ConfigurationError) as raised:
        add(folder)

    said = str(raised.value)
    assert f"{folder}/bad.yaml:13:9: fields.hots" in said, said
    assert "no event column" in said
    assert "no regular expression (unclosed group)" in said
    assert "no way to write a time" in said
    assert "format 'squid' exists already" in said
