"""What a person may say about an export, where its head does not show it or shows it wrongly."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from filterwatch.decoders.format import Options
from filterwatch.decoders.maps import Action, Kind, Targets, Verdicts, Words, Zoned

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}


def _delimiter(value: object) -> object:
    return _DELIMITERS.get(value, value) if isinstance(value, str) else value


class ExportOptions(Options):
    """Options of ``export`` and of the products' exports; what is not said is found in the head of the file."""

    layout: Literal["auto", "table", "json", "keyvalue"] = Field(
        default="auto", description="Rows of cells, one JSON object a line, or key=value pairs."
    )
    delimiter: Annotated[Literal["auto", ",", ";", "\t", "|", " "], BeforeValidator(_delimiter)] = Field(
        default="auto", description="What stands between cells or pairs; `tab` may be written as a word."
    )
    header: Literal["auto"] | bool = Field(
        default="auto", description="Whether a line names the columns; without one `columns` names them."
    )
    columns: list[str] = Field(
        default=[], description="Names of the columns, in order, where no line of the file names them."
    )
    encoding: Literal["auto", "utf-8", "cp1252"] = Field(
        default="auto", description="auto: UTF-8, and Windows' cp1252 for lines that are no UTF-8."
    )
    dates: Literal["auto", "day_first", "month_first"] = Field(
        default="auto",
        description="Which comes first in 05/11/2026; auto: a day above 12 in the head of the file tells.",
    )
    time: list[Zoned] = Field(
        default=[], description="Columns of the time and how it is written, e.g. {from: Time, as: '%d/%m/%Y %H:%M:%S'}."
    )
    kind: Kind | None = Field(default=None, description="What the rows are; default: what their columns say.")
    fields: Targets = Field(default={}, description="Event column -> column of the file; wins over what is found.")
    action: Verdicts | None = Field(default=None, description="The filter's verdict, as in field maps.")
    verdicts: dict[Action, Words] = Field(default={}, description="More words of the verdict, besides the known ones.")
    guess: bool = Field(default=True, description="Whether columns nobody named are known by their names.")
