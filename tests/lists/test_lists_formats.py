"""The formats of public lists: what each line becomes in our own form."""

from __future__ import annotations

import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch import lists
from filterwatch.events import CATEGORY_BIT
from filterwatch.lists import domains
from filterwatch.lists.canon import Tally, write
from filterwatch.lists.catalogue import Listed
from filterwatch.lists.formats import FORMATS
from filterwatch.lists.guard import Guard, Names
from filterwatch.lists.unpacking import Capped, Refused

LISTED = Listed(title="list", address="https://x.example", category="gambling", licence="MIT", credit="somebody",
                homepage="https://x.example", trust="high")  # fmt: skip
NO_GUARD = Guard(Names(never=(), trusted=("nhs.uk",), trusted_labels=("ac",), ordinary=()))
LEFT_OUT, WRONG = object(), object()

LINES = {
    "hosts": [
        ("# comment", []), ("", []),
        ("127.0.0.1 localhost", []), ("::1 localhost ip6-loopback", []), ("0.0.0.0 0.0.0.0", []),
        ("0.0.0.0 a.example", ["a.example"]),
        ("127.0.0.1\ta.example b.example # both", ["a.example", "b.example"]),
        (":: A.Example.", ["a.example"]),
        ("a.example", WRONG), ("please log in", WRONG), ("<html>", WRONG),
    ],
    "wildcard": [("*.a.example", ["a.example"]), ("b.example", ["b.example"]), ("# x", []), ("not a name", WRONG)],
    "adblock": [
        ("[Adblock Plus 2.0]", []), ("! Title: x", []), ("# a comment", []),
        ("||a.example^", ["a.example"]), ("||a.example^|", ["a.example"]), ("||a.example", ["a.example"]),
        ("@@||a.example^", ["@@a.example"]),
        ("||a.example^$important", ["a.example"]), ("||a.example^$document,important", ["a.example"]),
        ("||a.example^$third-party", LEFT_OUT), ("||a.example^$badfilter", LEFT_OUT), ("||a.example/path^", LEFT_OUT),
        ("||a.*^", LEFT_OUT), ("a.example##.banner", LEFT_OUT), ("##.banner", LEFT_OUT), ("/ads[0-9]/", LEFT_OUT),
        ("a.example", LEFT_OUT), ("|https://a.example/", LEFT_OUT),
        ("<html>", WRONG), ("please log in", WRONG),
    ],
    "dnsmasq": [
        ("# x", []), ("address=/a.example/0.0.0.0", ["a.example"]),
        ("address=/a.example/b.example/", ["a.example", "b.example"]),
        ("address=/a.example/#", ["a.example"]), ("server=/a.example/", ["a.example"]),
        ("local=/.a.example/", ["a.example"]),
        ("address=/*.a.example/", ["*.a.example"]),
        ("server=/a.example/192.0.2.1", LEFT_OUT), ("address=/#/192.0.2.1", LEFT_OUT), ("cache-size=1", LEFT_OUT),
        ("<html>", WRONG),
    ],
    "unbound": [
        ("server:", []), ("# x", []),
        ('local-zone: "a.example." always_nxdomain', ["a.example"]), ("local-zone: a.example refuse", ["a.example"]),
        ('local-data: "a.example. A 0.0.0.0"', ["=a.example"]),
        ('local-data: "a.example 60 IN AAAA ::"', ["=a.example"]),
        ('local-zone: "a.example" transparent', LEFT_OUT), ("verbosity: 1", LEFT_OUT), ("<html>", WRONG),
    ],
    "rpz": [
        ("$TTL 300", []), ("@ SOA localhost. root.localhost. 1 2 3 4 5", []), ("  NS localhost.", []), ("; x", []),
        ("a.example CNAME .", ["=a.example"]), ("*.a.example CNAME . ; x", ["*.a.example"]),
        ("a.example 60 IN CNAME *.", ["=a.example"]), ("a.example CNAME rpz-drop.", ["=a.example"]),
        ("a.example CNAME rpz-passthru.", ["@@=a.example"]), ("a.example A 0.0.0.0", ["=a.example"]),
        ("www.google.com CNAME forcesafesearch.google.com.", LEFT_OUT), ("24.0.2.0.192.rpz-ip CNAME .", LEFT_OUT),
        ("a.example. CNAME .", LEFT_OUT), ("<html> x y", WRONG),
    ],
    "urls": [
        ("# x", []), ("http://a.example/bad/x.exe", ["a.example/bad/x.exe"]), ("https://a.example/", ["=a.example"]),
        ("http://198.51.100.7:8080/x", ["198.51.100.7/x"]), ("http://[2001:db8::1]/", ["=2001:db8::1"]),
        ("www.a.example/~bad/", ["a.example/~bad"]), ("a.example", ["a.example"]),
        ("a.example?x=1", ["a.example/?x=1"]),
        ("http://a.example/x%0Agoogle.com/%23y", ["a.example/x%0Agoogle.com/%23y"]),
        ("http://u:p@a.example/x", ["a.example/x"]), ("no entry at all", WRONG),
        ("http://198.51.100.7/24", ["198.51.100.7/24/"]), ("198.51.100.7/999", ["198.51.100.7/999/"]),
    ],
    "v2fly": [
        ("a.example", ["a.example"]), ("domain:a.example @ads", ["a.example"]),
        ("full:a.example &x # y", ["=a.example"]),
        ("regexp:^a", LEFT_OUT), ("keyword:a", LEFT_OUT), ("include:other", LEFT_OUT), ("# x", []),
    ],
    "cidr": [
        ("198.51.100.0/24", ["198.51.100.0/24"]), ("198.51.100.9/24", ["198.51.100.0/24"]),
        ("198.51.100.7/32", ["198.51.100.7"]), ("2001:DB8::/32,GB,GB-EN,London,", ["2001:db8::/32"]),
        ("9.9.9.9  # dns.example", ["9.9.9.9"]), ("::ffff:198.51.100.0/120", ["198.51.100.0/24"]),
        ("0.0.0.0/0", WRONG), ("198.51.100.0/33", WRONG), ("; x", []),
    ],
}  # fmt: skip


def canonical(text: str, format_: str, guard: Guard = NO_GUARD) -> tuple[list[str], Tally]:
    out, tally = io.BytesIO(), Tally()
    write(Capped(io.BytesIO(text.encode()), 1 << 30, 1 << 30), format_, LISTED, guard, out, tally)
    return out.getvalue().decode().split(), tally


@pytest.mark.parametrize(
    ("format_", "line", "expected"), [(one, *case) for one, cases in LINES.items() for case in cases]
)
def test_a_line_becomes_its_entries(format_, line, expected):
    for text in (line, f"{line}\r\n", f"\ufeff{line}\n"):
        if "<html" in line:
            with pytest.raises(Refused, match="web page"):
                canonical(text, format_)
            text = f"# x\n{' ' * 2100}\n{line}\n"  # noqa: PLW2901 - the same line, far below the top
        entries, tally = canonical(text, format_)
        assert entries == (expected if isinstance(expected, list) else [])
        assert (tally.left_out, tally.wrong) == (int(expected is LEFT_OUT), int(expected is WRONG))


def test_an_origin_is_taken_off_the_names_of_a_zone():
    entries, _ = canonical("$ORIGIN rpz.example.\na.example.rpz.example. CNAME .\nb.example CNAME .\n", "rpz")
    assert entries == ["=a.example", "=b.example"]


def test_international_names_become_what_a_log_holds():
    assert canonical("b\u00fccher.example\n@@\u4f8b\u3048.example\n", "domains")[0] == [
        "xn--bcher-kva.example", "@@xn--r8jz45g.example",
    ]  # fmt: skip


@pytest.mark.parametrize("format_", [*FORMATS, "domains"])
@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=st.sampled_from('aB.-/|^@$=*#!:"\\ \t\n\r0:;&,[]<\u00e9\u4f8b\x00\x1b?'), max_size=120))
def test_no_text_breaks_a_reader_and_what_it_writes_is_read_again(format_, text):
    try:
        entries, tally = canonical(text, format_)
    except Refused:
        return
    assert len(entries) == tally.entries
    again, bad = domains.read(pl.Series("line", entries, dtype=pl.String))
    assert len(again.names) == len(entries)
    assert bad == []


def test_all_formats_of_one_list_give_one_index(tmp_path):
    names = [f"site{n}.example" for n in range(200)]
    written = {
        "domains": "{}", "hosts": "0.0.0.0 {}", "wildcard": "*.{}", "adblock": "||{}^", "dnsmasq": "address=/{}/",
        "unbound": 'local-zone: "{}" refuse', "v2fly": "domain:{}", "urls": "{}",
    }  # fmt: skip
    hosts = pl.Series([*names, *(f"www.{name}" for name in names), *(f"x{name}" for name in names)])
    for format_, line in written.items():
        path = tmp_path / "list.txt"
        head = ["# category: gambling", f"# format: {format_}"]
        path.write_text("\n".join([*head, *(line.format(name) for name in names)]))
        bits = lists.prepare(path, tmp_path / "lists.index").lookup(hosts)
        assert (bits[:400] == CATEGORY_BIT["gambling"]).all()
        assert (bits[400:] == 0).all()
