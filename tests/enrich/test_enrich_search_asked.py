"""A URL says what was asked of which engine: a search or suggestions, and whether safe search was on."""

from typing import get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterwatch.enrich.hosts import host_of
from filterwatch.enrich.search import Engines, Kind, SafeSearch
from filterwatch.enrich.suffixes import Suffixes
from filterwatch.events import SAFE_SEARCH, SEARCH_KINDS

SUFFIXES, ENGINES = Suffixes(), Engines()


def asked(url):
    host = host_of(url)
    number = ENGINES.number(host, SUFFIXES.registrable(host)) if host else None
    return ENGINES.asked(url, host, number) if number is not None else None


@pytest.mark.parametrize(
    ("url", "engine", "kind", "terms", "safe"),
    [
        ("https://www.google.co.uk/search?q=owls&safe=active", "google", "search", "owls", "on"),
        ("https://www.google.co.uk/search?q=owls&tbm=isch&safe=off", "google", "search", "owls", "off"),
        ("https://www.google.com/search?q=owls&udm=2&safe=images", "google", "search", "owls", "off"),
        ("https://www.google.com/search?q=owls&tbm=nws", "google", "search", "owls", None),
        ("https://www.google.com/search?q=safe=off", "google", "search", "safe=off", None),
        ("https://forcesafesearch.google.com/search?q=owls", "google", "search", "owls", "on"),
        ("https://www.google.com/complete/search?client=gws-wiz&q=ow", "google", "suggest", "ow", None),
        ("https://suggestqueries.google.com/complete/search?ds=yt&q=ow", "google", "suggest", "ow", None),
        ("https://www.bing.com/images/search?q=owls&adlt=demote", "bing", "search", "owls", "blur"),
        ("https://strict.bing.com/search?q=owls", "bing", "search", "owls", "on"),
        ("strict.bing.com/search?q=owls", "bing", "search", "owls", "on"),
        ("https://www.bing.com/search?q=owls&%61dlt=o%66f", "bing", "search", "owls", "off"),
        ("https://www.bing.com/search?q=owls%26adlt=off", "bing", "search", "owls&adlt=off", None),
        ("https://www.bing.com/AS/Suggestions?qry=ow&cp=2", "bing", "suggest", "ow", None),
        ("https://duckduckgo.com/?q=owls&kp=-2&ia=images", "duckduckgo", "search", "owls", "off"),
        ("https://duckduckgo.com/?q=owls+%21safeoff", "duckduckgo", "search", "owls !safeoff", "off"),
        ("https://duckduckgo.com/ac/?q=ow", "duckduckgo", "suggest", "ow", None),
        ("https://search.brave.com/images?q=owls&safesearch=strict", "brave", "search", "owls", "on"),
        ("https://uk.search.yahoo.com/search;_ylt=x?p=owls&vm=p", "yahoo", "search", "owls", "off"),
        ("https://www.youtube.com/results?search_query=owls", "youtube", "search", "owls", None),
        ("https://www.tiktok.com/search?q=owls", "tiktok", "search", "owls", None),
        ("https://www.reddit.com/r/birds/search?q=owls", "reddit", "search", "owls", None),
        ("https://en.wikipedia.org/w/index.php?search=owls", "wikipedia", "search", "owls", None),
        ("https://en.wikipedia.org/w/api.php?action=opensearch&search=ow", "wikipedia", "suggest", "ow", None),
        ("https://chatgpt.com/?q=why+do+owls+hoot", "chatgpt", "search", "why do owls hoot", None),
        ("https://copilot.microsoft.com/?q=owls", "copilot", "search", "owls", None),
        ("https://claude.ai/new?q=owls", "claude", "search", "owls", None),
        ("https://translate.google.co.uk/?sl=en&tl=pl&text=owls", "google_translate", "search", "owls", None),
    ],
)
def test_what_was_asked(url, engine, kind, terms, safe):
    assert asked(url)[:4] == (engine, kind, terms, safe)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.google.co.uk/maps?q=owl+street",
        "https://maps.google.co.uk/maps?q=owl+street",
        "https://www.google.com/async/bgasy?q=owls",
        "https://translate.google.com/translate?u=https://owls.example/",
        "https://www.example.com/search?q=owls",
        "https://www.google.com/search?q=",
    ],
)
def test_a_place_a_page_and_a_request_in_the_background_are_no_searches(url):
    assert asked(url) is None


def looked(*urls):
    hosts = [host_of(url) for url in urls]
    numbers = [ENGINES.number(host, SUFFIXES.registrable(host)) if host else None for host in hosts]
    return ENGINES.look(pl.Series("url", urls), pl.Series(numbers, dtype=pl.UInt16)).rows()


@pytest.mark.parametrize(
    ("url", "kind", "terms"),
    [
        ("https://www.google.co.uk/search?q=owls", "web", "owls"),
        ("https://www.google.co.uk/search?q=owls&udm=2", "image", "owls"),
        ("https://www.google.co.uk/search?tbm=vid&q=owls", "video", "owls"),
        ("https://www.google.co.uk/search?q=owls&udm=50", "assistant", "owls"),
        ("https://www.google.co.uk/search#q=owls", "web", "owls"),
        ("https://www.bing.com/videos/search?q=owls", "video", "owls"),
        ("https://www.bing.com/copilotsearch?q=why+do+owls+hoot", "assistant", "why do owls hoot"),
        ("https://duckduckgo.com/?q=owls&iax=images&ia=images", "image", "owls"),
        ("https://uk.images.search.yahoo.com/search/images?p=owls", "image", "owls"),
        ("https://m.youtube.com/results?search_query=owls", "video", "owls"),
        ("https://www.youtube.com/hashtag/tawnyowls", "video", "tawnyowls"),
        ("https://www.tiktok.com/tag/owls?lang=en", "video", "owls"),
        ("https://www.amazon.co.uk/s?k=owl+box&ref=nb", "shopping", "owl box"),
        ("https://www.perplexity.ai/search/new?q=owls", "assistant", "owls"),
        ("https://x.com/hashtag/owls?src=hashtag_click", "social", "owls"),
        ("https://www.instagram.com/explore/tags/owls/", "social", "owls"),
        ("https://unsplash.com/s/photos/snowy-owls", "image", "snowy owls"),
        ("https://www.pexels.com/search/videos/barn%20owls/", "video", "barn owls"),
        ("https://tenor.com/search/owl-gifs", "image", "owl gifs"),
        ("https://open.spotify.com/search/owl%20city/tracks", "web", "owl city"),
        ("https://www.google.co.uk/search?q=barn%2520owl", "web", "barn owl"),
        ("https://www.google.co.uk/search?q=b%25C3%25A4r%2520owl", "web", "b\u00e4r owl"),
        ("https://www.google.co.uk/search?q=\u202eslwo", "web", "slwo"),
        ("https://metager.org/meta/meta.ger3?eingabe=owls", "web", "owls"),
        ("https://www.kidzsearch.com/kidz_searchresult.html?q=owls", "web", "owls"),
        ("https://www.tiktok.com/api/search/general/sug/?keyword=ow", None, None),
        ("https://www.tiktok.com/api/search/general/full/?keyword=owls", "video", "owls"),
        ("https://searx.be/autocompleter?q=ow", None, None),
        ("https://ac.search.naver.com/nx/ac?q=ow", None, None),
        ("https://tenor.com/view/owl-gif-1234", None, None),
        ("https://unsplash.com/photos/owl", None, None),
        ("https://www.youtube.com/watch?v=abc#q=owls", None, None),
    ],
)
def test_what_is_searched_for_and_where_it_stands(url, kind, terms):
    assert looked(url)[0][:2] == (terms, kind)


def test_safe_search_is_told_of_pages_without_a_search_too():
    urls = [
        "https://www.google.co.uk/preferences?safe=off",
        "https://www.google.co.uk/search?q=owls",
        "https://a.test/?safe=off",
    ]
    assert looked(*urls) == [(None, None, "off"), ("owls", "web", None), (None, None, None)]
    assert looked("strict.bing.com/search?q=owls")[0][2] == "on"


def test_rules_may_say_every_kind_and_state_that_there_is():
    assert (get_args(Kind), get_args(SafeSearch)) == (SEARCH_KINDS, SAFE_SEARCH)


HEADS = [
    "https://www.google.com/", "www.bing.com:443/", "//en.wikipedia.org/w/api.php?", "https://giphy.com/search/",
    "https://www.reddit.com/r/", "www.google.co.uk/search?",
]  # fmt: skip
PIECES = [
    "/", "//", "/../", "%2e/", "search?", "SEARCH#", "complete/", "osjson.aspx?", "?", "#", "&", ";", "%", "q=owls&",
    "&Q=a", "%71=", "&search=ow", "search=ow&srsearch=owls&", "as_q=x", "&as_epq=", "qry=", "safe=off&", "+", "%20",
    "%2520", ":",
]  # fmt: skip


@given(st.sampled_from(HEADS), st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=9).map("".join))
def test_explaining_says_what_the_rules_see_of_any_url(head, rest):
    url = (head + rest).encode("utf-8", "replace").decode()
    terms, kind, safe = looked(url)[0]
    said = asked(url)
    if said is None or said.kind == "suggest":
        assert (terms, kind) == (None, None)
    else:
        assert (said.terms, said.what, said.safe) == (terms, kind, safe)
