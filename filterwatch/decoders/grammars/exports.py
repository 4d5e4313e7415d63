"""The formats of exports: ``export`` for any, and one for each product of ``exports/words.yaml``."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from filterwatch.decoders.decoded import Decoder
from filterwatch.decoders.exports import ExportDecoder, ExportOptions, words
from filterwatch.decoders.format import Format, Make, Options

_TITLE = "Export of any filter: CSV, TSV, JSON lines, key=value, by the names of its columns"


def _of(title: str) -> Make:
    def make(name: str, options: Options, zone: ZoneInfo) -> Decoder:
        own = options if isinstance(options, ExportOptions) else ExportOptions(**options.model_dump())
        return ExportDecoder(name, title, own, zone)

    return make


FORMATS = {
    "export": Format(_TITLE, "columns", ExportOptions, _of(_TITLE)),
    **{
        name: Format(one.title, "columns", ExportOptions, _of(one.title), None, one.source)
        for name, one in words().products.items()
    },
}
