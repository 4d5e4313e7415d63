"""Everything a person wrote, checked in one go: configuration, people, lists, channels, rules and their examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from filterwatch import enrich, policy, sources
from filterwatch.app.deliver import channel_urls
from filterwatch.app.parts import School
from filterwatch.app.places import shipped
from filterwatch.app.settings import Configuration, Settings, load
from filterwatch.config import Document, read
from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.lists import CategoryIndex

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, when all of it is sound.

    Attributes:
        rules: Where the rules lie.
        rule_count: How many rules.
        examples: How many examples of theirs were run.
        lists: How many category lists.
        names: How many names are on them.
        sources: How many logs are configured; 0 without a configuration.
        people: How many people are on the roster.
        lost: What the rules compared with were right about by their examples, and these are no longer.
    """

    rules: Path
    rule_count: int
    examples: int
    lists: int
    names: int
    sources: int
    people: int
    lost: Sequence[Mistake]


def check(config: Path | None = None, rules: Path | None = None, against: Path | None = None) -> Checked:
    """Check a configuration and all that it names, and a directory of rules with their examples.

    Args:
        config: Configuration file; null checks rules alone, with a school of which nothing is known.
        rules: Directory of rules; null for that of the configuration, else the shipped one.
        against: Directory of the rules before, whose examples are run on these too.

    Raises:
        ConfigurationError: With every mistake of all of them, in order of place.
    """
    mistakes: list[Mistake] = []
    configuration = _configuration(config, mistakes) if config else None
    school = School(configuration, rules or (configuration.rules if configuration else shipped("rules")))
    if configuration is not None:
        _tried(school.feeds, mistakes)
        _tried(lambda: channel_urls(configuration), mistakes)
    index = _tried(school.index, mistakes)
    enrichment = _tried(lambda: _enrichment(school, index), mistakes) or enrich.build(enrich.Settings(), index)
    found, wrong = policy.check_rules(school.rules, enrichment.prepare, school.zone)
    # Without the lists their examples would all be wrong, for a reason that is told already.
    mistakes += wrong if found is None or index is not None else ()
    if found is not None:
        _tried(lambda: school.detectors(found.counts), mistakes)
    earlier = _tried(lambda: policy.load(against), mistakes) if against else None
    if mistakes or found is None or index is None:
        raise ConfigurationError(mistakes)
    return Checked(
        rules=school.rules,
        rule_count=len(found.rules),
        examples=sum(len(rule.examples.holds) + len(rule.examples.does_not_hold) for rule in found.rules),
        lists=len(index.lists),
        names=len(index),
        sources=len(configuration.settings.sources) if configuration else 0,
        people=len(enrichment.register.people),
        lost=policy.run_earlier_examples(found, earlier, enrichment.prepare, school.zone) if earlier else (),
    )


def _tried(make: Callable[[], Made], mistakes: list[Mistake]) -> Made | None:
    """Return what *make* makes; its mistakes are added where nothing is told of the same place yet."""
    try:
        return make()
    except ConfigurationError as error:
        told = {(one.path, one.line, one.column) for one in mistakes if one.line}
        mistakes += [one for one in error.mistakes if (one.path, one.line, one.column) not in told]
        return None


def _enrichment(school: School, index: CategoryIndex | None) -> enrich.Enrich:
    if index is None and school.configuration is not None:
        # The lists' own mistakes are told already; the roster's are still to be found.
        said = school.configuration.settings
        without = said.model_copy(update={"lists": said.lists.model_copy(update={"shipped": False, "own": ()})})
        school = replace(school, configuration=replace(school.configuration, settings=without))
    return school.enrichment(index)


def _configuration(path: Path, mistakes: list[Mistake]) -> Configuration | None:
    """Return the configuration, or as much of it as is sound, so that what it names is checked too."""
    try:
        return load(path)
    except ConfigurationError as error:
        mistakes += error.mistakes
    try:
        document = read(path)
    except ConfigurationError:
        return None
    return Configuration(_sound(document), path.parent, document)


def _sound(document: Document) -> Settings:
    """Return the sections of *document* that hold no mistake; the others are as if left out.

    What has to be there and is not, is not in the settings either: nothing here asks for `alerts`.
    """
    data = document.data if isinstance(document.data, dict) else {}
    good: dict[str, Any] = {"site": "school", "sources": _sound_sources(data.get("sources"))}
    for name, about in Settings.model_fields.items():
        if name in data and name != "sources":
            try:
                good[name] = TypeAdapter(about.rebuild_annotation()).validate_python(data[name])
            except ValidationError:
                continue
    return Settings.model_construct(None, **good)


def _sound_sources(data: object) -> tuple[sources.Settings, ...]:
    """Return every source that holds no mistake, at its place; the others as one that is sound."""
    sound = []
    for number, one in enumerate(data if isinstance(data, list) else ()):
        try:
            sound.append(sources.Settings.model_validate(one))
        except ValidationError:
            sound.append(sources.Settings(name=f"mistaken-{number}", format="squid", path=("none",)))
    return tuple(sound)
