import pytest
from pydantic import ValidationError

from filterwatch import config
from filterwatch.alerts import Settings
from filterwatch.alerts.families import families, family_of
from filterwatch.config.document import parse
from filterwatch.errors import ConfigurationError
from filterwatch.events import CATEGORIES
from filterwatch.records.models import Incident


def person(name, *channels, **more):
    return {"name": name, "channels": list(channels), **more}


TWO = {"coordinator": person("Jane Roe", "a"), "head": person("Ann Head", "b")}


def test_a_coordinator_and_a_head_are_enough():
    settings = Settings(recipients=TWO)
    assert settings.steps("general") == [["coordinator"], ["head"]]
    assert settings.steps("filter") == [["head"], ["coordinator"]]


@pytest.mark.parametrize(
    "recipients",
    [
        {},
        {"coordinator": person("Jane Roe", "a")},
        {"coordinator": person("Jane Roe", "a"), "head": person(" jane  ROE ", "b")},
        {"coordinator": person("Jane Roe", "a"), "head": person("Ann Head", "a")},
    ],
)
def test_a_high_alert_that_never_reaches_a_second_person_is_refused(recipients):
    with pytest.raises(ValidationError, match=r"chain \w+: a high alert never reaches a second person or mailbox"):
        Settings(recipients=recipients)


def test_the_refusal_names_the_place_and_who_would_be_told():
    document = parse("alerts:\n  recipients:\n    coordinator: {name: Jane, channels: [a]}\n", "filterwatch.yaml")
    with pytest.raises(ConfigurationError) as refused:
        config.validate(document, Settings, at=("alerts",))
    text = str(refused.value)
    assert text.startswith("filterwatch.yaml:2:3:")
    assert "(coordinator = Jane); add a person with a channel of their own" in text


def test_where_the_head_is_the_coordinator_the_chain_goes_by_person():
    both = {**TWO, "head": person("Jane Roe", "b"), "deputy": person("Dan", "c"), "governor": person("Gus", "d")}
    settings = Settings(recipients=both)
    assert settings.steps("general") == [["coordinator"], ["deputy"]]
    assert settings.steps("filter") == [["head", "governor"]]


def test_a_subject_is_left_out_under_every_role_they_fill():
    recipients = {**TWO, "head": person("Ann Head", "b", logins=["AHEAD"]), "chair": person("Cy Chair", "e")}
    settings = Settings(recipients=recipients)
    assert settings.steps("staff", frozenset({"ahead"})) == [["chair"], ["coordinator"]]
    assert settings.steps("illegal", frozenset({"ahead"})) == [["coordinator", "chair"]]


def test_somebody_is_told_whoever_the_subject_is():
    settings = Settings(recipients={**TWO, "coordinator": person("Jane", "a", logins=["jane"])})
    for chain in ("general", "welfare", "staff", "illegal", "filter", "technical"):
        assert settings.steps(chain, frozenset({"jane"})) == [["head"]]


def test_a_device_that_everybody_shares_leaves_somebody_told():
    shared = {role: {**one, "devices": ["office-pc"]} for role, one in TWO.items()}
    assert Settings(recipients=shared).steps("general", frozenset({"office-pc"})) == [["head", "coordinator"]]


def test_the_only_technician_as_subject_is_not_told_of_it():
    recipients = {**TWO, "technician": person("Tom", "t", logins=["tom"])}
    assert Settings(recipients=recipients).steps("technical", frozenset({"tom"})) == [["coordinator"], ["head"]]


def test_own_chains_and_levels():
    settings = Settings(recipients=TWO, chains={"general": [["head", "coordinator"]]}, levels={"medium": "immediate"})
    assert settings.steps("general") == [["head", "coordinator"]]
    assert [settings.route(level) for level in ("medium", "low", "informational")] == ["immediate", "weekly", "none"]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"chains": {"pupils": ["head"]}}, "no kind of case called pupils"),
        ({"chains": {"general": ["coordinator"]}}, "chain general: a high alert never reaches"),
        ({"levels": {"high": "daily"}}, "high alerts must be immediate"),
        ({"chains": {"general": ["janitor"]}}, "'coordinator', 'deputy'"),
        ({"recipients": {**TWO, "head": {"name": "Ann", "channels": []}}}, "at least 1"),
    ],
)
def test_mistakes_are_refused(more, problem):
    with pytest.raises(ValidationError, match=problem):
        Settings.model_validate({"recipients": TWO, **more})


def test_every_category_has_a_family_and_every_family_a_chain_and_an_incident_type():
    settings = Settings(recipients=TWO)
    named = {category for family in families() for category in family.categories}
    assert named == set(CATEGORIES)
    for family in families():
        assert settings.chain(family.chain)
        assert family.incident in Incident.Type.values


def test_outcome_and_rule_decide_before_the_category():
    assert family_of("r", "drugs", "welfare").name == "welfare"
    assert family_of("r", "csam", "welfare").name == "illegal"
    assert family_of("filter_off", "", "technical").name == "filter"
    assert family_of("r", "bandwidth", "technical").name == "technical"
    assert family_of("r", "an own category", "breach").name == "unsuitable"
