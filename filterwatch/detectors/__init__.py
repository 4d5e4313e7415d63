"""Detections that need state over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import Field

from filterwatch.config import Part
from filterwatch.detections import Count, Detector
from filterwatch.detectors.bypass import Bypass
from filterwatch.detectors.bypass import Settings as BypassSettings
from filterwatch.detectors.company import Company
from filterwatch.detectors.filter_off import FilterOff
from filterwatch.detectors.filter_off import Settings as FilterOffSettings
from filterwatch.detectors.liveness import UNWATCHED, Liveness
from filterwatch.detectors.liveness import Settings as LivenessSettings
from filterwatch.detectors.seen import Seen
from filterwatch.detectors.seen_pages import Page
from filterwatch.detectors.shared_login import Settings as SharedLoginSettings
from filterwatch.detectors.shared_login import SharedLogin
from filterwatch.detectors.strange_site import Settings as StrangeSiteSettings
from filterwatch.detectors.strange_site import StrangeSite
from filterwatch.detectors.threshold import Threshold
from filterwatch.detectors.visits import Visits
from filterwatch.detectors.volume import Settings as VolumeSettings
from filterwatch.detectors.volume import Volume

__all__ = ["Company", "Liveness", "Page", "Seen", "Settings", "Visits", "build"]


class Settings(Part):
    """The section ``detectors``."""

    filter_off: FilterOffSettings = Field(FilterOffSettings(), description="the filter stopped or was disabled")
    liveness: LivenessSettings = Field(LivenessSettings(), description="a source fell silent")
    bypass: BypassSettings = Field(BypassSettings(), description="getting round the filter, over time")
    strange_site: StrangeSiteSettings = Field(
        StrangeSiteSettings(), description="new sites with strange names, used like unblockers"
    )
    shared_login: SharedLoginSettings = Field(SharedLoginSettings(), description="one login at two places at once")
    volume: VolumeSettings = Field(VolumeSettings(), description="one person's traffic hinders the others")


def build(
    settings: Settings, counts: Mapping[str, Count], in_school_hours: Callable[[datetime], bool], *, live: bool
) -> list[Detector]:
    """Return all detectors, which remember nothing yet.

    Args:
        settings: What the school says.
        counts: Thresholds of rules, by rule id.
        in_school_hours: Says whether a moment lies in school hours.
        live: Whether a pause of the pass is one of the daemon; in a replay time jumps.
    """
    seen = Seen()
    return [
        Threshold(counts),
        FilterOff(settings.filter_off),
        Liveness(settings.liveness, in_school_hours, unwatched_after=UNWATCHED if live else None),
        Bypass(settings.bypass),
        SharedLogin(settings.shared_login),
        Volume(settings.volume),
        seen,
        StrangeSite(settings.strange_site, seen),
    ]
