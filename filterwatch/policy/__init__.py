"""Rules in YAML become Polars expressions.

:func:`load` reads a directory of rules; :class:`RuleSet` judges batches of events by them, and explains.
"""

from filterwatch.policy.examples import Enrichment, check_rules, run_earlier_examples, run_examples
from filterwatch.policy.explain import Condition, Lack, Verdict
from filterwatch.policy.load import load
from filterwatch.policy.rule import Example, Rule
from filterwatch.policy.ruleset import Judged, Loaded, RuleSet
from filterwatch.policy.terms import Pack

__all__ = [
    "Condition",
    "Enrichment",
    "Example",
    "Judged",
    "Lack",
    "Loaded",
    "Pack",
    "Rule",
    "RuleSet",
    "Verdict",
    "check_rules",
    "load",
    "run_earlier_examples",
    "run_examples",
]
