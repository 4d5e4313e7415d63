"""Where things are: what comes with filterwatch, and the configuration where none is named."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]

DEFAULT = Path("/etc/filterwatch/filterwatch.yaml")
"""Where the configuration is looked for when none is named."""


def shipped(name: str) -> Path:
    """Return a directory that comes with filterwatch (``rules``): from the wheel, else from the source tree."""
    inside = PACKAGE / "data" / name
    return inside if inside.is_dir() else PACKAGE.parent / name
