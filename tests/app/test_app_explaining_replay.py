"""What explain says of an address is what the pass finds in a line of a log that holds it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache

from typer.testing import CliRunner

from filterwatch import policy
from filterwatch.app.explaining import Request, explain
from filterwatch.app.parts import School
from filterwatch.cli import make_app

MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
URLS = (
    "http://www.bet365.com/",
    "http://www.pornhub.com/x",
    "https://www.google.com/search?q=buy+weed",
    "https://duckduckgo.com/?q=how+to+kill+myself&kp=-2",
    "https://www.google.com/complete/search?q=buy+weed",
    "http://203.0.113.9/",
    "http://unblocked-games-66.duckdns.org/",
    "https://translate.google.com/translate?u=https://www.bet365.com/x",
    "https://www.facebook.com/plugins/like.php?x",
    "https://www.bbc.co.uk/bitesize",
)


def test_explain_says_what_replay_finds(tmp_path, monkeypatch):
    monkeypatch.setattr(policy, "load", cache(policy.load))  # reading all rules for each address takes its time
    log = tmp_path / "access.log"
    at = int(MONDAY.timestamp())
    log.write_text(
        "".join(
            f"{at}.{n:03d} 0 10.9.{n}.1 TCP_MISS/200 500 GET {url} - HIER_DIRECT/192.0.2.1 text/html\n"
            for n, url in enumerate(URLS)
        )
    )
    done = CliRunner().invoke(make_app(), ["replay", "--format", "squid", str(log)])
    assert done.exit_code == 0, done.output
    found = {(one["line"], one["rule"]) for one in map(json.loads, done.stdout.splitlines())}
    said = {
        (line, one.rule)
        for line, url in enumerate(URLS, 1)
        for one in explain(School(), Request(url, MONDAY)).holds
        if not one.more
    }
    assert said == found
    assert {line for line, _ in found} == {1, 2, 3, 4, 7, 8}
