"""Visits told from widgets, films in lessons, adverts, apps in the background: how well, by kind of log.

    .venv/bin/python -m benchmarks.visits [--times 20] [--school other] [--stories]

Made-up sessions (``benchmarks.browsing``) are written as each kind of log tells them and go through the whole pass
with the shipped rules and lists.  Printed for each kind:

    visits    of the pairs of a session and a site on a list (social networks, chat, games, video, gambling, dating,
              adult): precision and recall of "somebody went there", which an event says that counts and is not
              ``embedded``
    use       of the sessions: precision and recall of the rules with ``visits: only``

``--school other`` is a second school (``benchmarks.browsing_other``), looked at twice while the first was tuned.
``--stories`` prints for every example what is told of it instead: rule, level, count and reason.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.browsing import Session, sessions
from benchmarks.browsing_logs import LOGS, Log, text, written
from benchmarks.browsing_other import MAKERS, elsewhere
from filterwatch.app.parts import School
from filterwatch.app.replay import Input, replay
from filterwatch.app.settings import load
from filterwatch.pipeline import Pass

SITES = ("social_media", "chat", "games", "video", "gambling", "dating", "adult")
USE = ("social_media", "chat", "games", "video-unsuitable", "youtube-pupils")

_CONFIGURATION = """\
site: st-pauls
timezone: UTC
state: state
sources: [{{name: log, format: {format}, path: the.log, options: {options}}}]
people: {{ranges: [{{net: 10.10.0.0/16, group: pupils, device_class: individual}}]}}
alerts: {{recipients: {{coordinator: {{name: A, channels: [m]}}, head: {{name: B, channels: [n]}}}}}}
delivery: {{channels: {{m: {{url: "json://127.0.0.1"}}, n: {{url: "json://127.0.0.1"}}}}}}
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the pass made of a log: enriched events and detections."""

    events: pl.DataFrame
    told: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Score:
    """How often something was said rightly, wrongly, and not at all."""

    right: int
    wrong: int
    missed: int

    def __str__(self) -> str:
        return f"{_share(self.right, self.wrong)} {_share(self.right, self.missed)}"


def _share(right: int, other: int) -> str:
    return f"{right / (right + other):6.1%} of {right + other:4}" if right + other else f"{'-':>6}        "


def configured(folder: Path, log: Log) -> Path:
    """Write a school that reads *log* into *folder*; return its configuration."""
    options = ", ".join(f"{name}: '{value}'" for name, value in log.options.items())
    path = folder / "filterwatch.yaml"
    (folder / "state").mkdir(exist_ok=True)
    path.write_text(_CONFIGURATION.format(format=log.format, options="{" + options + "}"))
    return path


def seen(log: Log, made: Sequence[Session], folder: Path) -> Seen:
    """Return what the pass makes of *made* as *log* writes it."""
    school = School(load(configured(folder, log)))
    (folder / "the.log").write_text(text(written(log, made)))
    feeds = school.feeds()
    work = Pass(feeds, school.enrichment(), school.bench())
    kept: list[pl.DataFrame] = []
    told = list(replay(work, [Input("log", feeds["log"], [folder / "the.log"])], keep=kept.append))
    return Seen(pl.concat(kept, how="diagonal"), pl.concat(told, how="diagonal").sort("time"))


def visits(made: Sequence[Session], events: pl.DataFrame) -> tuple[Score, Counter[tuple[str, str]]]:
    """Return how well visits are told, and what went wrong: session and site, ``+`` before one nobody went to."""
    if "embedded" not in events.columns:
        events = events.with_columns(embedded=pl.lit(value=False))
    listed = events.filter(pl.col("categories").list.set_intersection(list(SITES)).list.len() > 0)
    went = listed.filter(pl.col("counted") & ~pl.col("embedded")).select("client_ip", "domain").unique()
    pairs = {(address, domain) for address, domain in went.iter_rows()}
    known = set(listed.select("domain").unique().to_series())
    truth = {(one.address, domain): one for one in made for domain in one.went if domain in known}
    names = {one.address: one.name for one in made}
    wrong = Counter((names[address], f"+{domain}") for address, domain in pairs - truth.keys())
    missed = Counter((truth[pair].name, f"-{pair[1]}") for pair in truth.keys() - pairs)
    return Score(len(pairs & truth.keys()), wrong.total(), missed.total()), wrong + missed


def use(made: Sequence[Session], told: pl.DataFrame) -> tuple[Score, Counter[tuple[str, str]]]:
    """Return how well use is told, and what went wrong: session and rule."""
    held = told.filter(pl.col("rule").is_in(USE)).select("client_ip", "rule").unique()
    pairs = {(address, rule) for address, rule in held.iter_rows()}
    truth = {(one.address, rule): one for one in made for rule in one.used}
    names = {one.address: one.name for one in made}
    wrong = Counter((names[address], f"+{rule}") for address, rule in pairs - truth.keys())
    missed = Counter((truth[pair].name, f"-{pair[1]}") for pair in truth.keys() - pairs)
    return Score(len(pairs & truth.keys()), wrong.total(), missed.total()), wrong + missed


def stories(made: Sequence[Session], told: pl.DataFrame) -> Mapping[str, list[tuple[str, str, int, str]]]:
    """Return what is told of each session: rule, level, count and reason, in order of time."""
    return {
        one.name: told.filter(pl.col("client_ip") == one.address).select("rule", "level", "count", "reason").rows()
        for one in made
    }


def _printed(name: str, found: Seen, made: Sequence[Session]) -> Iterator[str]:
    told, wrong = visits(made, found.events)
    used, also = use(made, found.told)
    yield f"{name:26} {told}   {used}"
    for (session, what), count in (wrong + also).most_common():
        yield f"    {count:4} {session}: {what}"


def main() -> int:
    """Print the figures, or the stories."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="of each session")
    parser.add_argument("--stories", action="store_true", help="what is told of each session, once")
    parser.add_argument("--school", choices=("one", "other"), default="one", help="which made-up school")
    parser.add_argument("--log", choices=sorted(LOGS), help="only this kind")
    asked = parser.parse_args()
    times = 1 if asked.stories else asked.times
    made = list(sessions(times) if asked.school == "one" else elsewhere(sessions(times, makers=MAKERS)))
    print(f"{'':26} {'visits: precision':16} {'recall':14}   {'use: precision':16} recall")
    for name, log in LOGS.items():
        if asked.log not in {None, name}:
            continue
        with tempfile.TemporaryDirectory(prefix="visits-") as folder:
            found = seen(log, made, Path(folder))
        print("\n".join(_printed(name, found, made)), flush=True)
        for session, rows in stories(made, found.told).items() if asked.stories else ():
            print(f"  {session}")
            for rule, level, count, reason in rows:
                print(f"    {rule:22} {level:8} {count:4}  {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
