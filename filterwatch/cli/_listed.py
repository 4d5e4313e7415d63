"""What lists say of a host, in a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filterwatch.text import defang

if TYPE_CHECKING:
    from filterwatch.app.explaining.listed import Listing, Name

_MODES = {
    "suffix": "and all below it",
    "exact": "that name alone",
    "children": "all below it",
    "range": "a range of addresses",
    "page": "a page and what is below it",
    "page of it": "a page of it",
    "allow": "an exception",
    "set aside": "set aside",
}
_ORIGINS = {"shipped": "comes with filterwatch", "own": "the school's own", "members": "a members' list"}


def entry(one: Listing, host: str) -> str:
    """Return an entry of a list, what is to be thought of the list, and whether it counts; it speaks of *host*."""
    entry = one.entry if one.entry == "withheld" else defang(one.entry)
    words = [f"{one.category}: {entry} ({_MODES.get(one.mode, one.mode)}) on list {one.list}"]
    if one.host != host:
        words.append(f"for {defang(one.host)}")
    about = [_ORIGINS.get(one.origin, "public list"), f"trust {one.trust}" if one.trust else ""]
    about += [f"of {one.fetched:%-d %b %Y}" if one.fetched else "", one.licence]
    words.append(" ".join(f"[{'; '.join(part for part in about if part)}]".split()))
    return " ".join(words) + ("" if one.used else f": does not count: {one.because.replace('.', '[.]')}")


def signs(name: Name, *, listed: bool) -> str:
    """Return what the signs in a name come to; where the host is *listed* the list decides."""
    said = ", ".join(f"{one.sign} {defang(one.shows)} {one.points:+}" for one in name.signs)
    judged = f"unusual from {name.unusual}, an unblocker's from {name.unblocker}"
    return f"{name.points} points for signs of an unblocker ({judged}): {said}" + ("; a list decides" * listed)
