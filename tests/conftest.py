"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# No example is judged by the clock: a busy machine takes longer over any of them.
settings.register_profile("unhurried", parent=settings(), deadline=None)
settings.load_profile("unhurried")
