"""What was watched, and what the figures cannot say: in every report, where a reader could assume the opposite."""

from __future__ import annotations

from filterwatch.reports.registers import Coverage

READS_LOGS = "filterwatch reads logs. It does not filter, and it does not look at screens or pictures."
GATEWAY = (
    "It sees only what passes this gateway: no mobile data, no personal hotspots, no devices off site, no other line."
)
CONTENT = "Of HTTPS it sees the name of a site, sometimes not even that; never messages, posts, prompts or files."
PURPOSE = "It cannot know purpose: teaching or personal, a school account or a private one."
GUILT = (
    "A detection is not a finding of guilt: lists and words make mistakes, and people decide. "
    "Somebody may not be whom the log says; on an address alone nobody is named."
)
SILENCE = "A silent log may be a broken sensor or an unfiltered line; it is counted as unproven, never as quiet."


def coverage(of: Coverage, *, named: bool = True) -> tuple[str, ...]:
    """Return which logs were watched and which were not, as far as the school says.

    Args:
        of: What is known.
        named: Whether to name sources.
    """
    if not of.sources:
        return ()
    watched = ", ".join(f"{one.name} ({one.lines:,} lines)" for one in of.sources)
    lines = sum(one.lines for one in of.sources)
    said = [f"Watched: {watched}." if named else f"Watched: {len(of.sources)} logs, {lines:,} lines."]
    dumb = [one.name for one in of.sources if not one.lines]
    if dumb:
        names = f": {', '.join(dumb)}" if named else ""
        said.append(f"{len(dumb)} of {len(of.sources)} logs said nothing in this time{names}.")
    said += [f"Not watched: {what}." for what in of.unwatched] if named else []
    if of.unwatched and not named:
        said.append(f"The school lists {len(of.unwatched)} parts of its network as not watched.")
    return tuple(said)
