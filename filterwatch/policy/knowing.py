"""What a rule knows from: which of its conditions look at lists, the filter's verdict, words, ports or behaviour."""

from __future__ import annotations

from collections.abc import Iterator

from filterwatch.policy.match import HostPattern, Match
from filterwatch.policy.rule import Rule

NAMES = "signs in the host's name"
"""What gives the category ``bypass.unblocker`` to hosts of no list (``lists/names.yaml``)."""

GUESSED = frozenset({"bypass", "bypass.unblocker"})
"""Categories that it gives."""

_SAYS = {
    "filter_category": "the filter's category",
    "filter_rule": "the filter's rule",
    "filter_reason": "the filter's reason",
    "mime_type": "media type",
    "method": "HTTP method",
    "query_type": "DNS record type",
    "protocol": "protocol",
    "user": "name in the log",
    "device_class": "device class",
    "url": "shape of the URL",
    "search_kind": "what is searched for",
    "safe_search": "safe search in the URL",
    "user_agent": "the client's description",
    "dest_port": "ports",
    "dest_ip": "addresses",
    "bytes_in": "size of the download",
    "bytes_out": "size of the upload",
    "duration": "duration",
    "control_event": "events of the filter",
    "identity": "how the person is known",
}
"""By key of ``match``; ``action`` and ``kind`` only narrow what others know."""


def knows(rule: Rule) -> tuple[str, ...]:
    """Return what *rule* knows it from, each once; exceptions (``none``) are left aside."""
    return tuple(dict.fromkeys((*_match(rule.match), *_behaviour(rule))))


def _match(match: Match) -> Iterator[str]:
    for category in match.categories or ():
        if category in GUESSED:
            yield NAMES
        yield f"list {category}"
    for key, says in _SAYS.items():
        if getattr(match, key) is not None:
            yield says
    if match.host is not None:
        yield "shape of the host" if isinstance(match.host, HostPattern) and match.host.regex else "names in the rule"
    if match.search_terms is not None:
        terms = match.search_terms
        yield f"terms {terms.pack}" if terms.pack else "words in the rule"
    for part in (*(match.all or ()), *(match.any or ())):
        yield from _match(part)


def _behaviour(rule: Rule) -> Iterator[str]:
    if rule.count:
        yield "how often"
    if rule.when.during != "always" or rule.when.windows:
        yield "time of day"
    if rule.who.devices or rule.who.identity:
        yield "device and login"
