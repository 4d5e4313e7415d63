from __future__ import annotations

from pathlib import Path

import pytest
from decoding import LONDON, SEEDS, decode

from filterwatch import decoders
from filterwatch.config import read
from filterwatch.decoders import UnknownFormat, detect, formats, make, names
from filterwatch.errors import ConfigurationError


def test_a_format_nobody_knows_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownFormat) as raised:
        make("sqid", {}, zone=LONDON)

    assert str(raised.value) == "unknown format 'sqid'; did you mean 'squid'?"


def test_a_format_like_no_other_is_answered_with_where_all_are() -> None:
    with pytest.raises(UnknownFormat) as raised:
        make("xyz", {}, zone=LONDON)

    assert str(raised.value) == f"unknown format 'xyz'; docs/formats.md has all {len(names())}"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("squid", {"prefixes": {}}, "squid:1:1: unknown key 'prefixes'; known here: journal, year, zone"),
        ("netfilter", {"zone": "Mars/Base"}, "no such time zone; write it as in Europe/London, found 'Mars/Base'"),
        ("netfilter", {"prefixes": {"X": "deny"}}, "input should be 'allowed', 'blocked'"),
        ("dnsmasq", {"sinks": ["blockpage"]}, "no IP address, found 'blockpage'"),
        ("dnsmasq", {"year": 20}, "year: input should be greater than or equal to 1970, found 20"),
    ],
)
def test_a_wrong_option_is_named(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make(name, options, zone=LONDON)

    assert message in str(raised.value)


@pytest.mark.parametrize("name", [name for name, one in formats().items() if one.claims])
def test_a_format_is_found_out_by_its_lines(name: str) -> None:
    bad = set(decode(name, *SEEDS[name]).rejected["line"])  # a sample of few lines shows one that is none, too
    lines = [line for index, line in enumerate(SEEDS[name]) if index not in bad]

    assert detect(lines) == name


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"", b""],
        [b"hello", b"world"],
        [b"Nov 22 02:04:41 gw CRON[9]: session opened"] * 20,
        SEEDS["squid"] + SEEDS["dnsmasq"],
        SEEDS["netfilter"][:3] + SEEDS["dnsmasq"][:3],
        [b"\xff\x00\x01" * 20] * 9,
        [b'192.0.2.9 - - [22/Nov/2026:01:50:49 +0000] "GET /index.html HTTP/1.1" 200 847 "-" "curl/7.88.1"'] * 9,
        [b"1795312931.501 0 10.0.0.7 TCP_DENIED/403 0 GET http://x.test/ jdoe DEFAULT_PARENT/127.0.0.1 -"] * 9,
    ],
)
def test_what_cannot_be_told_is_not_guessed(lines: list[bytes]) -> None:
    assert detect(lines) is None


def test_a_field_map_bears_the_name_of_its_format() -> None:
    """A daemon that reads one format loads that file alone."""
    maps = (Path(decoders.__file__).parent / "formats").glob("*.yaml")
    stated = {path.stem: read(path).data["format"] for path in maps}

    assert stated
    assert all(stem == format_ for stem, format_ in stated.items())
