"""Sigma rules from files become rule files of ours, each with an example that was tried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from filterwatch import enrich
from filterwatch.config import Document, read
from filterwatch.config.document import parse
from filterwatch.errors import ConfigurationError, FilterwatchError, Mistake
from filterwatch.policy import Enrichment, RuleSet
from filterwatch.policy.examples import LONDON, enriched
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
    try:
        import filterwatch.policy.sigma  # noqa: F401, PLC0415 - pySigma is an extra
    except ImportError:
        raise FilterwatchError(
            "this needs pySigma; install filterwatch with its extra: pip install 'filterwatch[sigma]'"
        ) from None
    paths = [what] if what.is_file() else sorted(one for one in what.rglob("*.y*ml") if one.is_file())
    if not paths:
        raise FilterwatchError(f"{what}: no Sigma rules here; name a .yml file or a directory of them")
    context = enrich.build(enrich.Settings(), zone=LONDON)
    written: list[Path] = []
    refused: list[Mistake] = []
    count = 0
    for path in paths:
        try:
            written.append(_import(path, output, context.prepare))
        except ConfigurationError as error:
            refused += error.mistakes
            count += 1
        except OSError as error:
            raise FilterwatchError(f"{output}: cannot be written: {error.strerror}") from None
    return Imported(written, sorted(refused), count)


def _import(path: Path, output: Path, prepare: Enrichment) -> Path:
    from filterwatch.policy.sigma import compiled  # noqa: PLC0415 - pySigma is an extra

    document = read(path)
    rule = compiled(document, path.stem)
    data = rule.data | {"examples": examples(rule, document, prepare)}
    target = output / f"{rule.data['id']}.yaml"
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    try:
        parse(text, str(target))
    except ConfigurationError as error:  # as it would be read: nested too deeply, or too long
        raise ConfigurationError(
            document.mistake(("detection",), f"{one.problem}; split the rule") for one in error.mistakes
        ) from None
    output.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ConfigurationError([document.mistake((), f"{target}: is there already; remove it first")]) from None
    return target


def examples(rule: Compiled, document: Document, prepare: Enrichment) -> dict[str, list[dict[str, object]]]:
    """Return an event that *rule* holds for and one that it does not, both tried as ``filterwatch check`` tries them.

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
    tried = partial(_holds, rules, prepare)
    held = next(filter(tried, candidates(match if isinstance(match, dict) else {}, rule.kind)), None)
    other = next((facts for facts in others(rule.kind) if not tried(facts)), None)
    if held is None or other is None:
        problem = "no event was found that it holds for; write this rule by hand, with examples of your own"
        raise ConfigurationError([document.mistake(("detection",), problem)])
    return {"holds": [held], "does_not_hold": [other]}


def _holds(rules: RuleSet, prepare: Enrichment, facts: dict[str, object]) -> bool:
    """Say whether the rule holds for what an example states; for one that is none it does not."""
    try:
        example = Example.model_validate(facts)
    except ValidationError:
        return False
    return bool(len(rules.evaluate(enriched([example], prepare, LONDON)).detections))
