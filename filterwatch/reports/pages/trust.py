"""How far the figures of a week can be relied on (NB01, NB02, NB11)."""

from __future__ import annotations

from filterwatch.reports.page import Fact, Standing
from filterwatch.reports.registers import Coverage, Registers
from filterwatch.reports.render.cells import minutes, percent
from filterwatch.reports.usage import Usage

PROVEN = 0.95
"""Share of school minutes with proof of filtering that is called good (our judgement)."""

NOBODY = 0.25
"""Share of requests of nobody known that asks for attention (our judgement)."""

UNAGREED = ("unauthorised", "partial", "unexplained")
"""Verdicts on a switch-off that nobody had agreed to."""


def trust(registers: Registers, used: Usage) -> tuple[Fact, ...]:
    """Return the answers to: can we trust this week?"""
    return (
        proven(registers.coverage),
        _switch_offs(registers),
        _lost(registers.coverage),
        _silent(registers.coverage),
        _undelivered(registers),
        _unknown(used),
    )


def proven(coverage: Coverage) -> Fact:
    """Return in what share of school minutes the filter was proved to work."""
    label = "School minutes with proven filtering"
    if coverage.school_minutes is None or coverage.proven_minutes is None:
        return Fact(label, "not proven", "unknown", "nothing tests the filter through the day")
    if not coverage.school_minutes:
        return Fact(label, "no school", "plain")
    share = coverage.proven_minutes / coverage.school_minutes
    standing: Standing = "good" if share >= PROVEN else "attention" if share >= PROVEN / 2 else "bad"
    return Fact(label, percent(share), standing)


def _switch_offs(registers: Registers) -> Fact:
    label = "Switch-offs nobody agreed"
    unagreed = [one for one in registers.switch_offs if one.verdict in UNAGREED]
    overrun = sum(one.verdict == "overrun" for one in registers.switch_offs)
    agreed = sum(one.verdict == "authorised" for one in registers.switch_offs)
    note = f"{agreed} agreed, {overrun} longer than agreed" if registers.switch_offs else "none at all"
    if not unagreed:
        return Fact(label, "0", "attention" if overrun else "good", note)
    length = sum(one.minutes or 0 for one in unagreed)
    return Fact(label, f"{len(unagreed)} ({minutes(length)})", "bad", note)


def _lost(coverage: Coverage) -> Fact:
    label = "Lines lost or unreadable"
    if not coverage.sources:
        return Fact(label, "not recorded", "unknown")
    gaps = sum(one.gaps for one in coverage.sources)
    lines, unreadable = sum(one.lines for one in coverage.sources), sum(one.unreadable for one in coverage.sources)
    if not lines:
        return Fact(label, "unknown: no line was read", "unknown")
    note = f"{unreadable:,} of {lines:,} lines unreadable"
    times = f"lost {gaps} time{'s' * (gaps != 1)}" if gaps else "none lost"
    return Fact(label, times, "attention" if gaps or unreadable * 1000 > lines else "good", note)


def _silent(coverage: Coverage) -> Fact:
    label = "Logs silent in school hours"
    judged = [one.silent_minutes for one in coverage.sources if one.silent_minutes is not None]
    if not judged:
        return Fact(label, "not judged", "unknown")
    return Fact(label, minutes(sum(judged)), "attention" if any(judged) else "good", "unproven, never taken for quiet")


def _undelivered(registers: Registers) -> Fact:
    label = "Alerts not delivered"
    if registers.undelivered is None:
        return Fact(label, "not recorded", "unknown")
    return Fact(label, f"{registers.undelivered:,}", "bad" if registers.undelivered else "good")


def _unknown(used: Usage) -> Fact:
    label = "Requests of nobody known"
    requests, unknown = int(used.days["requests"].sum()), int(used.days["unknown"].sum())
    if not requests:
        return Fact(label, "no requests", "unknown")
    share = unknown / requests
    return Fact(label, percent(share), "attention" if share > NOBODY else "good", f"of {requests:,}")
