"""Errors that a person can cause, each with its place, the thing and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

AS_FILTERWATCH = "run it as filterwatch's: sudo -u filterwatch filterwatch ..."
"""The remedy where an account may not read what is filterwatch's."""


class FilterwatchError(Exception):
    """Something a person can put right; its text is shown as it is, without a traceback."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a file that a person wrote.

    Attributes:
        path: The file, as the person named it.
        line: Counted from 1; 0 when the mistake has no line.
        column: Counted from 1.
        problem: ``what: why, found X; remedy``.
    """

    path: str
    line: int
    column: int
    problem: str

    def __str__(self) -> str:
        """Return ``path:line:column: problem``."""
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.problem}"


class ConfigurationError(FilterwatchError):
    """One or more mistakes in configuration or rules, all of them at once, in order of place."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)))


class SourceUnreadable(FilterwatchError):
    """A source exists and may not be read; the daemon alerts the technician and asks again."""
