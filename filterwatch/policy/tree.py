"""A rule's conditions as a tree over facts: one form for the fast path, for the reason and for explain.

Every leaf asks for bits of one word of *facts* (:mod:`filterwatch.policy.facts`).  A word is never null: what the log
does not say is a bit that is not set, so ``none`` of it holds and three-valued logic never arises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Place = tuple[str | int, ...]
"""Keys and numbers that lead to a value in a rule's file."""


@dataclass(frozen=True, slots=True)
class Test:
    """Whether any of some bits is set.

    Attributes:
        word: Column of the facts.
        mask: The bits; 1 for a flag.
        says: What it says when it holds, for people; ``{}`` stands for the names of the bits that are set.
        column: Event column whose text it looks at; null where that is no text worth showing.
        names: Name of each bit that ``{}`` may stand for.
        flag: The word is a Boolean column.
        reads: Event columns that it looks at.
        other: A bit, and what is said instead where it is set.
        place: Where the rule's file says it: keys and numbers down to the value.
    """

    word: str
    mask: int
    says: str
    column: str | None = None
    names: tuple[tuple[int, str], ...] = ()
    flag: bool = False
    reads: tuple[str, ...] = ()
    other: tuple[int, str] = (0, "")
    place: Place = ()

    def sentence(self, bits: int) -> str:
        """Return what it says when the word is *bits*; with no bit set, what it would need."""
        if bits & self.other[0]:
            return self.other[1]
        found = [name for bit, name in self.names if bits & bit]
        return self.says.replace("{}", " and ".join(found) or " or ".join(name for _, name in self.names))


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple[Node, ...]
    place: Place = ()


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Node, ...]
    place: Place = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Node
    place: Place = ()


Node = Test | Every | Some | Not
Mask = NDArray[np.bool_]
Truth = Mask | bool
"""For which rows something holds; a constant where it is the same for all.  A mask is never changed: it is shared."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the facts of a batch.

    Attributes:
        words: Columns that hold a bit somewhere; every other one is zero throughout.
        late: Words not read yet, and where each may hold a bit.
    """

    words: Mapping[str, NDArray[np.uint64] | Mask]
    late: Mapping[str, Truth] = field(default_factory=dict)
    _made: dict[tuple[str, int], Truth] = field(default_factory=dict)

    def test(self, test: Test) -> Truth:
        """Return where *test* holds, which is no late one; made once, however many rules ask for it."""
        key = (test.word, test.mask)
        if key not in self._made:
            word = self.words.get(test.word)
            held: Truth = False if word is None else word != 0 if test.flag else word & np.uint64(test.mask) != 0
            self._made[key] = held if not isinstance(held, bool) and held.any() else False
        return self._made[key]


def truth(node: Node, known: Known, *, may: bool = True) -> Truth:
    """Return where *node* holds, constants folded.

    As long as words are late, the answer is where *node* may hold, or with *may* false where it must.
    """
    match node:
        case Test(word):
            if word in known.late:
                return known.late[word] if may else False
            return known.test(node)
        case Every(parts):
            # What a rule looks for comes last, and is rare: who and when matter to few.
            return every(truth(part, known, may=may) for part in reversed(parts))
        case Some(parts):
            return some(truth(part, known, may=may) for part in parts)
        case Not(part):
            inner = truth(part, known, may=not may)
            return not inner if isinstance(inner, bool) else ~inner


def every(parts: Iterable[Truth]) -> Truth:
    """Return the conjunction, constants folded; asks for no more *parts* once it holds nowhere."""
    out: Truth = True
    for part in parts:
        if isinstance(part, bool):
            if not part:
                return False
            continue
        out = part if isinstance(out, bool) else out & part
        if not out.any():
            return False
    return out


def some(parts: Iterable[Truth]) -> Truth:
    """Return the disjunction, constants folded."""
    out: Truth = False
    for part in parts:
        if isinstance(part, bool):
            if part:
                return True
            continue
        out = part if isinstance(out, bool) else out | part
    return out


def holds(node: Node, facts: Mapping[str, int]) -> bool:
    """Return whether *node* holds for one event's facts."""
    match node:
        case Test(word, mask):
            return bool(facts.get(word, 0) & mask)
        case Every(parts):
            return all(holds(part, facts) for part in parts)
        case Some(parts):
            return any(holds(part, facts) for part in parts)
        case Not(part):
            return not holds(part, facts)


def witnesses(node: Node, facts: Mapping[str, int]) -> list[Test]:
    """Return the tests by which *node* holds, first ones first: of alternatives only the first that holds."""
    match node:
        case Test():
            return [node]
        case Every(parts):
            return [test for part in parts for test in witnesses(part, facts)]
        case Some(parts):
            first = next((part for part in parts if holds(part, facts)), None)
            return witnesses(first, facts) if first else []
        case Not():
            return []


def found(node: Node, facts: Mapping[str, int]) -> list[Test]:
    """Return the tests that hold, whether *node* does or not; what is excepted (``none``) aside."""
    match node:
        case Test():
            return [node] if holds(node, facts) else []
        case Every(parts) | Some(parts):
            return [test for part in parts for test in found(part, facts)]
        case Not():
            return []


def missing(node: Node, facts: Mapping[str, int]) -> list[Node]:
    """Return the conditions any one of which would do: did it turn out the other way, *node* would hold.

    Empty where *node* holds, and where it takes more than one.  What a rule excepts (``none``) is one condition.  Of
    alternatives only those are told in which something holds already, where there are any.
    """
    match node:
        case Every(parts):
            wrong = [part for part in parts if not holds(part, facts)]
            return missing(wrong[0], facts) if len(wrong) == 1 else []
        case Some(parts) if not holds(node, facts):
            open_ = [(found(part, facts), missing(part, facts)) for part in parts]
            begun = any(held and lacks for held, lacks in open_)
            return [one for held, lacks in open_ for one in lacks if held or not begun]
        case _:
            return [] if holds(node, facts) else [node]


def tests(node: Node) -> list[Test]:
    """Return every test in *node*."""
    match node:
        case Test():
            return [node]
        case Every(parts) | Some(parts):
            return [test for part in parts for test in tests(part)]
        case Not(part):
            return tests(part)
