"""The enrichment: what the school knows about an event, put beside what the log says."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import Field

from filterwatch.config import Part
from filterwatch.enrich import tunnels, visits
from filterwatch.enrich.asof import SCHEMA as FACTS
from filterwatch.enrich.calendar import Calendar
from filterwatch.enrich.chains import RECENT as CHAINED
from filterwatch.enrich.chains import Chain
from filterwatch.enrich.identity import Identity
from filterwatch.enrich.lease_files import LeaseFiles
from filterwatch.enrich.leases import Leases
from filterwatch.enrich.once import Once
from filterwatch.enrich.people import People, Register, load
from filterwatch.enrich.search import Asked, Engines
from filterwatch.enrich.sessions import Sessions
from filterwatch.enrich.suffixes import Suffixes
from filterwatch.enrich.when import When
from filterwatch.enrich.where import Index, NoLists, Where
from filterwatch.enrich.who import Who
from filterwatch.errors import FilterwatchError

_STATE = b"filterwatch-enrich-3\n"


class Settings(Part):
    """What enrichment needs to know of the school."""

    people: People = Field(default=People(), description="Roster, devices, address ranges, leases.")
    calendar: Calendar = Field(default=Calendar(), description="School hours, terms, days off.")
    suffix_list: Path | None = Field(
        default=None, description="A newer Public Suffix List than the built-in one; relative to this file."
    )
    logged_at_start: tuple[str, ...] = Field(
        default=(), description="Sources whose lines carry the time at which a request began, not its end."
    )
    chains: tuple[Chain, ...] = Field(
        default=(), description="Proxies behind a filter whose log is read too: the filter's line of a request counts."
    )
    furniture: tuple[str, ...] = Field(
        default=(), description="Further hosts that only other pages and programs load: no visit of a person."
    )


class Enrich:
    """Adds the columns of stage ``enrich``; never drops or reorders a row.

    :meth:`prepare` needs nothing but the events and may run on any thread; :meth:`settle` remembers and must see the
    batches in the order of the pass.  Made by :func:`build`.

    Attributes:
        register: The roster and the devices, for what needs more of a person than the columns hold.
    """

    def __init__(
        self,
        when: When,
        where: Where,
        register: Register,
        people: People,
        files: LeaseFiles,
        behind: Sequence[Chain] = (),
    ) -> None:
        self.register = register
        self._when = when
        self._where = where
        self._files = files
        self._leases = Leases(people.lease_length // timedelta(microseconds=1))
        self._sessions = Sessions(people.login_length // timedelta(microseconds=1))
        self._who = Who(Identity(people, register), self._leases, self._sessions)
        self._once = Once(behind)

    def use(self, index: Index) -> None:
        """Take newer category lists from the next batch on."""
        self._where.use(index)

    def inside(self, url: str) -> str | None:
        """Return the address that *url* shows inside itself (a translation, an archive), null for none."""
        return self._where.inner(url)

    def asked(self, url: str) -> Asked | None:
        """Return what *url* asks of a search engine, suggestions and safe search too; null where it asks none."""
        return self._where.asked(url)

    def prepare(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return *events* with when (``started``, ``local_*``, ``weekday``, ``in_school_hours``) and where
        (``domain``, ``search_terms``, ``categories`` and, for rules, ``category_bits`` and ``embedded``).
        """  # noqa: D205 - the columns are the promise
        return self._where.add(self._when.add(events))

    def settle(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return *events* with once (``counted``) and who (``person`` ... ``identity``).

        Of a DNS request the answers get the question's client and type, and the question that counts gets the verdict
        of its answers in the same batch.
        """
        self._files.read(self._leases)
        return self._who.add(self._once.add(events))

    def troubles(self) -> list[str]:
        """Return what keeps it from knowing all it could, one sentence each: unreadable lease files."""
        return list(self._files.troubles.values())

    def state(self) -> bytes:
        """Return what :meth:`settle` remembers: requests of the last seconds, leases, logins."""
        requests = (self._once.visits, self._once.tunnels, self._once.chains)
        frames = (*requests, self._leases.history.frame(), self._sessions.history.frame())
        return _STATE + b"".join(_packed(frame) for frame in frames)

    def restore(self, state: bytes) -> None:
        """Go on from :meth:`state`.

        Raises:
            ValueError: It is that of another version (leases and logins are heard of again).
            FilterwatchError: It is damaged.
        """
        if not state.startswith(_STATE):
            raise ValueError("another layout")
        try:
            rest = state.removeprefix(_STATE)
            visited, rest = _unpacked(rest, visits.RECENT)
            opened, rest = _unpacked(rest, tunnels.RECENT)
            chained, rest = _unpacked(rest, CHAINED)
            leased, rest = _unpacked(rest, FACTS)
            logged_in, rest = _unpacked(rest, FACTS)
        except (ValueError, pl.exceptions.PolarsError) as error:
            problem = f"the saved state of the enrichment is damaged ({error}); restore the journal from its back-up"
            raise FilterwatchError(problem) from None
        self._once.visits, self._once.tunnels, self._once.chains = visited, opened, chained
        self._leases.history.restore(leased)
        self._sessions.restore(logged_in)


def build(
    settings: Settings, index: Index | None = None, *, zone: ZoneInfo | None = None, directory: Path = Path()
) -> Enrich:
    """Return the enrichment of a school.

    Args:
        settings: What the school says.
        index: The compiled category lists; none, and no host has a category.
        zone: The school's zone; Europe/London.
        directory: What relative paths of *settings* are relative to: the configuration's folder.

    Raises:
        ConfigurationError: With every mistake in the roster and the list of devices, or a file that cannot be read.
    """
    register = load(settings.people, directory)
    suffixes = Suffixes(directory / settings.suffix_list if settings.suffix_list else None)
    files = LeaseFiles(directory / path for path in settings.people.leases)
    when = When(zone or ZoneInfo("Europe/London"), settings.calendar, settings.logged_at_start)
    where = Where(index or NoLists(), suffixes, Engines(), settings.furniture)
    return Enrich(when, where, register, settings.people, files, settings.chains)


def _packed(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd")
    raw = buffer.getvalue()
    return len(raw).to_bytes(8, "big") + raw


def _unpacked(raw: bytes, schema: pl.Schema) -> tuple[pl.DataFrame, bytes]:
    length = int.from_bytes(raw[:8], "big")
    if not 0 < length <= len(raw) - 8:
        raise ValueError("cut short")
    frame = pl.read_ipc(raw[8 : 8 + length])
    if frame.schema != schema:
        raise ValueError("other columns")
    return frame, raw[8 + length :]
