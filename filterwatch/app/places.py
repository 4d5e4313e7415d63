"""Where things are: what comes with filterwatch, and the configuration where none is named."""

from __future__ import annotations

from pathlib import Path

from filterwatch.errors import AS_FILTERWATCH, ConfigurationError, Mistake

PACKAGE = Path(__file__).parents[1]

DEFAULT = Path("/etc/filterwatch/filterwatch.yaml")
"""Where the configuration is looked for when none is named."""


def is_there(config: Path) -> bool:
    """Say whether a configuration is at *config*.

    Raises:
        ConfigurationError: Whoever asks may not look there.
    """
    try:
        config.stat()
    except PermissionError:
        problem = f"may not be read by this account; {AS_FILTERWATCH}, or name another with --config"
        raise ConfigurationError([Mistake(str(config), 0, 0, problem)]) from None
    except OSError:
        return False
    return True


def shipped(name: str) -> Path:
    """Return a directory that comes with filterwatch (``rules``): from the wheel, else from the source tree."""
    inside = PACKAGE / "data" / name
    return inside if inside.is_dir() else PACKAGE.parent / name
