"""Is the evidence what was written: the archive's files and the ledger's chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filterwatch import archive
from filterwatch.app.settings import load
from filterwatch.journal import Reader
from filterwatch.records import Settings as Records
from filterwatch.records.opening import open_registers


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at.

    Attributes:
        problems: What is not as it was written, one line each.
        files: How many sealed files there are.
        events: How many events are in them.
        entries: How many entries the ledger has; null where no registers are kept here.
    """

    problems: tuple[str, ...]
    files: int = 0
    events: int = 0
    entries: int | None = None


def verify(config: Path, state: Path | None = None, notes: Sequence[str] = ()) -> Verified:
    """Read all that was sealed and compare it with what was written.

    Args:
        config: The configuration; not read where *state* is given.
        state: The state directory, where there is no configuration.
        notes: Signed heads of the ledger, as they were mailed or printed: they alone show a cut tail.

    Raises:
        FilterwatchError: Something cannot be read.
    """
    if state is not None:
        records, base, where = Records(), state, state
    else:
        configuration = load(config)
        records, base, where = configuration.settings.records, configuration.directory, configuration.state
    directory = where / "archive"
    problems = [str(problem) for problem in archive.verify(directory, _remembered(where / "journal.db"))]
    files = events = 0
    if not any(str(directory / archive.MANIFEST) in problem for problem in problems):
        live = archive.Manifest.read(directory).live.values()
        files, events = len(live), sum(segment.rows for segment in live)
    entries: int | None = None
    if records.database or (where / "records.db").exists():
        entries, wrong = _ledger(records, where, base, notes)
        problems += wrong
    return Verified(tuple(problems), files, events, entries)


def _remembered(journal: Path) -> str | None:
    """Return the newest manifest line that the journal knows of."""
    if not journal.exists():
        return None
    with Reader.at(journal) as reader:
        return reader.archive_head()


def _ledger(records: Records, state: Path, base: Path, notes: Sequence[str]) -> tuple[int, list[str]]:
    key_file = open_registers(records, state, base).ledger_key
    from filterwatch.records import ledger, signing  # noqa: PLC0415 - models exist only once Django is set up

    key = signing.load_key(key_file).public_key() if key_file.exists() else None
    entries = sum(1 for _ in ledger.rows())
    return entries, [
        f"ledger: entry {problem.seq}: {problem.what}" if problem.seq else f"ledger: {problem.what}"
        for problem in ledger.verify(notes, key)
    ]
