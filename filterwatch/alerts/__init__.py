"""Alerts: detections become cases, the right people are told, and told again until somebody has it.

``settings`` can be read by any process.  Everything else needs :func:`filterwatch.records.setup` first:
:mod:`filterwatch.alerts.work` has the round that the deliver process does about once a second.
"""

from filterwatch.alerts.settings import Role, Settings

__all__ = ["Role", "Settings"]
