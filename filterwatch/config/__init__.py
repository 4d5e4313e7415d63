"""Reading what people write: YAML with line and column, every mistake at once, and the values it may hold."""

from filterwatch.config.document import Document, read, validate
from filterwatch.config.values import ClockTime, DateRange, Days, Duration, Part, Slug, TimeSpan

__all__ = [
    "ClockTime",
    "DateRange",
    "Days",
    "Document",
    "Duration",
    "Part",
    "Slug",
    "TimeSpan",
    "read",
    "validate",
]
