"""Squid with a ``logformat`` of the school's own: compiled from the definition, wherever that is written.

Without a definition the lines are tried with those that squid knows and those that its manual and its wiki show: a
line that fits none is rejected, and so is one that two of them read differently.  A definition is always surer.

Sources: TAG logformat in squid.conf (squid 5.7), https://wiki.squid-cache.org/Features/LogFormat.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from filterwatch.decoders.families.logformat import Wrong, parse
from filterwatch.decoders.families.logformat_decode import compiled, reader_of, reader_of_any
from filterwatch.decoders.families.logformat_reader import Compiled
from filterwatch.decoders.format import Format, Options, of_lines
from filterwatch.decoders.grammars.squid_common import DEFINITIONS, built_in
from filterwatch.decoders.line_decoder import Reader

_HEADERS: Final = '"%{Referer}>h" "%{User-Agent}>h"'
WELL_KNOWN: Final[tuple[str, ...]] = (
    # native with what administrators add behind it
    f"{DEFINITIONS['squid']} {_HEADERS}",
    f"{DEFINITIONS['squid']} {_HEADERS} %ssl::bump_mode %ssl::>sni",
    # native in columns
    DEFINITIONS["squid"].replace(" ", "\t").replace("%6tr", "%tr"),
    # common and combined of web servers, without squid's result
    '%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st',
    f'%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st {_HEADERS}',
)
"""Definitions beside squid's own that are tried where none is given.

None may fit a line of another in a way of its own: such lines would be refused.
"""

_DIRECTIVE: Final = re.compile(r"\s*logformat\s+(\S+)\s+(.*?)\s*", re.DOTALL)


def _compilable(text: str) -> str:
    parse(text)
    return text


class CustomOptions(Options):
    """Options of a squid with a logformat of its own."""

    logformat: Annotated[str, AfterValidator(_compilable)] | None = Field(
        default=None, description="The definition, as in squid.conf behind the name: '%ts.%03tu %6tr %>a ...'."
    )
    squid_conf: Path | None = Field(default=None, description="The squid.conf that has the definition.")
    logformat_name: str | None = Field(
        default=None, description="Its name in squid_conf; needed where there are several."
    )

    @model_validator(mode="after")
    def _one_definition(self) -> Self:
        if self.logformat is not None and self.squid_conf is not None:
            raise ValueError("logformat and squid_conf both give a definition; keep one of them")
        if self.logformat_name is not None and self.squid_conf is None:
            raise ValueError("logformat_name without squid_conf; name the file that has it")
        if self.squid_conf is not None:
            self.definition()
        return self

    def definition(self) -> str | None:
        """Return the definition; null where none is given.

        Raises:
            ValueError: ``squid_conf`` cannot be read, or does not have it.
        """
        if self.squid_conf is None:
            return self.logformat
        try:
            text = self.squid_conf.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise ValueError(f"{self.squid_conf} cannot be read: {error.strerror}") from None
        return _chosen(self.squid_conf, defined(text), self.logformat_name)


def defined(text: str) -> dict[str, str]:
    """Return the definitions in the *text* of a squid.conf by name, squid's own among them."""
    found = dict(DEFINITIONS)
    for line in re.sub(r"\\\n\s*", "", text).split("\n"):
        directive = _DIRECTIVE.fullmatch(line)
        if directive:
            found[directive[1]] = directive[2]
    return found


def _chosen(path: Path, found: Mapping[str, str], name: str | None) -> str:
    own = [one for one in found if found[one] != DEFINITIONS.get(one)]
    if name is None and len(own) != 1:
        raise ValueError(f"{path} defines {len(own)} logformats; write logformat_name: one of {', '.join(found)}")
    chosen = name or own[0]
    if chosen not in found:
        raise ValueError(f"{path} has no logformat '{chosen}'; it has {', '.join(found)}")
    try:
        parse(found[chosen])
    except Wrong as wrong:
        raise ValueError(f"{path}: logformat {chosen}: {wrong}") from None
    return found[chosen]


def _well_known() -> list[Compiled]:
    return [*(built_in(name) for name in DEFINITIONS), *(compiled(one) for one in WELL_KNOWN)]


def _reader(name: str, options: Options) -> Reader:
    definition = options.definition() if isinstance(options, CustomOptions) else None
    if definition is None:
        return reader_of_any(name, _well_known())
    own = next((one for one, text in DEFINITIONS.items() if text == definition), None)
    return reader_of(name, built_in(own) if own else compiled(definition))


FORMATS = {
    "squid_custom": Format(
        "Squid access.log with a logformat of its own", "logformat", CustomOptions, of_lines(_reader)
    ),
}
