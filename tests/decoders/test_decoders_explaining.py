"""``decode --explain``: how each line is read, without anything that a line must not show."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from decoding import LONDON, OPTIONS, SEEDS, batch
from typer.testing import CliRunner

from filterwatch.cli import decode
from filterwatch.decoders import explaining, make, names
from filterwatch.decoders.explaining import Explained

FORTIGATE = (
    b'date=2026-11-20 time=10:14:22 devname="gw" devid="FGT60F0000000001" eventtime=1795169662123456 tz="+0000" '
    b'logid="0316013056" type="utm" subtype="webfilter" srcip=10.20.4.17 action="blocked" hostname="casino.example" '
    b'url="/slots?password=hunter2" catdesc="Gambling" vd="root"'
)


def explained(name: str, *lines: bytes, **options: object) -> list[Explained]:
    return list(explaining.explain(batch(lines), name, options, LONDON, 100))


def test_a_mapped_line_shows_which_key_fed_which_column_and_what_was_dropped() -> None:
    one = explained("fortigate", FORTIGATE)[0]

    fed = {fed.column: (fed.key, fed.conversion) for fed in one.fed}
    assert fed["client_ip"] == ("srcip", "address")
    assert fed["filter_category"][0] == "catdesc"
    assert "keyvalue" in one.family
    assert ("vd", "root") in (one.dropped or ())
    assert not {"srcip", "action", "subtype", "hostname"} & {key for key, _ in one.dropped or ()}
    assert "action=blocked means blocked" in (one.verdict or "")
    assert "subtype" in (one.record or "")
    assert one.answer == "event"


def test_a_line_of_a_grammar_shows_its_envelope_and_what_was_assumed_of_its_time() -> None:
    one = explained("dnsmasq", b"Nov 22 02:02:21 gw dnsmasq[17]: query[A] x.test from 10.0.0.7")[0]

    assert one.envelope == {"stamp": "Nov 22 02:02:21", "host": "gw", "program": "dnsmasq", "pid": "17"}
    assert "no year and no zone in the line" in one.time
    assert "Europe/London" in one.time
    assert (one.path, one.dropped) == ("fast", None)


def test_a_line_that_is_no_event_says_why() -> None:
    assert explained("squid", b"nonsense")[0].answer.startswith("rejected: squid: expected")


def test_credentials_are_shown_nowhere() -> None:
    texts = [text for one in explained("fortigate", FORTIGATE) for _, text in explaining.text_of(one)]

    assert not [text for text in texts if "hunter2" in text]


@pytest.mark.parametrize("name", [name for name in names() if name in SEEDS])
def test_every_event_of_every_format_is_explained_as_it_is_decoded(name: str) -> None:
    lines, options = SEEDS[name][:12], OPTIONS.get(name, {})
    whole = make(name, options, zone=LONDON).decode(batch(lines))

    found = explained(name, *lines, **options)

    assert [one.number - 1 for one in found if one.answer == "event"] == whole.events["line"].to_list()
    for one, row in zip([one for one in found if one.fed], whole.events.drop("line").to_dicts(), strict=True):
        columns = {fed.column for fed in one.fed if fed.value is not None}
        assert columns == {column for column, value in row.items() if value is not None}


def test_hostile_text_reaches_the_terminal_only_through_its_encoder(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(FORTIGATE.replace(b"Gambling", b"\x1b]0;x\x07\xe2\x80\xae") + b"\n")
    app = typer.Typer()
    app.callback()(lambda: None)
    decode.register(app)

    result = CliRunner().invoke(app, ["decode", "--explain", "--format", "fortigate", str(log)], catch_exceptions=False)

    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output
    assert "\\x1b" in result.output


def test_no_more_lines_are_shown_than_asked_for(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"nonsense\n" * 50)
    app = typer.Typer()
    app.callback()(lambda: None)
    decode.register(app)

    result = CliRunner().invoke(app, ["decode", "--explain", "--limit", "3", "--format", "squid", str(log)])

    assert result.output.count("rejected: ") == 3
