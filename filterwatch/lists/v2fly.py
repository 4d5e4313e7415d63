"""v2fly's domain lists: files that include one another, by attribute.

Grammar: https://github.com/v2fly/domain-list-community#structure-of-data
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from filterwatch.lists.unpacking import Refused

_Included = tuple[str, tuple[str, ...]]
"""The name of a list, and the attributes that its lines must have."""


def resolved(files: Mapping[str, str], name: str) -> Iterator[str]:
    """Yield the lines of the list *name* with what it includes, and what other files add to it with ``&name``.

    Raises:
        Refused: It, or a list that it includes, is not there.
    """
    yield from _lines(files, name)
    for other, text in files.items():
        if other != name:
            for line in text.split("\n"):
                rule = line.partition("#")[0].split()
                if f"&{name}" in rule[1:]:
                    yield rule[0]


def _lines(files: Mapping[str, str], name: str) -> Iterator[str]:
    """Yield the lines of *name*, those of what it includes in their places, however deep that goes."""
    seen: set[_Included] = set()
    open_ = [_opened(files, (name, ()), seen)]
    while open_:
        found = next(open_[-1], None)
        if found is None:
            open_.pop()
        elif isinstance(found, str):
            yield found
        else:
            open_.append(_opened(files, found, seen))


def _opened(files: Mapping[str, str], asked: _Included, seen: set[_Included]) -> Iterator[str | _Included]:
    """Yield the lines of one list with the attributes that are asked for, and what it includes; once."""
    name, wanted = asked
    if asked in seen:
        return
    seen.add(asked)
    if name not in files:
        raise Refused(f"the list '{name[:40]}' is not in it")
    for line in files[name].split("\n"):
        rule = line.partition("#")[0].split()
        if not rule:
            continue
        word, *marks = rule
        attributes = {mark[1:] for mark in marks if mark.startswith("@")}
        if word.startswith("include:"):
            yield word.removeprefix("include:").lower(), tuple(sorted(attributes))
        elif all((one[1:] not in attributes) if one.startswith("-") else (one in attributes) for one in wanted):
            yield word
