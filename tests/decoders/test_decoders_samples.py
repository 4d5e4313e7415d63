"""Every format has a sample log, and every line of every sample is read as the sample says."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from decoding import SAMPLES, batch

from filterwatch.decoders import line_decoder, listing, make, names


def read(name: str) -> tuple[dict[str, str], list[bytes], list[dict[str, object]]]:
    """Return the head of a sample, its lines and what they must give."""
    head: dict[str, str] = {}
    lines: list[bytes] = []
    expected: list[dict[str, object]] = []
    for line in (SAMPLES / f"{name}.log").read_bytes().removesuffix(b"\n").split(b"\n"):
        if line.startswith(b"# expect: "):
            expected.append(json.loads(line.removeprefix(b"# expect: ")))
        elif line.startswith(b"# "):
            key, _, value = line[2:].decode().partition(": ")
            head[key] = value
        elif line:
            lines.append(line)
            assert len(lines) == len(expected), f"no '# expect:' above {line!r}"
    return head, lines, expected


@pytest.mark.parametrize("few", [0, 10_000], ids=["fast", "exact"])
@pytest.mark.parametrize("name", names())
def test_each_line_of_a_sample_gives_what_stands_above_it(name: str, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_decoder, "FEW", few)
    head, lines, expected = read(name)
    decoder = make(name, json.loads(head.get("options", "{}")), zone=ZoneInfo(head["zone"]))

    decoded = decoder.decode(batch(lines, datetime.fromisoformat(head["read-at"])))

    answers = [json.loads(line) for line in listing.json_lines(decoded, 1).decode().splitlines()]
    given = [answer.get("event") or {key: answer[key] for key in answer if key != "line"} for answer in answers]
    assert given == expected
    assert len(lines) >= 3, "a sample shows at least an event, a second one and a line that is none"
    assert head["credit"]


def test_every_sample_is_of_a_format_that_exists() -> None:
    assert sorted(path.stem for path in SAMPLES.glob("*.log")) == list(names())
