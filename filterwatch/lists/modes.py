"""What an entry of a list speaks of, and how it is written.

One form for all lists: what every format is translated into, and what a school writes itself.

- ``bet365.com`` (squid's ``.bet365.com`` is the same) the name and everything below it, ``=bet365.com`` the name
  alone, ``*.bet365.com`` all below it;
- ``198.51.100.7`` and ``2001:db8::7`` one address, ``198.51.100.0/24`` and ``2001:db8::/32`` a range;
- ``example.com/path`` pages: the path and what goes on from there after ``/``, ``?``, ``&`` or ``#``;
- ``@@`` before any of these: not this one, whatever lists of the category say of it or of what is above it;
- ``?`` before a name: on the list, and set aside by the guard: it gives nothing and is only shown.
"""

from __future__ import annotations

from enum import IntEnum


class Mode(IntEnum):
    """Which hosts or pages an entry speaks of, and whether it gives or cancels."""

    SUFFIX = 0
    """The name and everything below it, or a range of addresses."""
    EXACT = 1
    """That host alone."""
    CHILDREN = 2
    """Everything below the name, not the name."""
    PAGE = 3
    """Pages of a host."""
    ALLOW = 4
    """Cancels at the name and below it; added to one of the four above."""
    ALLOW_EXACT = 5
    ALLOW_CHILDREN = 6
    ALLOW_PAGE = 7
    PAGES_BELOW = 8
    """Gives nothing: some list names pages of this host, so that its URLs are worth a look."""
    ASIDE = 9
    """Gives nothing: the guard set it aside."""

    @property
    def scope(self) -> Mode:
        """What it speaks of, whether it gives or cancels; itself for a mode that gives nothing."""
        return Mode(self & 3) if self < Mode.PAGES_BELOW else self

    @property
    def allows(self) -> bool:
        """Whether it cancels."""
        return Mode.ALLOW <= self < Mode.PAGES_BELOW

    @property
    def word(self) -> str:
        """The word that people read."""
        return {"pages_below": "pages", "aside": "set aside"}.get(self.name.lower(), self.scope.name.lower())
