"""Reading a directory of rules: every mistake of every file at once, each at its place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from filterwatch.config import Document, Part, read, validate
from filterwatch.errors import ConfigurationError, Mistake
from filterwatch.policy.rule import Rule
from filterwatch.policy.ruleset import Loaded, RuleSet
from filterwatch.policy.terms import Pack, empty

MOST_RULES = 1000
"""Source: promise S7."""

TERMS = "terms"
"""Folder of the term packs, beside the rules."""

Model = TypeVar("Model", bound=Part)


def load(directory: Path, *, searches: bool = True) -> RuleSet:
    """Return the rules in *directory*: ``*.yaml`` in it, with their term packs in ``terms/*.yaml``.

    Args:
        directory: Of the rules.
        searches: Without, packs are not read, which takes longer than all else: no search holds any, and rules that
            name one have an empty version. For what is known to be no search.

    Raises:
        ConfigurationError: With every mistake of every file.
    """
    if not directory.is_dir():
        raise ConfigurationError([Mistake(str(directory), 0, 0, "no such directory of rules")])
    mistakes: list[Mistake] = []
    rule_files = _documents(directory, mistakes)
    pack_files = _documents(directory / TERMS, mistakes) if searches else {}
    mistakes += _set_mistakes(directory, rule_files, mistakes)
    packs = dict(_validated(pack_files, Pack, mistakes))
    names = {path.stem for path in (directory / TERMS).glob("*.yaml")}
    rules = dict(_validated(rule_files, Rule, mistakes, {"packs": names}))
    mistakes += [mistake for path, pack in packs.items() for mistake in _pack_mistakes(pack_files[path], pack)]
    mistakes += [mistake for document in rule_files.values() for mistake in _rule_mistakes(document)]
    if mistakes:
        raise ConfigurationError(mistakes)
    contents = {pack.id: pack_files[path].data for path, pack in packs.items()}
    loaded = []
    for path, rule in rules.items():
        data = rule_files[path].data
        known = searches or not any(_pack_names(data))
        loaded.append(Loaded(rule, version(data, contents) if known else "", rule_files[path]))
    unread = {} if searches else {name: Pack.model_construct(id=name, language="", terms=()) for name in names}
    return RuleSet(loaded, unread | {pack.id: pack for pack in packs.values()})


def version(rule: object, packs: Mapping[str, object]) -> str:
    """Return the first 12 hex digits of SHA-256 over a rule's content and that of the packs it names.

    Comments, order of keys and layout make no difference.
    """
    named = {name: packs[name] for name in sorted(set(_pack_names(rule)) & set(packs))}
    canonical = json.dumps([rule, named], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _pack_names(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key == "pack" and isinstance(value, str):
                yield value
            yield from _pack_names(value)
    elif isinstance(data, list):
        for value in data:
            yield from _pack_names(value)


def _documents(directory: Path, mistakes: list[Mistake]) -> dict[str, Document]:
    """Return the YAML files of *directory* by path; those that are none become *mistakes*."""
    out: dict[str, Document] = {}
    for path in sorted(directory.iterdir()) if directory.is_dir() else []:
        if path.suffix == ".yml":
            mistakes.append(Mistake(str(path), 0, 0, f"would not be read; rename it to {path.stem}.yaml"))
        if path.suffix != ".yaml":
            continue
        try:
            out[str(path)] = read(path)
        except ConfigurationError as error:
            mistakes += error.mistakes
    return out


def _validated(
    documents: Mapping[str, Document], model: type[Model], mistakes: list[Mistake], context: object = None
) -> Iterator[tuple[str, Model]]:
    for path, document in documents.items():
        try:
            yield path, validate(document, model, context=context)
        except ConfigurationError as error:
            mistakes += error.mistakes
        mistakes += _id_mistakes(path, document)


def _id_mistakes(path: str, document: Document) -> Iterator[Mistake]:
    name, stem = _value(document, "id"), Path(path).stem
    if isinstance(name, str) and name != stem:
        yield document.mistake(("id",), f"id: must be the file's name, '{stem}', found '{name}'")


def _set_mistakes(directory: Path, rules: Mapping[str, Document], earlier: Sequence[Mistake]) -> Iterator[Mistake]:
    if not rules and not earlier:
        yield Mistake(str(directory), 0, 0, "no rules here; a rule is a file NAME.yaml")
    if len(rules) > MOST_RULES:
        yield Mistake(str(directory), 0, 0, f"{len(rules)} rules; keep to {MOST_RULES}")
    first: dict[str, str] = {}
    for path, document in rules.items():
        name = _value(document, "id")
        if isinstance(name, str) and first.setdefault(name, path) != path:
            yield document.mistake(("id",), f"id: '{name}' is also the id of {first[name]}; give each rule its own")


def _rule_mistakes(document: Document) -> Iterator[Mistake]:
    """Yield what no key can see alone."""
    if _value(document, "category") is not None and _value(document, "policy") is None:
        problem = "category: a rule for a category needs the policy's sentence; add policy: {text, section}"
        yield document.mistake(("category",), problem)
    if _value(document, "kind") is not None and _value(document, "category") not in ("bypass", None):
        yield document.mistake(("kind",), "kind: a kind of bypass in a rule for another category; remove it")


def _pack_mistakes(document: Document, pack: Pack) -> Iterator[Mistake]:
    seen: dict[tuple[str, bool], int] = {}
    for at, term in enumerate(pack.terms):
        if seen.setdefault((term.term.casefold(), term.alone), at) != at:
            yield document.mistake(("terms", at), f"terms.{at}: given twice, found {term.term!r}; remove one")
    for key, phrases in (("terms", [term.term for term in pack.terms]), ("benign", list(pack.benign))):
        for at in empty(pack.written_out(phrases)):
            problem = f"{key}.{at}: no letter or figure to look for, found {phrases[at]!r}"
            yield document.mistake((key, at), problem)
    if sum(term.weight for term in pack.terms) < pack.at_least:
        yield document.mistake(("at_least",), f"at_least: all terms together weigh less, found {pack.at_least}")


def _value(document: Document, key: str) -> object:
    return document.data.get(key) if isinstance(document.data, dict) else None
