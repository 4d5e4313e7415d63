"""Shipped rules and packs, spoilt by chance: each loads, or says at which line it is wrong; never anything else."""

from __future__ import annotations

import random

import pytest

from filterwatch.app.places import shipped
from filterwatch.errors import ConfigurationError
from filterwatch.policy import load

RULES = shipped("rules")
FILES = [path.relative_to(RULES) for folder in (RULES, RULES / "terms") for path in sorted(folder.glob("*.yaml"))]
VALUES = (
    "null", "[]", "{}", "-1", "1e999", ".nan", "true", "''", "[[]]", "{a: b}", "2026-01-01", "!!binary aaaa", "&a [*a]",
    "12345678901234567890123", "[null]", "{null: 1}", "{? [a]: b}", "{<<: {a: 1}}", "1_000", '"\\uD800"', "99:99",
    "!!python/object:os.system x", "!!timestamp 2001-99-99", "- - a", "*x", "[" * 60, "(", "(?=a)", "a{1000}{1000}",
    "\\",
)  # fmt: skip
SIGNS = (
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a ",
    "!!str ",
    "<<",
    "?",
    "|",
    ">",
    "#",
    "'",
    '"',
    "\0",
    "\x85",
    "\u202e",
    "%",
    "\t",
    "  ",
)


def spoilt(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(draw.choice((1, 1, 2, 4))):
        at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        line = lines[at]
        place = draw.randint(0, len(line))
        kind = draw.randrange(6)
        if kind == 0:
            lines[at] = ""
        elif kind == 1:
            lines.insert(at, lines[other])
        elif kind == 2:
            lines[at], lines[other] = lines[other], line
        elif kind == 3:
            lines[at] = f"{line.split(':')[0]}: {draw.choice(VALUES)}"
        elif kind == 4:
            lines[at] = line[:place] + draw.choice(SIGNS) + line[place:]
        else:
            lines[at] = line[:place] + chr(draw.randrange(256)) + line[place + 1 :]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(3))
def test_a_spoilt_file_loads_or_is_refused_with_its_place(tmp_path, seed):
    draw = random.Random(seed)
    folder = tmp_path / "rules"
    (folder / "terms").mkdir(parents=True)
    for path in FILES:
        text = spoilt((RULES / path).read_text(), draw)
        alone = path.parent.name == ""
        kept = folder / path if alone else folder / "gambling.yaml"
        kept.write_text((RULES / "gambling.yaml").read_text())
        (folder / path).write_bytes(text.encode("utf-8" if draw.random() < 0.9 else "latin-1", "replace"))
        packs = [pack for pack in (RULES / "terms").glob("*.yaml") if alone and f"pack: {pack.stem}" in text]
        for pack in packs:
            (folder / "terms" / pack.name).symlink_to(pack)
        try:
            load(folder)
        except ConfigurationError as error:
            for mistake in error.mistakes:
                assert mistake.line >= 1, (path, str(mistake))
                assert mistake.column >= 1, (path, str(mistake))
                assert mistake.problem, (path, text)
                assert "\n" not in str(mistake), (path, str(mistake))
        for file in {kept, folder / path, *((folder / "terms" / pack.name) for pack in packs)}:
            file.unlink()
