"""The outbox is sent: Apprise in a process that can be killed.

Import :mod:`filterwatch.delivery.outbox` for the deliverer (it needs Django to be set up).
"""

from filterwatch.delivery.child import Channel as ChannelProcess
from filterwatch.delivery.child import Done
from filterwatch.delivery.settings import Channel, Settings

__all__ = ["Channel", "ChannelProcess", "Done", "Settings"]
