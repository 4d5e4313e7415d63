"""v2fly's domain lists: files that include one another, by attribute.

Grammar: https://github.com/v2fly/domain-list-community#structure-of-data
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from filterwatch.lists.unpacking import Refused


def resolved(files: Mapping[str, str], name: str) -> Iterator[str]:
    """Yield the lines of the list *name* with what it includes, and what other files add to it with ``&name``.

    Raises:
        Refused: It, or a list that it includes, is not there.
    """
    yield from _lines(files, name, (), set())
    for other, text in files.items():
        if other != name:
            for line in text.split("\n"):
                rule = line.partition("#")[0].split()
                if f"&{name}" in rule[1:]:
                    yield rule[0]


def _lines(
    files: Mapping[str, str], name: str, wanted: tuple[str, ...], seen: set[tuple[str, tuple[str, ...]]]
) -> Iterator[str]:
    here = (name, wanted)
    if here in seen:
        return
    seen.add(here)
    if name not in files:
        raise Refused(f"the list '{name[:40]}' is not in it")
    for line in files[name].split("\n"):
        rule = line.partition("#")[0].split()
        if not rule:
            continue
        word, *marks = rule
        attributes = {mark[1:] for mark in marks if mark.startswith("@")}
        if word.startswith("include:"):
            yield from _lines(files, word.removeprefix("include:").lower(), tuple(sorted(attributes)), seen)
        elif all((one[1:] not in attributes) if one.startswith("-") else (one in attributes) for one in wanted):
            yield word
