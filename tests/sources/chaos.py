"""Random histories by seed: ``python tests/sources/chaos.py --seconds 60 --seed 1`` prints the first that goes wrong.

Unlike the hypothesis machine, whose steps it takes, it also runs where inodes are reused at random.
"""

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable

from test_sources_machine import Rotations

Step = tuple[str, dict[str, object]]


def history(seed: int, most: int = 40) -> list[Step]:
    """Run one random history; return its steps and raise what went wrong with its seed."""
    chance = random.Random(seed)
    machine = Rotations()
    steps: list[Step] = []

    def take(name: str, **arguments: object) -> None:
        steps.append((name, arguments))
        getattr(machine, name)(**arguments)
        machine.nothing_is_stored_twice()

    try:
        take("begin", width=chance.choice([20, 60, 700]))
        for _ in range(chance.randint(3, most)):
            name, arguments = chance.choice(possible(machine, chance))
            take(name, **arguments())
    except BaseException as error:
        shown = "\n".join(f"  {name} {arguments}" for name, arguments in steps)
        raise AssertionError(f"seed {seed}:\n{shown}") from error
    finally:
        try:
            machine.teardown()
        except AssertionError as error:
            shown = "\n".join(f"  {name} {arguments}" for name, arguments in steps)
            raise AssertionError(f"seed {seed}:\n{shown}\n  the end") from error
    return steps


def possible(machine: Rotations, chance: random.Random) -> list[tuple[str, Callable[[], dict[str, object]]]]:
    """Return what may happen next."""
    suffixes = [".gz", ".xz", ".zst", ".bz2"]
    steps: list[tuple[str, Callable[[], dict[str, object]]]] = [
        *[("write", lambda: {"lines": chance.randint(1, chance.choice([2, 40]))})] * 3,
        ("reopen", dict),
    ]
    if machine.copying:
        steps.append(("truncate_after_copy", dict))
    else:
        steps.append(("compress", lambda: {"number": chance.randint(1, 5), "suffix": chance.choice(suffixes)}))
        steps.append(("remove", lambda: {"number": chance.randint(0, 5)}))
    if machine.log.exists() and not machine.copying:
        steps += [("rotate_by_renaming", lambda: {"reopen": chance.random() < 0.5}), ("empty", dict)]
        steps += [("copy", dict)] if machine.log.stat().st_size else []
    if machine.daemon.source is None:
        return [*steps, *[("start", dict)] * 3]
    poll = ("poll", lambda: {"limit": chance.choice([300, 2000, 2**22]), "most": chance.choice([1, 3, 9999])})
    return [*steps, poll, poll, ("time_passes", lambda: {"seconds": chance.choice([1, 10, 61, 4000])}), ("kill", dict)]


def main() -> int:
    """Run histories until the time is up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    seed, end = given.seed, time.monotonic() + given.seconds
    while time.monotonic() < end:
        try:
            history(seed)
        except AssertionError:
            traceback.print_exc()
            return 1
        seed += 1
    print(f"histories={seed - given.seed} lost=0 dup=0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
