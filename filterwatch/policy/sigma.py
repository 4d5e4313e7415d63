"""Rules in Sigma's format (proxy, DNS and firewall logs) as rules of ours: the same engine judges both.

pySigma (an extra) reads the detections and their conditions.  What our rules cannot say is refused with its place and
never left out, for a rule with a hole would hold too often or never.
Source: Sigma specification 2.0, https://sigmahq.io/sigma-specification/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sigma.conditions import ConditionAND, ConditionIdentifier, ConditionNOT, ConditionOR, ConditionSelector
from sigma.exceptions import SigmaError
from sigma.rule.detection import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import SigmaExists, SigmaNull

from filterwatch.config import Document
from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.events import LEVELS
from filterwatch.policy.sigma_fields import DNS, FIREWALL, PROXY, Field, any_of, leaf
from filterwatch.policy.sigma_values import Leaf, Refused, checked

Loc = tuple[str | int, ...]

_CATEGORIES: Mapping[str, tuple[str, Mapping[str, Field]]] = MappingProxyType(
    {"proxy": ("http", PROXY), "dns": ("dns", DNS), "dns_query": ("dns", DNS), "firewall": ("flow", FIREWALL)}
)
_PRODUCTS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("squid", "bluecoat", "zscaler", "e2guardian"), "proxy")
    | dict.fromkeys(("dnsmasq", "unbound", "bind", "pihole"), "dns")
    | dict.fromkeys(("pfsense", "netfilter", "iptables", "fortigate"), "firewall")
)
_SERVICES: Mapping[str, str] = MappingProxyType({"http": "proxy", "dns": "dns", "conn": "firewall"})
"""Of product zeek."""

_KEYS = frozenset(
    {
        "title", "id", "name", "related", "status", "license", "description", "references", "author", "date",
        "modified", "tags", "fields", "falsepositives", "level", "logsource", "detection", "taxonomy", "scope",
    }
)  # fmt: skip
_TEXTS = ("title", "status", "taxonomy", "level", "id", "author", "license", "description")
_LISTS = ("tags", "references", "falsepositives")
"""Keys whose values are copied: a text each, or texts."""

_LEFT = ("deprecated", "unsupported")
_LONGEST_ID = 64
_LONGEST_TITLE = 256
"""Source: Sigma specification 2.0, title."""

_LONGEST_CONDITION = 1000
"""Characters; what reads conditions takes a minute for a hundred times as many."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule as our files say it, still without examples.

    Attributes:
        data: Keys of a rule file.
        kind: Kind of event it looks at: http, dns or flow.
    """

    data: dict[str, object]
    kind: str


def compiled(document: Document, stem: str) -> Compiled:
    """Return one Sigma rule as one of ours.

    Args:
        document: The file.
        stem: Its name without ending, of which the id is made.

    Raises:
        ConfigurationError: With everything in it that our rules cannot say.
    """
    rule = document.data if isinstance(document.data, dict) else {}
    mistakes = [
        document.mistake((), f"{key}: rules with this cannot be compiled; only plain Sigma rules are", key=key)
        for key in rule
        if key not in _KEYS
    ]
    mistakes += _not_texts(document, rule)
    if mistakes:
        raise ConfigurationError(mistakes)
    if rule.get("taxonomy") not in {None, "sigma"}:
        mistakes.append(document.mistake(("taxonomy",), "taxonomy: only Sigma's own field names are known; use them"))
    if rule.get("level") not in LEVELS:
        mistakes.append(document.mistake(("level",), f"level: missing or unknown; use one of {', '.join(LEVELS)}"))
    if not 0 < len(str(rule.get("title") or "")) <= _LONGEST_TITLE:
        problem = f"title: missing, or longer than {_LONGEST_TITLE} characters; write one"
        mistakes.append(document.mistake(("title",), problem))
    if rule.get("status") in _LEFT:
        problem = f"status: {rule['status']}: its authors do not stand by it any more; take the rule that replaced it"
        mistakes.append(document.mistake(("status",), problem))
    source = _source(document, rule.get("logsource"), mistakes)
    detection = _detection(document, rule.get("detection"), mistakes)
    if source is None or detection is None or mistakes:
        raise ConfigurationError(mistakes)
    kind, fields = source
    said = _Compiler(document, detection, fields, mistakes).match()
    if said is None or mistakes:
        raise ConfigurationError(mistakes)
    return Compiled(_rule(rule, stem, {"kind": [kind], **said} if "kind" not in said else said), kind)


def _not_texts(document: Document, rule: Mapping[str, object]) -> Iterator[Mistake]:
    """Yield the keys whose values are copied, and are no texts."""
    source = rule.get("logsource")
    texts: list[tuple[Loc, object]] = [((key,), rule.get(key)) for key in _TEXTS]
    texts += [((key,), one) for key in _LISTS for one in _several(rule.get(key))]
    texts += [(("logsource", key), value) for key, value in source.items()] if isinstance(source, dict) else []
    for loc, value in texts:
        if not isinstance(value, str | int | float | None):
            yield document.mistake(loc, f"{loc[-1]}: write text here")


def _source(document: Document, said: object, mistakes: list[Mistake]) -> tuple[str, Mapping[str, Field]] | None:
    """Return the kind of event and the fields of a ``logsource``."""
    source = said if isinstance(said, dict) else {}
    if unknown := [key for key in source if key not in {"category", "product", "service", "definition"}]:
        mistakes.append(document.mistake(("logsource",), f"logsource.{unknown[0]}: unknown; remove it", key=unknown[0]))
    category, product, service = (source.get(key) for key in ("category", "product", "service"))
    told = _SERVICES.get(str(service)) if product == "zeek" else _PRODUCTS.get(str(product))
    if category is None and told is not None:
        category = told
    if category not in _CATEGORIES:
        problem = f"logsource: only {', '.join(_CATEGORIES)} and products that log these are read; found {source}"
        mistakes.append(document.mistake(("logsource",), problem))
        return None
    if product is not None and told not in {category, None}:
        problem = f"logsource.product: {product} logs no {category}; correct one of the two"
        mistakes.append(document.mistake(("logsource", "product"), problem))
    windows = product == "windows" and category in {"dns_query", "firewall"}
    if product is not None and told is None and not windows:
        problem = f"logsource.product: {product} is not known here; leave it out if the fields are Sigma's own"
        mistakes.append(document.mistake(("logsource", "product"), problem))
    return _CATEGORIES[str(category)]


def _detection(document: Document, said: object, mistakes: list[Mistake]) -> SigmaDetections | None:
    detection = said if isinstance(said, dict) else {}
    if "timeframe" in detection:
        problem = "detection.timeframe: counting is said by `count` here; remove it and add count to the compiled rule"
        mistakes.append(document.mistake(("detection", "timeframe"), problem))
    conditions = [one for one in _several(detection.get("condition")) if isinstance(one, str)]
    if conditions != _several(detection.get("condition")) or not 0 < sum(map(len, conditions)) <= _LONGEST_CONDITION:
        problem = f"condition: write text, in all at most {_LONGEST_CONDITION} characters"
        mistakes.append(document.mistake(("detection", "condition"), problem))
    for name, value in detection.items():
        if name not in {"condition", "timeframe"}:
            _shape(document, ("detection", name), value, mistakes)
    if mistakes:
        return None
    for name in detection:
        if name != "condition":
            _modifiers(document, name, detection[name], mistakes)
    if mistakes:
        return None
    try:
        return SigmaDetections.from_dict(detection)
    except SigmaError as error:
        mistakes.append(document.mistake(("detection",), f"detection: {error}; correct it"))
    return None


def _shape(document: Document, loc: Loc, value: object, mistakes: list[Mistake]) -> None:
    """Refuse what no detection may be, before pySigma sees it."""
    values = value if isinstance(value, list) else [value]
    maps = [one for one in values if isinstance(one, dict)]
    if not maps or len(maps) != len(values):
        problem = f"{loc[-1]}: keywords look at whole lines, which are not kept; name the field"
        mistakes.append(document.mistake(loc, problem))
    elif not all(maps):
        mistakes.append(document.mistake(loc, f"{loc[-1]}: empty; say what must hold"))


def _modifiers(document: Document, name: str, value: object, mistakes: list[Mistake]) -> None:
    """Let pySigma read every item by itself, so that what it refuses has a place."""
    at: Loc = ("detection", name)
    many = isinstance(value, list)
    for number, items in enumerate(value if isinstance(value, list) else [value]):
        where = (*at, number) if many else at
        for key, one in items.items():
            if one == []:
                mistakes.append(document.mistake((*where, key), f"{key}: an empty list never holds; write a value"))
                continue
            try:
                if "re" in str(key).split("|")[1:]:
                    for text in one if isinstance(one, list) else [one]:
                        checked(str(text))
                SigmaDetectionItem.from_mapping(key, one)
            except Refused as refused:
                mistakes.append(document.mistake((*where, key), f"{key}: {refused}"))
            except (SigmaError, TypeError, ValueError, AttributeError, re.error) as error:
                mistakes.append(document.mistake(where, f"{key}: {error}; correct it", key=key))


class _Compiler:
    """Turns detections and their condition into what ``match`` says, and collects what it cannot."""

    def __init__(
        self, document: Document, detection: SigmaDetections, fields: Mapping[str, Field], mistakes: list[Mistake]
    ) -> None:
        self._document, self._detection, self._fields, self._mistakes = document, detection, fields, mistakes
        self._nulls: dict[Loc, None] = {}

    def match(self) -> Leaf | None:
        """Return ``match``; of several conditions any one is enough."""
        found = [self._condition(one) for one in self._detection.parsed_condition]
        match = any_of([one for one in found if one is not None]) if all(found) else None
        if match is not None and _holds_for_nothing(match):
            self._say_what_holds()
        return match

    def _say_what_holds(self) -> None:
        """Refuse a match that holds for an event of which nothing is logged: for nearly every line of many logs."""
        says = "null holds wherever a log leaves this field out, on nearly every line; say beside it what must hold"
        for loc in self._nulls:
            self._mistakes.append(self._document.mistake(loc, says))
        if not self._nulls:
            problem = "condition: it holds for whatever is not excepted; say beside it what must hold"
            self._mistakes.append(self._document.mistake(("detection", "condition"), problem))

    def _condition(self, one: object) -> Leaf | None:
        try:
            return self._node(one.parse(postprocess=False))  # type: ignore[attr-defined] # a SigmaCondition
        except RecursionError:
            problem = "condition: nested too deeply; split the rule"
            self._mistakes.append(self._document.mistake(("detection", "condition"), problem))
            return None
        except SigmaError as error:
            self._mistakes.append(self._document.mistake(("detection", "condition"), f"condition: {error}; correct it"))
            return None

    def _node(self, node: object) -> Leaf | None:
        match node:
            case ConditionNOT(args=[part]):
                inner = self._node(part)
                return None if inner is None else {"none": [inner]}
            case ConditionAND(args=parts) | ConditionOR(args=parts):
                return self._joined([self._node(part) for part in parts], every=isinstance(node, ConditionAND))
            case ConditionSelector():
                names = [one.identifier for one in node.resolve_referenced_detections(self._detection)]
                if not names:
                    self._unknown(node.pattern)
                    return None
                return self._joined([self._named(name) for name in names], every=node.cond_class is ConditionAND)
            case ConditionIdentifier():
                return self._named(node.identifier)
        self._unknown(str(node))
        return None

    def _named(self, name: str) -> Leaf | None:
        detection = self._detection.detections.get(name)
        if detection is None:
            self._unknown(name)
            return None
        return self._part(detection, ("detection", name))

    def _unknown(self, name: str) -> None:
        problem = f"condition: nothing in detection is called '{name}'; correct the name"
        self._mistakes.append(self._document.mistake(("detection", "condition"), problem))

    def _part(self, detection: SigmaDetection, loc: Loc) -> Leaf | None:
        value: object = self._document.data
        for step in loc:
            value = value[step]  # type: ignore[index] # the path that pySigma read
        keys = list(value) if isinstance(value, dict) else []
        found = []
        for at, item in enumerate(detection.detection_items):
            if isinstance(item, SigmaDetection):
                found.append(self._part(item, (*loc, at)))
            else:
                found.append(self._item(item, loc, keys[at]))
        return self._joined(found, every=detection.item_linking is ConditionAND)

    def _item(self, item: SigmaDetectionItem, loc: Loc, key: str) -> Leaf | None:
        leaves: list[Leaf] = []
        many = isinstance(item.original_value, list) and len(item.value) == len(item.original_value) > 1
        for at, value in enumerate(item.value):
            if isinstance(value, SigmaNull) or (isinstance(value, SigmaExists) and not value.exists):
                self._nulls[(*loc, key, at) if many else (*loc, key)] = None
            try:
                leaves.append(leaf(item.field or "", self._fields, value))
            except Refused as refused:
                where = (*loc, key, at) if many else (*loc, key)
                self._mistakes.append(self._document.mistake(where, str(refused)))
                return None
        if not leaves:
            return None
        every = item.value_linking is ConditionAND and len(leaves) > 1
        held: Leaf = {"all": leaves} if every else any_of(leaves)
        return {"none": [held]} if item.negated else held

    def _joined(self, parts: Sequence[Leaf | None], *, every: bool) -> Leaf | None:
        known = [one for one in parts if one is not None]
        if len(known) < len(parts) or not known:
            return None
        if not every:
            return any_of(known)
        return known[0] if len(known) == 1 else {"all": known}


def _holds_for_nothing(match: Mapping[str, object]) -> bool:
    """Return whether *match* holds for an event of which nothing is logged."""
    parts = {
        key: [isinstance(one, dict) and _holds_for_nothing(one) for one in _several(match.get(key))]
        for key in ("all", "any", "none")
    }
    return (
        match.keys() <= parts.keys()
        and all(parts["all"])
        and (any(parts["any"]) or "any" not in match)
        and not any(parts["none"])
    )


def _rule(rule: Mapping[str, object], stem: str, match: Leaf) -> dict[str, object]:
    """Return the keys of our rule, examples left out."""
    slug = re.sub(r"[^a-z0-9_.-]+", "-", stem.lower()).strip("-.")
    about = [f"Sigma rule {rule.get('id', 'without id')}", f"status {rule.get('status', 'unknown')}"]
    about += [f"{key} {rule[key]}" for key in ("author", "license") if rule.get(key)]
    known = [str(one) for one in _several(rule.get("falsepositives"))]
    limits = f"False positives known to its author: {'; '.join(known)}." if known else "Its author names none."
    data: dict[str, object] = {
        "id": f"sigma-{slug}"[:_LONGEST_ID].rstrip("-."),
        "title": str(rule["title"]),
        "level": rule["level"],
        "tags": [str(one) for one in _several(rule.get("tags"))],
        "description": f"{', '.join(about)}. {rule.get('description') or ''}".strip(),
        "references": [str(one) for one in _several(rule.get("references"))],
        "limits": limits,
        "match": match,
        "outcome": "technical",
    }
    return {key: value for key, value in data.items() if value != []}


def _several(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]
