"""A section that listens says exactly what is wrong with it."""

import pytest
import yaml
from pydantic import ValidationError

from filterwatch.app.settings import load
from filterwatch.errors import ConfigurationError
from filterwatch.sources import Settings

HERE = {"name": "s", "format": "squid"}
OPEN = {"udp": "0.0.0.0:5514", "allow": ["10.0.0.0/8"]}


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({}, "'path' is missing"),
        ({"path": "a.log", "listen": OPEN}, "remove one"),
        ({"start": "end", "listen": OPEN}, "'start' says how a file is followed"),
        ({"listen": {"allow": ["10.0.0.0/8"]}}, "on no address"),
        ({"listen": {"udp": "0.0.0.0:5514"}}, "Field required"),
        ({"listen": {"udp": "0.0.0.0:5514", "allow": []}}, "at least 1 item"),
        ({"listen": OPEN | {"udp": "5514"}}, "e.g. 0.0.0.0:5514"),
        ({"listen": OPEN | {"udp": "::1:5514"}}, "e.g. 0.0.0.0:5514"),
        ({"listen": OPEN | {"udp": "0.0.0.0:65536"}}, "e.g. 0.0.0.0:5514"),
        ({"listen": OPEN | {"udp": "gateway:514"}}, "e.g. 0.0.0.0:5514"),
        ({"listen": OPEN | {"allow": ["10.1.2.3/8"]}}, "has host bits set"),
    ],
)
def test_a_mistake_is_named(section, problem):
    with pytest.raises(ValidationError, match=problem):
        Settings.model_validate(HERE | section)


def configured(folder, *listens: dict):
    config = folder / "filterwatch.yaml"
    people = {role: {"name": role, "channels": [role]} for role in ("coordinator", "head")}
    config.write_text(
        yaml.safe_dump(
            {
                "site": "school",
                "sources": [
                    {"name": f"s{number}", "format": "squid", "listen": one} for number, one in enumerate(listens)
                ],
                "alerts": {"recipients": people},
                "delivery": {"channels": {role: {"url": f"json://127.0.0.1/{role}"} for role in people}},
            }
        )
    )
    return load(config)


def test_sources_share_an_address_when_their_senders_differ(tmp_path):
    configured(tmp_path, OPEN | {"allow": ["10.0.0.1"]}, OPEN | {"allow": ["10.0.0.2", "fe80::/10"]})


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (OPEN | {"allow": ["10.9.0.0/16", "10.1.1.1"]}, "source 's1' gets no line: 's0' allows the same senders"),
        ({"tls": {"address": "0.0.0.0:5515", "certificate": "a", "key": "b"}, "allow": ["10.0.0.1"]}, "in another way"),
    ],
)
def test_a_source_in_the_way_of_another_is_a_mistake(tmp_path, second, problem):
    with pytest.raises(ConfigurationError, match=problem):
        configured(tmp_path, OPEN | {"tcp": "0.0.0.0:5515"}, second)
