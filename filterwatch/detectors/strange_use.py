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
MOST_USES, MOST_OF_ONE = 1_000, 10
"""Uses of strange sites that are remembered of people who are surely known, as many of others, and those of one person,
so that nobody pushes out the others'."""

VISIT_BYTES, VISIT_REQUESTS, STAY_BYTES, STAY_QUESTIONS = 200_000, 10, 2_000_000, 4
"""What a pixel or a chat widget does not reach (our judgement); of a stay DNS shows questions only."""

OTHERS, OTHERS_A_MINUTE = 4, 2
"""Other sites that programs and one page ask for during a use: ordinary pages ask for a dozen and more each."""


@dataclass(slots=True)
class Use:
    """What one person does at one site.

    Attributes:
        first: Begin of this use.
        last: Its latest moment.
        requests: How many; questions of DNS within a minute are one.
        size: Bytes; below 0 where the log has none.
        after: What came just before, in words; empty for nothing.
        came: Whether it was ever a visit of its own.
        told: 0 for nothing, 1 for a hint, 2 for all.
        others: Other sites asked for meanwhile, as hashes.
        done: What was done so far that ways round the filter are used for, in words, by kind.
        sure: Whether it is surely known who it is.
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
    sure: bool = False

    @property
    def span(self) -> int:
        """How long it lasts."""
        return self.last - self.first

    def add(self, at: int, end: int, size: int | None) -> None:
        """Add a request; *size* is null where the log has none."""
        if size is not None or not self.requests or at - self.last >= MINUTE:
            self.requests += 1
        self.first, self.last = min(self.first, at), max(self.last, end)
        self.size = -1 if size is None else max(self.size, 0) + size

    def meet(self, at: int, other: int) -> None:
        """Note that another site was asked for."""
        if at >= self.first and len(self.others) < MOST_OTHERS and other not in self.others:
            self.others.append(other)

    def is_there(self) -> bool:
        """Whether this is more than a glance, or a picture."""
        enough = self.size < 0 or self.size >= VISIT_BYTES or self.requests >= VISIT_REQUESTS
        return enough and self.span >= MINUTE

    def is_visit(self) -> bool:
        """Whether somebody is there, and not a page that loads a piece from it."""
        return self.is_there() and self._is_alone()

    def is_stay(self, length: int) -> bool:
        """Whether the visit is so long, with the traffic (or the questions) of one."""
        enough = self.requests >= STAY_QUESTIONS if self.size < 0 else self.size >= STAY_BYTES
        return enough and self.span >= length

    def weight(self, *, telling: bool) -> int:
        """Return what was done here: 1 is worth a hint, 2 an alert; a stay that only DNS shows is a hint at most."""
        surely = len(self.done) - ("asked" in self.done)
        return min(2, surely + telling) if surely else len(self.done)

    def _is_alone(self) -> bool:
        return len(self.others) <= OTHERS + OTHERS_A_MINUTE * self.span // MINUTE


@dataclass(slots=True)
class Site:
    """A strange new site: what each person does there, and when people joined, those who came together once."""

    uses: dict[str, Use] = field(default_factory=dict)
    joined: list[int] = field(default_factory=list)

    def use(self, who: str, at: int, after: str, *, sure: bool) -> Use:
        """Return what *who* does here at *at*; who comes back after a while begins another use."""
        use = self.uses.get(who)
        if use is not None and at - use.last <= GAP:
            return use
        again = Use(at, at, after=after, sure=sure)
        if use is not None:
            again.told, again.came, again.done, again.sure = use.told, use.came, use.done, use.sure
        self.uses[who] = again
        return again

    def forget(self, old: int, since: int) -> None:
        """Drop uses that ended before *since*, and glances that ended before *old*."""
        self.uses = {
            who: use
            for who, use in self.uses.items()
            if use.last >= old or (use.last >= since and (use.came or use.done))
        }
        for use in self.uses.values():
            if use.last < old:
                use.others = []  # should they come back, another use begins

    def is_of_a_class(self, at: int) -> bool:
        """Whether a whole class came about then; questions of mere addresses are none, anybody can forge them."""
        came = (one for one in self.uses.values() if one.sure or one.size >= 0)
        return sum(one.is_there() and abs(one.first - at) <= APART for one in came) >= CLASS

    def join(self, at: int) -> None:
        """Note that one more person came."""
        if all(abs(at - joined) >= APART for joined in self.joined):
            self.joined = [*self.joined[-MOST_USERS:], at]
