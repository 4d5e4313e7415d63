"""Sigma rules from files become rule files of ours, each with an example that was tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import yaml
from pydantic import ValidationError

from filterwatch.config import Document, read
from filterwatch.errors import ConfigurationError, FilterwatchError, Mistake
from filterwatch.policy import RuleSet
from filterwatch.policy.examples import LONDON, events_of
from filterwatch.policy.rule import Example, Rule
from filterwatch.policy.ruleset import Loaded

if TYPE_CHECKING:
    from filterwatch.policy.sigma import Compiled

_NOTHING = {"holds": [{"host": "a.example"}], "does_not_hold": [{"host": "b.example"}]}
"""Stands in place of examples until some are found."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import.

    Attributes:
        written: Files of new rules.
        refused: What our rules cannot say, each at its place.
        refused_rules: How many rules that is.
    """

    written: list[Path]
    refused: list[Mistake]
    refused_rules: int


def import_rules(what: Path, output: Path) -> Imported:
    """Compile the Sigma rules in *what* and write those that can be said wholly to *output*.

    Args:
        what: A file, or a directory, of which every ``.yml`` and ``.yaml`` is read.
        output: Directory of the rules; it is made. A rule that is there already is left as it is and refused.

    Raises:
        FilterwatchError: pySigma is not installed, there is nothing to read, or *output* cannot be written.
    """
    if find_spec("sigma") is None:
        raise FilterwatchError(
            "this needs pySigma; install filterwatch with its extra: pip install 'filterwatch[sigma]'"
        )
    paths = [what] if what.is_file() else sorted(one for one in what.rglob("*.y*ml") if one.is_file())
    if not paths:
        raise FilterwatchError(f"{what}: no Sigma rules here; name a .yml file or a directory of them")
    written: list[Path] = []
    refused: list[Mistake] = []
    count = 0
    for path in paths:
        try:
            written.append(_import(path, output))
        except ConfigurationError as error:
            refused += error.mistakes
            count += 1
        except OSError as error:
            raise FilterwatchError(f"{output}: cannot be written: {error.strerror}") from None
    return Imported(written, sorted(refused), count)


def _import(path: Path, output: Path) -> Path:
    from filterwatch.policy.sigma import compiled  # noqa: PLC0415 - pySigma is an extra

    document = read(path)
    rule = compiled(document, path.stem)
    data = rule.data | {"examples": examples(rule, document)}
    target = output / f"{rule.data['id']}.yaml"
    output.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    try:
        with target.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ConfigurationError([document.mistake((), f"{target}: is there already; remove it first")]) from None
    return target


def examples(rule: Compiled, document: Document) -> dict[str, list[dict[str, object]]]:
    """Return an event that *rule* holds for and one that it does not, both tried in the engine.

    Raises:
        ConfigurationError: The rule is none of ours, or no event was found.
    """
    from filterwatch.policy.sigma_examples import candidates, others  # noqa: PLC0415 - pySigma is an extra

    try:
        made = Rule.model_validate(rule.data | {"examples": _NOTHING})
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise ConfigurationError([document.mistake((), f"{one}; split the rule") for one in problems]) from None
    rules = RuleSet([Loaded(made, "", document)], {})
    match = rule.data["match"]
    held = _first(rules, candidates(match if isinstance(match, dict) else {}, rule.kind), holds=True)
    other = _first(rules, others(rule.kind), holds=False)
    if held is None or other is None:
        problem = "no event was found that it holds for; write this rule by hand, with examples of your own"
        raise ConfigurationError([document.mistake(("detection",), problem)])
    return {"holds": [held], "does_not_hold": [other]}


def _first(rules: RuleSet, events: Iterable[dict[str, object]], *, holds: bool) -> dict[str, object] | None:
    for facts in events:
        try:
            example = Example.model_validate(facts)
        except ValidationError:
            continue
        event = events_of([example], LONDON).with_columns(counted=pl.lit(value=True))
        if bool(len(rules.evaluate(event).detections)) is holds:
            return facts
    return None
