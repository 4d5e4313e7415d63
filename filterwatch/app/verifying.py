"""Is the evidence what was written: the archive's files, the ledger's chain, and the registers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filterwatch import archive
from filterwatch.app.settings import load
from filterwatch.errors import FilterwatchError
from filterwatch.journal import Reader
from filterwatch.records import Settings as Records
from filterwatch.records.opening import open_registers

if TYPE_CHECKING:
    from filterwatch.records import ledger


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
        FilterwatchError: Something cannot be read, or there is no state directory.
    """
    if state is not None:
        records, base, where = Records(), state, state
    else:
        configuration = load(config)
        records, base, where = configuration.settings.records, configuration.directory, configuration.state
    if not where.is_dir():
        raise FilterwatchError(f"{where}: there is no state directory here; name the right one, or put back a copy")
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
    elif (where / "ledger.key").exists():
        problems.append(f"{where / 'records.db'}: the registers are gone, their ledger with them; put back a copy")
    return Verified(tuple(problems), files, events, entries)


def _remembered(journal: Path) -> str | None:
    """Return the newest manifest line that the journal knows of."""
    if not journal.exists():
        return None
    with Reader.at(journal) as reader:
        return reader.archive_head()


def _ledger(records: Records, state: Path, base: Path, notes: Sequence[str]) -> tuple[int, list[str]]:
    key_file = open_registers(records, state, base).ledger_key
    # Models exist only once Django is set up.
    from filterwatch.records import ledger, signing  # noqa: PLC0415

    key = signing.load_key(key_file).public_key() if key_file.exists() else None
    entries = sum(1 for _ in ledger.rows())
    return entries, [
        f"ledger: entry {problem.seq}: {problem.what}" if problem.seq else f"ledger: {problem.what}"
        for problem in ledger.verify(notes, key) or _drift()
    ]


def _drift() -> list[ledger.Problem]:
    """Return what in the registers is not what the ledger says; only a whole ledger can be asked."""
    from filterwatch.records.drift import drift  # noqa: PLC0415 - models exist only once Django is set up

    found = drift()
    # The daemon may write between the look at the ledger and the look at the registers: what it wrote is gone then.
    again = drift() if found else []
    return [problem for problem in found if problem in again]
