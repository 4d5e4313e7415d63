"""Encoders for text that a pupil may have chosen, one for each place it is shown in, and letters that look alike.

HTML goes through Django's templates (autoescape) and mail is plain text; what is here serves terminals, our own
log and spreadsheets.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    # C0, DEL, C1, soft hyphen, zero-width, bidi and line separators, BOM, lone surrogates
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_FORMULA = re.compile(r"^[\t\r\n]|^\s*[=+\-@|%＝＋－＠]")  # noqa: RUF001 - the full-width forms are the point

LOOKALIKES = dict(
    zip(
        "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u04cf\u0501\u051b\u051d\u0432\u043a\u043c\u0442\u043d\u0433"
        "\u03b1\u03bf\u03bd\u03c1\u03c5\u03b9\u03ba\u03c7\u0131\u0251\u0261\u026a",
        "aeopcyxijshldqwbkmthraovpuikxiagi",
        strict=True,
    )
)
"""Small Cyrillic, Greek and phonetic letters, and the Latin ones they look like.

Own selection of Unicode's confusables.
"""


def printable(value: str) -> str:
    r"""Return *value* safe for a terminal or a log line: anything that could move, hide or forge is ``\x..``."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), value)


def defang(value: str) -> str:
    """Return a host or URL that no program turns into a link: ``hxxp://www[.]example[.]test``."""
    scheme = re.sub(r"^http", "hxxp", value, flags=re.IGNORECASE)
    return printable(scheme.replace(".", "[.]"))


def csv_cell(value: str) -> str:
    """Return *value* printable, with a leading ``'`` where a spreadsheet would take it for a formula (CWE-1236).

    Printable, for a CSV is often looked at in a terminal first.
    """
    shown = printable(value)
    return f"'{shown}" if _FORMULA.search(value) or _FORMULA.search(shown) else shown
