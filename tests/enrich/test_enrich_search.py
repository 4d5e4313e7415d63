"""What was typed into a search engine is read from the URL of the search, and from nothing else."""

import polars as pl
import pytest
from growth import LONGEST, too_dear
from test_enrich_hosts import CASES

from filterwatch.enrich.hosts import host_of
from filterwatch.enrich.search import LONGEST_TERMS, Engines, tidied
from filterwatch.enrich.suffixes import Suffixes
from filterwatch.errors import ConfigurationError

SUFFIXES, ENGINES = Suffixes(), Engines()


def searched(*urls):
    hosts = [host_of(url) for url in urls]
    numbers = [ENGINES.number(host, SUFFIXES.registrable(host)) if host else None for host in hosts]
    return ENGINES.read(pl.Series("url", urls), pl.Series(numbers, dtype=pl.UInt16)).to_list()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["input"][:80])
def test_only_a_search_gives_terms(case):
    assert searched(case["input"]) == [tidied(case["searched"]) or None]


@pytest.mark.parametrize(
    ("url", "terms"),
    [
        ("https://www.baidu.com/s?ie=utf-8&wd=roman+roads", "roman roads"),
        ("https://swiggle.org.uk/?q=volcano#gsc.tab=0", "volcano"),
        ("https://yandex.ru/search/?text=maps", "maps"),
        ("https://www.google.com.au/search?q=uluru", "uluru"),
        ("https://google.com/?q=plain", "plain"),
        ("https://www.google.co.uk/search?q=%20&as_q=the+other", "the other"),
        ("https://www.google.co.uk/search?q=first&q=second&q=first", "first second"),
        ("https://www.google.co.uk/%73earch?%71=hidden", "hidden"),
        ("https://www.google.co.uk/search?q=a%252Bb", "a%2Bb"),
        ("https://www.google.co.uk/search?q=%EF%BC%A1%09%0a+b", "A b"),
        ("/search?q=path+only", None),
        ("https://www.google.co.uk/maps?q=park+lane", None),
        ("https://www.google.co.uk/async/bgasy?q=x", None),
        ("https://scholar.google.co.uk/scholar_complete?q=x", None),
        ("https://www.baidu.com/sugrec?wd=x", None),
        ("https://en.wikipedia.org/w/api.php?action=opensearch&search=typ", None),
        ("https://search.yahoo.com/sugg/gossip?p=typ", None),
        ("https://api.qwant.com/v3/suggest?q=typ", None),
        ("https://google.blogspot.com/search?q=not+google", None),
        ("https://google.evil.example/search?q=not+google", None),
        ("https://www.example.com/search?q=unknown+engine", None),
        ("https://www.google.co.uk/search?q=", None),
        ("https://www.google.co.uk/search", None),
        ("www.google.co.uk/search?q=as+some+filters+write+it", "as some filters write it"),
        ("www.google.co.uk:443/search?q=a//b&hl=x://y", "a//b"),
        ("//www.google.co.uk/search?q=slashes", "slashes"),
        ("https://www.google.co.uk//search?q=slashes", "slashes"),
        ("https://www.google.co.uk/a/.%2E/search?q=dots", "dots"),
        ("https://www.google.co.uk/SEARCH?Q=capitals", "capitals"),
        ("https://www.google.co.uk/search?as_q=owls&as_epq=barn+owl&as_oq=nest", "owls barn owl nest"),
        ("https://www.google.co.uk/search?as_q=&as_oq=nest", "nest"),
        ("https://www.google.co.uk/search?q=nest&as_oq=nest", "nest"),
        ("https://www.google.co.uk/search?q=" + "a" * 3_000 + "&as_oq=nest", "a" * (LONGEST_TERMS // 2 - 1) + " nest"),
        ("https://www.reddit.com/r/suggestmeabook/search?q=owls", "owls"),
        ("https://www.reddit.com/svc/shreddit/search-typeahead?q=ow", None),
        ("https://giphy.com/search/autocomplete-fail", "autocomplete fail"),
        ("https://giphy.com/SE%61RCH/owls%2Fbarn", "owls/barn"),
        ("https://giphy.com/./search//owls?q=x", "owls"),
        ("https://www.bing.com/images/feed?q=owls", None),
        ("https://links.duckduckgo.com/d.js?q=owls&t=D", "owls"),
        ("https://www.roblox.com/discover/?Keyword=owls", "owls"),
    ],
)
def test_engines_paths_and_parameters(url, terms):
    assert searched(url) == [terms]


@pytest.mark.parametrize(
    "hidden_by", ["a=1&" * 500, "q=" + "+" * 8_000, "q=" + "%E2%80%8B" * 900, "q=%20" + "%09" * 2_000]
)
def test_nothing_is_hidden_behind_much_of_nothing(hidden_by):
    more = "" if "q=" in hidden_by else "q="
    assert searched(f"https://www.google.com/search?{hidden_by}{more}owls&hl=en") == ["owls"]


@pytest.mark.parametrize("head", ["https://www.google.com/search?q=", "https://giphy.com/search/"])
def test_a_very_long_search_costs_no_more_than_its_length(head):
    pieces = ["&q=", "&", "%71=a&", "q=%EF%B7%BA&", "%41", "%E2%80%8B", "+", "/..", "/./a", "//", "%2E%2e/", "#", "?"]
    assert too_dear(searched, (head + piece * (LONGEST // len(piece)) for piece in pieces)) == []


def test_a_search_is_kept_to_a_length():
    assert searched("https://www.bing.com/search?q=" + "%61" * 60_000) == ["a" * LONGEST_TERMS]
    [terms] = searched("https://www.google.com/search?q=" + "-unhappinesses+" * 31 + "barn+owls")
    assert terms.endswith(" barn owls")


def test_rows_without_a_search_stay_null_beside_those_with_one():
    urls = ["https://a.example/?q=1", "https://www.bing.com/search?q=moss", "https://www.bing.com/x"]
    assert searched(*urls) == [None, "moss", None]


def test_a_mistake_in_a_file_of_engines_has_its_place(tmp_path):
    file = tmp_path / "engines.yaml"
    file.write_text("one:\n  at: [one.com]\n  searches: [{paths: [search], parameters: [q]}]\n")
    with pytest.raises(ConfigurationError, match=r"engines\.yaml:3:23: "):
        Engines(file)


@pytest.mark.parametrize("filler", ["blue+tits+" * 230, "a" * 2_100, "&q=".join(f"tit{n}" for n in range(400))])
def test_nothing_long_hides_a_search_before_or_behind_it(filler):
    for query in (f"q={filler}&q=how+to+fly", f"q=how+to+fly&q={filler}"):
        (terms,) = searched(f"https://www.google.com/search?{query}")
        assert "how to fly" in terms
        assert len(terms) <= LONGEST_TERMS
