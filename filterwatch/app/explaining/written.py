"""An explanation as JSON.  The keys are described in ``docs/explain.md``; others' tools hold on to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date

from filterwatch.app.explaining.explained import Explained

SCHEMA = 1
"""Changes when a key goes or means something else; a new key leaves it as it is."""


def as_json(found: Explained) -> str:
    """Return everything as JSON; of illegal content no address, entry or search."""
    hidden = found.withheld
    about = {
        "schema": SCHEMA,
        "withheld": hidden,
        "kind": found.asked.kind,
        "action": found.asked.action,
        "address": None if hidden else _address(found),
        "lists": [] if hidden else [asdict(one) for one in found.listings],
        "name": None if hidden or found.name is None else asdict(found.name),
        "categories": list(found.categories),
        "search": None if hidden else _search(found),
        "unblocks": None if hidden or found.unblocks is None else [asdict(one) for one in found.unblocks],
        "who": asdict(found.who),
        "when": {"at": found.at, "in_school_hours": found.in_school_hours, "because": found.school},
        "visit": found.visit,
        "holds": [asdict(one) for one in found.holds],
        "nearly": [asdict(one) for one in found.nearly],
    }
    return json.dumps(about, indent=2, default=_plain)


def _address(found: Explained) -> Mapping[str, object]:
    return asdict(found.address) | {
        "domain": found.domain,
        "suffix": found.domain.partition(".")[2] if found.domain else None,
        "inside": asdict(found.inside) if found.inside else None,
        "looks_like": found.alike,
    }


def _search(found: Explained) -> Mapping[str, object] | None:
    if found.search is None:
        return None
    asked = found.search
    packs = [asdict(one) for one in found.packs]
    said = {"engine": asked.engine, "kind": asked.kind, "what": asked.what, "terms": asked.terms, "safe": asked.safe}
    return said | {"packs": packs}


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value))
