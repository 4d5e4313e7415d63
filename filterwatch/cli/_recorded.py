"""A recorded detection as people read it: what was recorded, then what today's lists and rules say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from filterwatch.cli._explained import labelled, show
from filterwatch.text import defang

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filterwatch.app.explaining.explained import Explained
    from filterwatch.app.explaining.recorded import Recorded


def show_recorded(found: Recorded, now: Explained | None, *, everything: bool) -> None:
    """Print a detection; with *everything* every rule that nearly holds today."""
    labelled((("Recorded", _then(found)), ("Today", _today(found, now))))
    if now is not None:
        typer.echo()
        show(now, everything=everything, asked=False)


def _then(found: Recorded) -> Iterator[str]:
    version = f", version {found.version}" if found.version else ""
    yield f"{found.at:%a %-d %b %Y %H:%M:%S}: {found.rule} ({found.level}, {found.outcome}{version})"
    yield f"withheld: {found.withheld}" if found.withheld else f"because {found.reason}"
    if found.host:
        yield f"host {defang(found.host)}, {found.action}"
    if found.facts:
        yield "; ".join(found.facts)
    counted = f", at least {found.count:,} events" if found.count > 1 else ""
    yield (f"log {found.log}" if found.log else "no line of its own") + counted


def _today(found: Recorded, now: Explained | None) -> Iterator[str]:
    if found.withheld:
        return
    if now is None:
        yield "the event is not kept any more, or is about no address: today's rules cannot be asked"
    elif found.otherwise:
        yield from (f"otherwise: {one}" for one in found.otherwise)
    else:
        yield "the same: its rule holds, and lists and calendar say what they said"
