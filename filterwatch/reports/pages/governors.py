"""The governors' page: counts and assurance; no names, no web sites, no search terms, no case, no small count.

It is made for one whole week, Monday to Sunday: periods that overlap could be subtracted from each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from filterwatch.errors import FilterwatchError
from filterwatch.reports import suppress
from filterwatch.reports.material import Material
from filterwatch.reports.page import Chart, Column, Fact, Page, Section, Standing, Table
from filterwatch.reports.pages import statements
from filterwatch.reports.pages.trust import UNAGREED, proven
from filterwatch.reports.registers import AlertCount, Attestation, Count, Registers
from filterwatch.reports.render.cells import minutes, percent

FEWEST = suppress.FEWEST
WITHHELD = f"Withheld counts are marked with a dash, so that no count of 1 to {FEWEST - 1} can be worked out."
GROUPS = ("pupils", "staff", "guests", "others")
QUESTIONS = (
    "Who holds the roles of coordinator and technician when they are away, and do they know it?",
    "When was the filter last tested, by whom, and what did the test not cover?",
    "Which devices and networks of the school are not watched, and who decided that?",
    "What changed after the last serious incident?",
    "Do pupils know whom to tell when they see something that worries them?",
)
"""What to ask next, whatever the figures say (after UKSIC's questions for governing boards)."""


def page(material: Material) -> Page:
    """Return what governors may know of the week.

    Raises:
        FilterwatchError: The period is not one whole week.
    """
    if not material.period.is_week:
        raise FilterwatchError(
            f"the governors' page is made for a whole week, Monday to Sunday, not {material.period}: counts of periods "
            "that overlap could be subtracted; give --from a Monday and --to the Sunday after it, or neither"
        )
    registers = material.registers
    return Page(
        name="governors",
        title="Online safety: the week for governors",
        site=material.site,
        period=material.period,
        made=material.made,
        sections=(
            Section("Was filtering on?", filtering(registers)),
            Section("Monitoring", monitoring(registers), (alerts(registers.alerts),)),
            Section("Incidents", tables=incidents(registers)),
            Section("Training and agreements", tables=(attestations(registers.attestations),)),
            Section("Who was looked at, and is the record whole?", record(registers)),
            Section("Questions to ask next", tuple(Fact("", question) for question in QUESTIONS)),
        ),
        statements=(
            WITHHELD,
            *statements.coverage(registers.coverage, named=False),
            statements.READS_LOGS,
            statements.GATEWAY,
            statements.CONTENT,
            statements.SILENCE,
        ),
        confidential="Counts only: may be minuted.",
    )


def few(count: int | None) -> str:
    """Return a count that stands alone, without telling 1 from 4."""
    if count is None:
        return "not recorded"
    if count == 0:
        return "none"
    return f"fewer than {FEWEST}" if count < FEWEST else f"{count:,}"


def filtering(registers: Registers) -> tuple[Fact, ...]:
    """Return whether filtering was on, as far as that is known."""
    offs = registers.switch_offs
    unagreed = [one for one in offs if one.verdict in UNAGREED]
    overrun = [one for one in offs if one.verdict == "overrun"]
    length = minutes(sum(one.minutes or 0 for one in unagreed)) if unagreed else ""
    gaps = sum(one.gaps for one in registers.coverage.sources) if registers.coverage.sources else None
    tested = registers.last_filter_test
    return (
        proven(registers.coverage),
        Fact("Switch-offs the head agreed", few(sum(one.verdict == "authorised" for one in offs))),
        Fact("Longer than agreed", few(len(overrun)), "attention" if overrun else "good"),
        Fact("That nobody agreed", few(len(unagreed)), "bad" if unagreed else "good", length),
        Fact("Times log lines were lost", few(gaps), _standing(gaps)),
        Fact("Checks of the filter signed", few(registers.checks_done)),
        Fact("Checks overdue", few(registers.checks_overdue), _standing(registers.checks_overdue)),
        Fact("Last test with harmless test sites", f"{tested:%-d %B %Y}" if tested else "not recorded"),
    )


def _standing(count: int | None) -> Standing:
    return "unknown" if count is None else "attention" if count else "good"


def monitoring(registers: Registers) -> tuple[Fact, ...]:
    """Return how alerts were dealt with."""
    total = sum(one.count for one in registers.alerts)
    took = registers.acknowledge_minutes
    # A time for a handful of alerts is a time of a case.
    known = took is not None and total >= FEWEST
    unblocks = registers.unblocks
    return (
        Fact("Half of the alerts were acknowledged within", minutes(took or 0) if known else "not given"),
        Fact("Alerts not delivered", few(registers.undelivered), _standing(registers.undelivered)),
        Fact("Unblock requests agreed", few(unblocks.agreed)),
        Fact("Unblock requests refused", few(unblocks.refused)),
    )


def alerts(counts: Sequence[AlertCount]) -> Table:
    """Return alerts by family and group, with totals, as far as they may be printed."""
    sums: dict[tuple[str, str], int] = {}
    for one in counts:
        key = (one.family, one.group if one.group in GROUPS else "others")
        sums[key] = sums.get(key, 0) + one.count
    groups = [group for group in GROUPS if any(name == group and n for (_, name), n in sums.items())]
    sums = {key: n for key, n in sums.items() if key[1] in groups}
    printed = suppress.table(sums)
    rows = [
        {"family": family} | {group: printed.cells[family, group] for group in groups} | {"all": printed.rows[family]}
        for family in printed.rows
    ]
    if rows:
        rows.append({"family": "All"} | dict(printed.columns) | {"all": printed.total})
    schema = {"family": pl.String} | dict.fromkeys([*groups, "all"], pl.Int64)
    frame = pl.DataFrame(rows, schema=schema)
    columns = (
        Column("family", "Family"),
        *(Column(group, group.capitalize(), "count") for group in groups),
        Column("all", "All", "count"),
    )
    drawn = frame.filter((pl.col("family") != "All") & (pl.col("all") > 0)).select("family", "all")
    says = "; ".join(f"{family}: {n}" for family, n in drawn.iter_rows())
    chart = Chart("bars", "family", "all", "Alerts by family, where not withheld", says) if len(drawn) else None
    return Table("alerts", "Alerts by family and group", columns, frame, "", "No alerts.", chart, drawn)


def incidents(registers: Registers) -> tuple[Table, ...]:
    """Return the incident log by type and conclusion, and referrals."""
    log = registers.incidents
    [types, conclusions], total = suppress.lists(_counts(log.types), _counts(log.conclusions))
    [agencies], referred = suppress.lists(_counts(log.referrals))
    return (
        _list("types", "Incidents by type", "Type", types, total),
        _list("conclusions", "Incidents by conclusion", "Conclusion", conclusions, total),
        _list("referrals", "Referrals", "Agency", agencies, referred),
    )


def _counts(counts: Sequence[Count]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in counts:
        sums[one.what] = sums.get(one.what, 0) + one.count
    return sums


def _list(name: str, title: str, what: str, counts: Mapping[str, int | None], total: int | None) -> Table:
    rows = [*sorted(counts.items()), ("All", total)] if counts else []
    frame = pl.DataFrame(rows, schema={"what": pl.String, "count": pl.Int64}, orient="row")
    return Table(name, title, (Column("what", what), Column("count", "Count", "count")), frame, empty="None.")


def attestations(of: Sequence[Attestation]) -> Table:
    """Return training and agreements as shares, where neither those who have it nor those who lack it are few."""
    rows = [(one.what, _coverage(one)) for one in of]
    frame = pl.DataFrame(rows, schema={"what": pl.String, "done": pl.String}, orient="row")
    columns = (Column("what", "What"), Column("done", "Up to date"))
    return Table("attestations", "Training and agreements", columns, frame, empty="Not recorded.")


def _coverage(one: Attestation) -> str:
    missing = one.of - one.done
    if not one.of:
        return "nobody needs it"
    if 0 < missing < FEWEST:
        return f"all but fewer than {FEWEST}"
    if 0 < one.done < FEWEST:
        return f"fewer than {FEWEST}"
    return "all" if not missing else "nobody" if not one.done else percent(one.done / one.of)


def record(registers: Registers) -> tuple[Fact, ...]:
    """Return how often named data was looked at, and the anchor of the ledger."""
    return (
        Fact("Times named data was looked at", few(registers.named_views)),
        Fact("Head of the ledger", registers.ledger_head or "no ledger", note="keep it: later changes would show"),
    )
