"""Registers and ledger: the Django app.

Nothing here imports Django at the top, so that settings can be read without it.  :func:`setup` makes the
registers ready; models and services may be imported after it.
"""

from filterwatch.records.configuration import Settings
from filterwatch.records.database import migrate, setup

__all__ = ["Settings", "migrate", "setup"]
