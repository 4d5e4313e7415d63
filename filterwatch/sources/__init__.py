"""Where lines come from: files followed through rotations, exactly once."""

from filterwatch.sources.files import BATCH_BYTES, FileSource
from filterwatch.sources.hints import Hints
from filterwatch.sources.settings import Settings
from filterwatch.sources.whole import read_files

__all__ = ["BATCH_BYTES", "FileSource", "Hints", "Settings", "read_files"]
