"""What a host is: category lists, compiled into one memory-mapped index."""

from filterwatch.lists.compiling import Stats, found
from filterwatch.lists.compiling import compile_lists as compile  # noqa: A004 - lists.compile(...) reads as it does
from filterwatch.lists.index import CategoryIndex, Entry, prepare, words
from filterwatch.lists.layout import IndexUnreadable, ListInfo
from filterwatch.lists.modes import Mode
from filterwatch.lists.reading import ListFile, members
from filterwatch.lists.settings import Settings

__all__ = [
    "CategoryIndex",
    "Entry",
    "IndexUnreadable",
    "ListFile",
    "ListInfo",
    "Mode",
    "Settings",
    "Stats",
    "compile",
    "found",
    "members",
    "prepare",
    "words",
]
