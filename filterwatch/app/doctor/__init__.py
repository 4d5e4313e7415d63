"""What is wrong on this gateway, why it matters, and what to do about it.

Each module looks at one part and yields :class:`Finding`; a new question is a function in one of them, listed in its
``LOOKS``.  Nothing here changes anything.
"""

from __future__ import annotations

import os

from filterwatch import decoders
from filterwatch.app.doctor import lists, logs, running, school, services, state
from filterwatch.app.doctor.gateway import ACCOUNT, Finding, Gateway
from filterwatch.errors import FilterwatchError

__all__ = ["ACCOUNT", "Finding", "Gateway", "examine"]

PARTS = (logs, services, state, running, school, lists)


def examine(gateway: Gateway) -> list[Finding]:
    """Return what is wrong on a gateway, by part: logs, what writes them, state, what runs, the school, its lists.

    Raises:
        FilterwatchError: We may not look into the state directory.
        ConfigurationError: With every mistake in the school's own formats, in lists, people or rules.
    """
    if own := gateway.configuration.formats():
        decoders.add(own)
    kept = gateway.configuration.state
    if os.path.lexists(kept) and not os.access(kept, os.R_OK | os.X_OK):
        raise FilterwatchError(f"{kept}: you may not look into it; run doctor as root or as {gateway.account}")
    return [found for part in PARTS for look in part.LOOKS for found in look(gateway)]
