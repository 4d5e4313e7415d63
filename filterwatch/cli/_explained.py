"""An explanation as people read it: the verdict first, then the chain that led to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from filterwatch.cli._listed import entry, signs
from filterwatch.cli._wrapped import wrapped
from filterwatch.text import defang

if TYPE_CHECKING:
    from filterwatch.app.explaining.explained import Explained
    from filterwatch.app.explaining.judged import Condition, Held, Near, Told
    from filterwatch.app.explaining.unblocks import Unblock
    from filterwatch.policy.terms import Found, Span

WITHHELD = "withheld: illegal content. Do not look for it."
SHOWN = 6
"""Rules that nearly hold and are shown without --all."""

ALTERNATIVES = 3
"""Conditions any one of which would do that are shown of a rule."""

LABEL = 10
_LONGEST = 400
"""Characters of an address or a search that are shown: the host stands in front of them."""

_ROUTES = {
    "immediate": "told at once to the {}",
    "daily": "told in the daily digest of the {}",
    "weekly": "told in the weekly report",
    "none": "only counted in reports",
}
_SAFE = {"on": "safe search on", "blur": "safe search moderate", "off": "safe search off"}
_SEARCHES = {
    "web": "a search",
    "image": "a search for pictures",
    "video": "a search for films",
    "news": "a search for news",
    "shopping": "a search for things to buy",
    "assistant": "a question to an assistant",
    "social": "a search of a social network",
}
_SURE = {
    "authenticated": "known by login",
    "lease": "known by the device",
    "address": "known by the address range only",
    "unknown": "not known",
}


def labelled(rows: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Print texts beside the label that they share."""
    for label, texts in rows:
        for at, text in enumerate(texts):
            wrapped(text, f"{label if at == 0 else '':<{LABEL}} ", " " * (LABEL + 1))


def show(found: Explained, *, everything: bool, asked: bool = True) -> None:
    """Print an explanation.

    Args:
        found: What is known.
        everything: Print every rule that nearly holds.
        asked: Somebody asked of an address, and no detection of one.
    """
    wrapped(headline(found), below="")
    typer.echo()
    labelled(_chain(found, asked=asked))
    policies: set[tuple[str, str]] = set()
    _holding("Rules that hold", [one for one in found.holds if not one.more], policies)
    counted = [one for one in found.holds if one.more]
    _holding("Rules that hold and count: reported only when it goes on", counted, policies)
    _nearly(found, everything=everything)
    typer.echo()
    wrapped("One request cannot show what is found over time: many tries, much data, a filter that stops.", below="")


def _holding(title: str, rules: Sequence[Held], policies: set[tuple[str, str]]) -> None:
    """Print rules that hold; a sentence of the policy only where it is not among *policies* yet."""
    if rules:
        typer.echo()
        wrapped(title)
    for one in rules:
        wrapped(f"{one.rule}: {one.title} ({one.level}, {one.outcome})", "  ")
        for text in _of_held(one):
            wrapped(text, "    ")
        if one.policy and one.policy not in policies:
            policies.add(one.policy)
            wrapped(f'policy: "{one.policy[0]}" ({one.policy[1]})', "    ")


def _nearly(found: Explained, *, everything: bool) -> None:
    rules = found.nearly
    if not rules:
        return
    typer.echo()
    wrapped(f"Rules that nearly hold: one condition is missing (files in {found.rules})")
    above = {found.address.url, found.address.host, found.search and f'"{found.search.terms}"'}
    some = rules if everything else rules[:SHOWN]
    for one in some:
        wrapped(f"{one.rule}: {one.title} ({one.level})", "  ")
        for text in _of_near(one, above):
            wrapped(text, "    ")
    if len(rules) > len(some):
        wrapped(f"and {len(rules) - len(some)} more (--all)", "  ")


def headline(found: Explained) -> str:
    """Return in a sentence or two what would become of the request."""
    if found.withheld:
        return "Illegal content: the address is withheld. Do not look for it; follow the protocol."
    alone = [one for one in found.holds if not one.more]
    counted = [one for one in found.holds if one.more]
    furniture = "" if found.visit else " No visit of a person: pages and programs load it by themselves."
    if alone:
        first = alone[0]
        more = len(alone) - 1
        others = f" {more} more {'rule holds' if more == 1 else 'rules hold'}." if more else ""
        told = f", {_route(first.told)}" if first.told else ""
        said = f"{first.title}: a detection, {first.level}, {_outcome(first.outcome)}{told}.{others}"
    elif counted:
        titles = ", ".join(one.title for one in counted[:ALTERNATIVES])
        said = f"No detection by itself. It counts towards: {titles}."
    else:
        said = "No detection: no rule holds."
    return said + furniture


def _outcome(outcome: str) -> str:
    return {"breach": "a breach of the policy", "welfare": "a matter of welfare"}.get(outcome, outcome)


def _route(told: Told) -> str:
    return _ROUTES[told.route].replace("{}", " and the ".join(told.first))


def _chain(found: Explained, *, asked: bool) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield labels and what stands beside them."""
    if found.withheld:
        yield "Address", [WITHHELD]
    else:
        steps = "; ".join(found.address.steps)
        yield "Address", [_address(found), *([f"({steps})"] if steps else [])]
        yield "Site", [_site(found)]
        if found.alike:
            yield "Look-alike", [f"it looks like {defang(found.alike)} and is another site"]
        if found.inside:
            yield "Inside", [f"{_shown(found.inside.url)}, which the address shows inside itself"]
        yield "Lists", [entry(one, found.address.host) for one in found.listings] or ["on none"]
        listed = any(one.used and one.mode != "allow" for one in found.listings)
        yield "Name", [signs(found.name, listed=listed)] if found.name else []
    yield "Counts as", [", ".join(found.categories) or "nothing: no category"]
    if not found.withheld:
        yield "Search", _search(found)
        yield "Unblock", map(_unblock, found.unblocks or ())
    yield "Who", [_who(found)]
    if found.asked.action != "allowed":
        yield "Filter", [f"{found.asked.action}, as {'you said' if asked else 'it was logged'}"]
    yield "When", [f"{found.at:%a %-d %b %Y %H:%M}: {found.school}"]
    if not found.visit:
        yield "Visit", ["no: loaded by other pages or by programs; rules for visits leave it out"]


def _address(found: Explained) -> str:
    address = found.address
    if found.asked.kind == "dns":
        return f"{defang(address.host)}, a name asked of the resolver"
    if found.asked.kind == "flow":
        from filterwatch.app.explaining.request import HTTPS

        return f"{defang(address.host)}, a connection to port {address.port or HTTPS} through the firewall"
    return _shown(address.url)


def _site(found: Explained) -> str:
    host, domain = found.address.host, found.domain
    if domain:
        return f"{defang(domain)}, registered below {defang(domain.partition('.')[2])}"
    if ":" in host or host.rpartition(".")[2].isdigit():
        return "none: an IP address"
    return (
        "none: below it anybody gets names"
        if "." in host
        else "none: a name without a dot (words of a search: --search)"
    )


def _search(found: Explained) -> list[str]:
    if found.search is None:
        return []
    asked = found.search
    what = _SEARCHES[asked.what] if asked.kind == "search" else "suggestions while typing: nobody has searched yet"
    safe = _SAFE.get(asked.safe or "", "safe search: the address does not say")
    said = [f'"{_cut(asked.terms)}"', f"{asked.engine}: {what}" + (f"; {safe}" if asked.kind == "search" else "")]
    for one in found.packs:
        if any(span.counts and span.weight > 0 for span in one.terms) or one.hidden:
            said += list(_pack(one, asked.terms))
    return said


def _pack(one: Found, terms: str) -> Iterator[str]:
    enough = "are enough" if one.held else "would be enough"
    points = "point" if one.weight == 1 else "points"
    yield f"pack {one.pack}: {one.weight} {points}, {one.at_least} {enough}: {marked(terms, one)}"
    counted = dict.fromkeys(f"{_typed(span, terms)} {span.weight:+}" for span in one.terms if span.counts)
    if counted:
        yield ", ".join(counted)
    hidden = dict.fromkeys(_typed(span, terms) for span in one.hidden)
    if hidden:
        yield f"harmless together, so that their words do not count: {', '.join(hidden)}"


def _typed(span: Span, terms: str) -> str:
    typed = " ".join(terms[begin:end] for begin, end in span.places)
    return f'"{typed}"' + (f' (read as "{span.read_as}")' if span.read_as else "")


def marked(terms: str, one: Found) -> str:
    """Return a search with what counts for a pack in ``[ ]`` and what it takes for harmless in ``{ }``."""
    plain = terms.translate(str.maketrans("[]{}", "()()"))
    marks = [(place, ("[", "]")) for span in one.terms if span.counts for place in span.places]
    marks += [(place, ("{", "}")) for span in one.hidden for place in span.places]
    out, at = "", 0
    for (begin, end), (left, right) in sorted(set(marks)):
        if begin < at:
            continue
        between = plain[at:begin]
        if out.endswith(right) and not between.strip():
            out = out[:-1] + between + plain[begin:end] + right
        else:
            out += between + left + plain[begin:end] + right
        at = end
    return _cut(out + plain[at:])


def _unblock(one: Unblock) -> str:
    scope = f", for {one.scope}" if one.scope else ""
    until = f", until {one.until:%-d %b %Y}" if one.until else ""
    force = "the filter lets it through, the rules judge it all the same" if one.in_force else "not in force"
    return f"{one.number}: {one.state}{scope}{until}: {force}"


def _who(found: Explained) -> str:
    who = found.who
    name = who.person or ("a name that is not shown" if who.withheld else "")
    parts = [name, who.group, f"year {who.year}" if who.year else "", f"device {who.device}" if who.device else ""]
    sure = "" if who.identity == "unknown" and who.how else _SURE[who.identity]
    parts += [f"of the class {who.device_class}" if who.device_class else "", sure]
    return ", ".join(part for part in parts if part) + (f" ({'; '.join(who.how)})" if who.how else "")


def _of_held(one: Held) -> Iterator[str]:
    yield f"because {one.reason}"
    if one.more:
        apart = f", each {_span(one.apart)} or more after the last" if one.apart else ""
        yield f"reported after {one.more} more within {_span(one.minutes)} by the same {one.by}{apart}"
    if one.visits:
        yield "looks at visits only, not at what pages and programs load by themselves"
    if one.once:
        yield f"{one.once} only, when it is the first such visit in a week and soon over: it may be an accident"
    if one.told:
        then = f"; if nobody answers, the {', '.join(one.told.then)}" if one.told.then else ""
        yield _route(one.told) + (then if one.told.route == "immediate" else "")


def _span(minutes: float) -> str:
    for unit, length in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= length and minutes % length == 0:
            many = minutes / length
            return f"{many:g} {unit}{'s' if many > 1 else ''}"
    return f"{minutes * 60:g} seconds"


def _of_near(one: Near, above: Collection[str | None]) -> Iterator[str]:
    """Yield what a rule lacks; what the request has instead only where it does not stand *above* already."""
    if len(one.lacks) > 1:
        yield "any one of these would do:"
    for lack in one.lacks[:ALTERNATIVES]:
        yield _condition(lack, above)
        if lack.says:
            yield f"  {Path(lack.file).name}:{lack.line}  {lack.says}"
    if len(one.lacks) > ALTERNATIVES:
        yield f"and {len(one.lacks) - ALTERNATIVES} more"


def _condition(lack: Condition, above: Collection[str | None]) -> str:
    found = _shown(lack.found) if "." in lack.found else lack.found
    here = f"; here: {found}" if found and lack.found not in above else ""
    return f"it must not be that {lack.needs}" if lack.excepts else f"needs: {lack.needs}{here}"


def _shown(address: str) -> str:
    return defang(address[:_LONGEST]) + _rest(address)


def _cut(text: str) -> str:
    return text[:_LONGEST] + _rest(text)


def _rest(text: str) -> str:
    return f" ... ({len(text):,} characters)" if len(text) > _LONGEST else ""
