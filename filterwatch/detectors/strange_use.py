"""What one person does at one site: how long, how much, and what else is asked for meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field

MINUTE = 60_000_000
"""In microseconds, as all times here, since 1970."""

GAP = 15 * MINUTE
"""Who comes back later begins another use."""

APART = 10 * MINUTE
"""Who joins sooner after another came with them: a class that opens a page together is not news that goes round."""

CLASS = 10
"""So many who come at once are a class at work, or all who read some page that loads a piece from the site."""

MOST_USERS, MOST_OTHERS = 30, 64

VISIT_BYTES, VISIT_REQUESTS, STAY_BYTES = 200_000, 10, 2_000_000
"""What a pixel or a chat widget does not reach (our judgement); logs of DNS have no bytes and are not held to it."""

OTHERS, OTHERS_A_MINUTE = 4, 2
"""Other sites that programs and one page ask for during a use: ordinary pages ask for a dozen and more each."""


@dataclass(slots=True)
class Use:
    """What one person does at one site.

    Attributes:
        first: Begin of this use.
        last: Its latest moment.
        size: Bytes; below 0 where the log has none.
        after: What came just before, in words; empty for nothing.
        came: Whether it was ever a visit of its own.
        told: 0 for nothing, 1 for a hint, 2 for all.
        others: Other sites asked for meanwhile, as hashes.
        done: What was done so far that ways round the filter are used for, in words, by kind.
    """

    first: int
    last: int
    requests: int = 0
    size: int = 0
    after: str = ""
    came: bool = False
    told: int = 0
    others: list[int] = field(default_factory=list)
    done: dict[str, str] = field(default_factory=dict)

    @property
    def span(self) -> int:
        """How long it lasts."""
        return self.last - self.first

    def add(self, at: int, end: int, size: int | None) -> None:
        """Add a request; *size* is null where the log has none."""
        self.first, self.last = min(self.first, at), max(self.last, end)
        self.requests += 1
        self.size = -1 if size is None else max(self.size, 0) + size

    def meet(self, at: int, other: int) -> None:
        """Note that another site was asked for."""
        if at >= self.first and len(self.others) < MOST_OTHERS and other not in self.others:
            self.others.append(other)

    def is_visit(self) -> bool:
        """Whether somebody is there, and not a page that loads a piece from it."""
        enough = self.size < 0 or self.size >= VISIT_BYTES or self.requests >= VISIT_REQUESTS
        return enough and self.span >= MINUTE and self._is_alone()

    def is_stay(self, length: int) -> bool:
        """Whether the visit is so long, with the traffic of one."""
        return self.span >= length and (self.size < 0 or self.size >= STAY_BYTES)

    def _is_alone(self) -> bool:
        return len(self.others) <= OTHERS + OTHERS_A_MINUTE * self.span // MINUTE


@dataclass(slots=True)
class Site:
    """A strange new site: what each person does there, and when people joined, those who came together once."""

    uses: dict[str, Use] = field(default_factory=dict)
    joined: list[int] = field(default_factory=list)

    def use(self, who: str, at: int, after: str) -> Use | None:
        """Return what *who* does here at *at*; null where it is used by more people than are remembered."""
        use = self.uses.get(who)
        if use is not None and at - use.last <= GAP:
            return use
        if use is None and len(self.uses) >= MOST_USERS:
            return None
        again = Use(at, at, after=after)
        if use is not None:
            again.told, again.came, again.done = use.told, use.came, use.done
        self.uses[who] = again
        return again

    def forget(self, old: int, since: int) -> None:
        """Drop uses that ended before *since*, and glances that ended before *old*."""
        self.uses = {
            who: use
            for who, use in self.uses.items()
            if use.last >= old or (use.last >= since and (use.came or use.done))
        }

    def is_of_a_class(self, at: int) -> bool:
        """Whether a whole class came about then."""
        return sum(abs(one.first - at) <= APART for one in self.uses.values()) >= CLASS

    def join(self, at: int) -> None:
        """Note that one more person came."""
        if all(abs(at - joined) >= APART for joined in self.joined):
            self.joined = [*self.joined[-MOST_USERS:], at]
