"""The formats of public lists, each translated into our own form, a column at once.

A translator takes lines and gives, for each, the entry in our form, an empty text for comments and blanks, or null for
a line that says something we leave out on purpose (a rule of a browser, a word to search in addresses): those are
counted.  What is not even of the format passes as it is, and the reader of our own form refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import polars as pl

Translator = Callable[[pl.Series], pl.DataFrame]
"""Takes lines; gives ``row`` (UInt32, the line) and ``entry`` (String), several of a row where it names several."""

_HERE = ("localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback",
         "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "ip6-allhosts",
         "0.0.0.0")  # fmt: skip  # noqa: S104 - nothing is bound, it is text
"""What a file of hosts says of the machine itself."""

_WHOLE = r"^(?:important|all|document|doc)(?:,(?:important|all|document|doc))*$"
"""Options of a browser's rule that leave it a rule for the whole site."""


def _rows(lines: pl.Series) -> pl.DataFrame:
    return lines.alias("line").to_frame().with_row_index("row").with_columns(pl.col("line").str.strip_chars())


def _each(entry: pl.Expr) -> Translator:
    """Return the translator that says *entry* of each ``line`` (blanks at its ends gone)."""

    def translate(lines: pl.Series) -> pl.DataFrame:
        return _rows(lines).select("row", entry=entry)

    return translate


_NOTHING = pl.lit("")


def _first_that_holds(*cases: tuple[pl.Expr, pl.Expr]) -> pl.Expr:
    """Return the value of the first condition that holds; null where none does."""
    said: pl.Expr = pl.lit(None, dtype=pl.String)
    for condition, value in reversed(cases):
        said = pl.when(condition).then(value).otherwise(said)
    return said


def _uncommented(marks: str) -> pl.Expr:
    """Return the line up to the first of *marks* (a class of characters)."""
    return pl.col("line").str.replace(rf"[{marks}].*$", "").str.strip_chars()


def _group(pattern: str, number: int = 1) -> pl.Expr:
    return pl.col("line").str.extract(pattern, number)


def _hosts(lines: pl.Series) -> pl.DataFrame:
    said = _rows(lines).select("row", line=_uncommented("#")).filter(pl.col("line") != "")
    fits = pl.col("line").str.contains(r"^[0-9A-Fa-f.:]+\s")
    # "/" is no name: a line of an error page must not become one.
    words = pl.when(fits).then(pl.col("line").str.extract_all(r"\S+").list.slice(1))
    names = said.select("row", entry=words.otherwise(pl.concat_list(pl.lit("/") + pl.col("line"))))
    entry = pl.col("entry").str.to_lowercase().str.strip_chars_end(".")
    names = names.explode("entry", empty_as_null=True)
    return names.select("row", entry=pl.when(entry.is_in(_HERE)).then(pl.lit("")).otherwise(entry))


def _dnsmasq(lines: pl.Series) -> pl.DataFrame:
    # address=/a/b/0.0.0.0, server=/a/ and local=/a/ answer by themselves; server=/a/10.0.0.1 sends a to that server.
    said = _rows(lines).with_columns(pl.col("line").str.replace(r"(?:^|\s)#.*$", "").str.strip_chars())
    rule = r"^(address|server|local)=/(.*)/([^/]*)$"
    parts = said.select("row", "line", pl.col("line").str.extract_groups(rule).alias("said")).unnest("said")
    blocks = (pl.col("1") != "server") | (pl.col("3") == "")
    known = pl.col("1").is_not_null()
    other = ~known & ~pl.col("line").str.contains(r"^[a-z0-9-]+=")
    entry = pl.when(known & blocks).then(pl.col("2").str.split("/"))
    rows = parts.select("row", entry=pl.when(other).then(pl.concat_list("line")).otherwise(entry))
    rows = rows.explode("entry", empty_as_null=True)
    name = pl.col("entry").str.strip_chars_start(".")
    return rows.select("row", entry=pl.when(name != "#").then(name.str.replace(r"^\*\.?", "*.")))


def _rpz(lines: pl.Series) -> pl.DataFrame:
    text = "".join(f"{one}\n" for one in lines.head(200).to_list() if one)
    origin = pl.Series([text]).str.extract(r"(?im)^\$ORIGIN\s+(\S+?)\.?\s*$", 1).item()
    rows = _rows(lines).select("row", line=_uncommented(";"))
    rule = r"(?i)^(\S+)(?:\s+[0-9]+)?(?:\s+IN)?(?:\s+[0-9]+)?\s+(CNAME|A|AAAA|TXT|MX|PTR)\s+(\S+)$"
    rows = rows.with_columns(pl.col("line").str.extract_groups(rule).alias("said")).unnest("said")
    absolute = pl.col("1").str.ends_with(".")
    owner = pl.col("1").str.to_lowercase().str.strip_chars_end(".")
    if origin:
        absolute = absolute & ~owner.str.ends_with(f".{origin.lower()}")
        owner = owner.str.strip_suffix(f".{origin.lower()}")
    target, kind = pl.col("3").str.to_lowercase(), pl.col("2").str.to_uppercase()
    blocks = pl.when(kind == "CNAME").then(target.is_in([".", "*.", "rpz-drop."])).otherwise(kind.is_in(["A", "AAAA"]))
    mark = pl.when(owner.str.starts_with("*.")).then(owner).otherwise(pl.lit("=") + owner)
    control = pl.col("line").str.contains(r"(?i)^(?:\$|@|\()|(?:^|\s)(?:SOA|NS)\s|^[0-9()\s]*$") | owner.eq("@")
    trigger = absolute | owner.str.contains(r"\.rpz-(?:ip|client-ip|nsip|nsdname)$")
    entry = _first_that_holds(
        (control.fill_null(value=False), _NOTHING),
        (pl.col("1").is_null(), pl.col("line")),
        (~trigger & (target == "rpz-passthru."), pl.lit("@@") + mark),
        (~trigger & blocks, mark),
    )
    return rows.select("row", entry=entry)


def _urls() -> pl.Expr:
    # What follows "#" never leaves the browser: no log can tell it.
    text = pl.col("line").str.replace("#.*$", "").str.strip_chars_end()
    address = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+|\[[^\]]+\])(:[0-9]*)?/*$"
    host = text.str.extract(address, 1).str.strip_chars("[]")
    bare = text.str.strip_chars_end("/").str.replace(r"^([^/:]+):[0-9]+$", "$1")
    # A whole address without a path is a front page of one host, as is one with a fragment; a name alone is a site.
    front = pl.col("line").str.contains(r"^[^/#]+/+#")
    schemed = text.str.replace(r"^[A-Za-z][A-Za-z0-9+.-]*://", "")
    page = pl.when(bare.str.contains("/", literal=True)).then(schemed).otherwise(bare)
    # A page of an address must not look like a range of addresses.
    page = pl.when(page.str.contains(r"^[0-9.]+(?::[0-9]+)?/[0-9]+$")).then(page + pl.lit("/")).otherwise(page)
    with_query = (
        pl.when(page.str.contains(r"^[^/]+[?]")).then(page.str.replace("?", "/?", literal=True)).otherwise(page)
    )
    blank = (pl.col("line") == "") | pl.col("line").str.starts_with("#")
    return _first_that_holds(
        (blank, _NOTHING), (host.is_not_null(), pl.lit("=") + host), (front, pl.lit("=") + bare), (~blank, with_query)
    )


def _adblock() -> pl.Expr:
    rule = r"^(@@)?\|\|([^/^$|*]+)\^?\|?(?:\$(.*))?$"
    options = _group(rule, 3)
    whole = options.is_null() | options.str.contains(_WHOLE)
    blank = pl.col("line").str.contains(r"^(?:!|#(?:[^#@?]|$)|\[Adblock|$)")
    # A line without a mark is a text to be found anywhere in an address; a page of HTML is no list.
    other = pl.col("line").str.contains(r"^<|^[^#$|@]*\s")
    entry = _group(rule).fill_null("") + _group(rule, 2)
    return _first_that_holds((blank, _NOTHING), (other, pl.col("line")), (whole, entry))


def _unbound() -> pl.Expr:
    zone = r'^local-zone:\s*"?([^"\s]+?)\.?"?\s+"?([a-z_]+)"?$'
    data = r'^local-data:\s*"([^"\s]+?)\.?\s+(?:[0-9]+\s+)?(?:IN\s+)?(?:A|AAAA)\s'
    answers = ("deny", "refuse", "static", "redirect", "always_refuse", "always_nxdomain", "always_nodata",
               "always_deny", "always_null", "inform_deny", "inform_redirect")  # fmt: skip
    return _first_that_holds(
        (pl.col("line").str.contains(r"^(?:#|$|server:)"), _NOTHING),
        (_group(zone, 2).is_in(answers), _group(zone)),
        (_group(data).is_not_null(), pl.lit("=") + _group(data)),
        (~pl.col("line").str.contains(r"^[a-z0-9-]+:"), pl.col("line")),
    )


def _v2fly() -> pl.Expr:
    line = _uncommented("#")
    word = line.str.extract(r"^(\S+)", 1)
    return _first_that_holds(
        (line == "", _NOTHING),
        (word.str.starts_with("full:"), pl.lit("=") + word.str.strip_prefix("full:")),
        (word.str.starts_with("domain:"), word.str.strip_prefix("domain:")),
        (~word.str.contains(r"^(?:regexp|keyword|include):"), word),
    )


def _first() -> pl.Expr:
    return _uncommented("#;").str.extract(r"^([^\s,]*)", 1).fill_null("")


def _wildcard() -> pl.Expr:
    return _uncommented("#!").str.strip_prefix("*.").str.strip_prefix(".")


FORMATS: Mapping[str, Translator] = MappingProxyType(
    {
        "adblock": _each(_adblock()),
        "cidr": _each(_first()),
        "dnsmasq": _dnsmasq,
        "hosts": _hosts,
        "rpz": _rpz,
        "unbound": _each(_unbound()),
        "urls": _each(_urls()),
        "v2fly": _each(_v2fly()),
        "wildcard": _each(_wildcard()),
    }
)
"""Every format but our own, ``domains``."""
