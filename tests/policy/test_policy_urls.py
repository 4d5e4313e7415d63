"""What a URL says, however it was written, and what it only seems to say."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.lists.paths import resolved, straight, unescaped
from filterwatch.policy.lookups import VALUE, HostNames
from filterwatch.policy.urls import Urls, path_begins

PLAIN = re.compile(r"%(2[DE]|3[0-9]|4[1-9A-F]|5[0-9A]|5F|6[1-9A-F]|7[0-9A]|7E)", re.IGNORECASE)
PIECES = ["%", "%%", "%4", "%41", "%6f", "%6F", "%7e", "%2D", "%2f", "%25", "%2541", "4", "1", "a", "/", "\u00e9"]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), max_size=8))
def test_letters_figures_and_the_four_signs_are_undone_once_and_nothing_else(urls):
    plain = [PLAIN.sub(lambda found: chr(int(found[1], 16)), url) for url in urls]
    assert unescaped(pl.Series(urls, dtype=pl.String)).to_list() == plain


def begins(prefix: str, urls: list[str]) -> list[str]:
    tests = Urls()
    flag = tests.add(path_begins([prefix]), of_path=True)
    column = pl.Series("url", urls)
    return [url for held in tests.read(column, {flag: column.is_not_null().to_numpy()}) for url in column.filter(held)]


AT_SHORTS = [
    "https://www.site.example/shorts/x",
    "https://www.site.example/Shorts",
    "https://www.site.example//shorts",
    "https://www.site.example/./shorts/x",
    "https://www.site.example/a/../shorts/x",
    "https://www.site.example/a/%2e%2E/%73horts?q=1",
    "https://www.site.example/a/b/.././../shorts",
    "https://www.site.example/../../shorts",
    "https://www.site.example/shorts/a/..",
    "https://ann@www.site.example:8443/shorts",
    "//www.site.example/shorts",
    "www.site.example/shorts/x",
    "www.site.example:443/a/../shorts",
    "[2001:db8::1]:443/shorts",
    "/shorts/x",
    "/./shorts/x",
]
ELSEWHERE = [
    "https://www.site.example/",
    "https://www.site.example/a/shorts",
    "https://www.site.example/shorts/../watch",
    "https://www.site.example/shorts%2F../watch/../../a",
    "https://www.site.example/?x=/../shorts",
    "https://www.site.example/a#/../shorts",
    "https://shorts/",
    "https://shorts.example/x",
    "//shorts.example/x",
    "shorts.example/x",
    "shorts.example:443",
    "shorts:443",
    "http:/shorts",
    "",
]


def test_a_path_begins_as_a_rule_says_however_it_is_written():
    assert begins("/shorts", [*AT_SHORTS, *ELSEWHERE]) == AT_SHORTS
    assert begins("/a/../%73horts", [*AT_SHORTS, *ELSEWHERE]) == AT_SHORTS
    assert begins("/a//b?c", url := ["http://a.test/a/b?c=1", "http://a.test/a//b?c"]) == url


def test_a_text_or_a_pattern_may_look_for_dot_segments():
    tests = Urls()
    flag = tests.add(VALUE.str.contains("/../", literal=True))
    path = tests.add(path_begins(["/etc"]), of_path=True)
    urls = pl.Series("url", ["http://a.test/x/%2e%2e/etc/passwd", "http://a.test/etc/passwd"])
    due = {name: urls.is_not_null().to_numpy() for name in (flag, path)}
    assert {one.name: one.to_list() for one in tests.read(urls, due)} == {flag: [True, False], path: [True, True]}


@settings(deadline=None)
@given(st.lists(st.sampled_from(["/", ".", "..", "a", "b", "%2e", "%61", "?", "#", "//"]), max_size=9).map("".join))
def test_a_url_is_resolved_as_its_path_alone_is_with_or_without_a_host(path):
    bare = re.split("[?#]", f"/{path}", maxsplit=1)[0]
    heads = ("http://a.test", "//a.test:80", "a.test")
    read = resolved(unescaped(pl.Series([f"{head}/{path}" for head in heads]))).to_list()
    [said] = {url.removeprefix(head) for url, head in zip(read, heads, strict=True)}
    assert re.sub("/+", "/", re.split("[?#]", said, maxsplit=1)[0]) == straight(bare)


@pytest.mark.parametrize("host", ["bet.example$.school.test", "bet.example.school.test", "abet.example"])
def test_a_host_that_only_begins_or_ends_like_a_name_of_a_rule_is_another(host):
    names = HostNames()
    names.add(["bet.example"])
    assert [row for row, _ in names.find(pl.Series([host, "bet.example", "www.bet.example"]))] == [1, 2]
