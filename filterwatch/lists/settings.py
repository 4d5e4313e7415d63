"""What a school may say about category lists."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from filterwatch.config import Part


class Settings(Part):
    """Category lists: the shipped ones and the school's own."""

    shipped: bool = Field(
        default=True, description="Use the lists that come with the rules (the directory lists/ inside rules)."
    )
    own: tuple[Path, ...] = Field(
        default=(),
        description=(
            "List files or directories of *.txt list files of the school, relative to this file. Each begins with its "
            "category: '# category: ethos' ('# mode: allow' for sites that are never to be counted in it), then one "
            "name a line: the name and everything below it."
        ),
    )
