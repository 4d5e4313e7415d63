"""How notifications leave: channels and their limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from filterwatch.config import Duration, Part, Slug


class Channel(Part):
    """One way to one mailbox, phone or room: one Apprise URL."""

    url_file: Path | None = Field(None, description="file that holds the Apprise URL; readable by filterwatch alone")
    url: SecretStr | None = Field(
        None, description="the Apprise URL itself; a url_file is safer where it has a password"
    )
    timeout: Duration = Field(
        timedelta(seconds=20), description="after this long a hanging send is killed and tried again"
    )

    @model_validator(mode="after")
    def _one_url(self) -> Channel:
        if (self.url_file is None) == (self.url is None):
            raise ValueError("give either url_file or url")
        return self


class Settings(Part):
    """The section ``delivery``."""

    channels: dict[Slug, Channel] = Field(default_factory=dict, description="by the name that recipients refer to")
    retry_first: Duration = Field(timedelta(seconds=10), description="first wait after a failure; doubles each time")
    retry_longest: Duration = Field(timedelta(minutes=15), description="longest wait between two tries")
    give_up_after: Duration = Field(
        timedelta(hours=72), description="then the notification is dead and shown as undelivered"
    )
