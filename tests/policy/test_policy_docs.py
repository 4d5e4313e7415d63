"""docs/rule-language.md names every key that a rule may hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from filterwatch.policy.match import HostPattern, Match, SearchPattern, UrlPattern
from filterwatch.policy.rule import Example, Except, Rule, Sentence, Threshold, When, Who

TEXT = (Path(__file__).parents[2] / "docs" / "rule-language.md").read_text()
MODELS = [Rule, Sentence, Threshold, Who, Except, When, Match, HostPattern, UrlPattern, SearchPattern, Example]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_of_a_rule_is_documented(model):
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", TEXT))))

    assert {field.alias or name for name, field in model.model_fields.items()} - named == set()
