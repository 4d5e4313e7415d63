"""Random histories of writing, rotating, emptying, removing and crashing against a model of what was on disk."""

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from following import Daemon, Writer, compress, copy, rename, rotated
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule


class Rotations(RuleBasedStateMachine):
    """The model: which inode holds which lines, and which lines no inode holds any more."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="fw"))
        self.log = self.root / "access.log"
        self.holds: dict[int, list[bytes]] = {}
        self.lost: set[bytes] = set()
        self.written: list[bytes] = []
        self.copying: Path | None = None

    @initialize(width=st.sampled_from([20, 60, 700]))
    def begin(self, width: int) -> None:
        self.writer = Writer(self.log, width)
        self.daemon = Daemon(self.log)
        self.daemon.poll()

    def teardown(self) -> None:
        try:
            self.check_the_end()
        finally:
            self.writer.close()
            if self.daemon.source:
                self.daemon.kill()
            shutil.rmtree(self.root)

    # What the filter and logrotate do.

    @rule(lines=st.integers(1, 40))
    def write(self, lines: int) -> None:
        new = self.writer.write(lines)
        self.holds.setdefault(os.fstat(self.writer.descriptor).st_ino, []).extend(new)
        self.written += new

    @rule()
    def reopen(self) -> None:
        self.writer.reopen()

    @precondition(lambda self: self.log.exists() and not self.copying)
    @rule(reopen=st.booleans())
    def rotate_by_renaming(self, reopen: bool) -> None:  # noqa: FBT001
        rename(self.log)
        if reopen:
            self.writer.reopen()

    @precondition(lambda self: self.log.exists() and not self.copying and self.log.stat().st_size)
    @rule()
    def copy(self) -> None:
        self.copying = copy(self.log)
        self.holds[self.copying.stat().st_ino] = list(self.holds[self.log.stat().st_ino])

    @precondition(lambda self: self.copying)
    @rule()
    def truncate_after_copy(self) -> None:
        self.copying = None
        self.empty()

    @precondition(lambda self: self.log.exists() and not self.copying)
    @rule()
    def empty(self) -> None:
        inode = self.log.stat().st_ino
        os.truncate(self.log, 0)
        self.drop(inode)

    @precondition(lambda self: not self.copying)
    @rule(number=st.integers(1, 5), suffix=st.sampled_from([".gz", ".xz", ".zst", ".bz2"]))
    def compress(self, number: int, suffix: str) -> None:
        one = rotated(self.log, number)
        if one and one.suffix == f".{number}" and one.stat().st_ino != os.fstat(self.writer.descriptor).st_ino:
            inode = one.stat().st_ino
            lines = list(self.holds.get(inode, []))
            held = self.is_held(inode)
            new = compress(one, suffix)
            if not held:
                self.holds.pop(inode, None)
            self.holds[new.stat().st_ino] = lines

    @precondition(lambda self: not self.copying)
    @rule(number=st.integers(0, 5))
    def remove(self, number: int) -> None:
        one = rotated(self.log, number) if number else self.log
        if one and one.exists() and one.stat().st_ino != os.fstat(self.writer.descriptor).st_ino:
            inode = one.stat().st_ino
            held = self.is_held(inode)
            one.unlink()
            if not held:
                self.drop(inode)

    # What happens to the daemon.

    @precondition(lambda self: self.daemon.source)
    @rule(limit=st.sampled_from([300, 2000, 4 * 2**20]), most=st.sampled_from([1, 3, 9999]))
    def poll(self, limit: int, most: int) -> None:
        self.daemon.poll(limit, most)

    @precondition(lambda self: self.daemon.source)
    @rule(seconds=st.sampled_from([1, 10, 61, 4000]))
    def time_passes(self, seconds: float) -> None:
        self.daemon.wait(seconds)

    @precondition(lambda self: self.daemon.source)
    @rule()
    def kill(self) -> None:
        self.daemon.kill()
        on_disk = {one.stat().st_ino for one in self.root.iterdir()} | {os.fstat(self.writer.descriptor).st_ino}
        for inode in set(self.holds) - on_disk:
            self.drop(inode)

    @precondition(lambda self: not self.daemon.source)
    @rule()
    def start(self) -> None:
        self.daemon.start()
        self.daemon.poll(most=1)

    # What must hold.

    @invariant()
    def nothing_is_stored_twice(self) -> None:
        texts = self.daemon.journal.texts() if hasattr(self, "daemon") else []
        assert len(texts) == len(set(texts))

    def check_the_end(self) -> None:
        if self.copying:
            self.truncate_after_copy()
        if not self.daemon.source:
            self.daemon.start()
        self.daemon.settle()
        stored = self.daemon.journal.texts()
        assert set(stored) == set(self.written) - self.lost
        assert len(self.daemon.journal.keys()) == len(set(self.daemon.journal.keys()))
        assert self.is_in_order()
        assert self.daemon.source
        assert self.daemon.source.lag() == 0
        certain = [gap for gap in self.daemon.journal.gaps if gap.certain and gap.stream]
        assert self.lost or not certain
        self.daemon.restart()
        assert self.daemon.settle() == []

    def is_in_order(self) -> bool:
        """Whether each stream's lines are in the order of their offsets and of their writing."""
        last: dict[str, tuple[int, int]] = {}
        for stream, offset, line in self.daemon.journal.lines:
            here = (offset, int(line.split()[1]))
            if stream in last and (here[0] <= last[stream][0] or here[1] <= last[stream][1]):
                return False
            last[stream] = here
        return True

    def is_held(self, inode: int) -> bool:
        """Whether the daemon has the file open."""
        if not self.daemon.source:
            return False
        for one in Path("/proc/self/fd").iterdir():
            try:
                status = one.stat()
            except OSError:
                continue
            if status.st_ino == inode and int(one.name) != self.writer.descriptor:
                return True
        return False

    def drop(self, inode: int) -> None:
        """Lines that this inode held and no other does are lost, unless they were stored."""
        gone = set(self.holds.pop(inode, []))
        left = {line for lines in self.holds.values() for line in lines}
        self.lost |= gone - left - set(self.daemon.journal.texts())


Rotations.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestRotations = Rotations.TestCase
