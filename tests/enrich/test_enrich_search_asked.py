"""A URL says what was asked of which engine: a search or suggestions, and whether safe search was on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterwatch.enrich.hosts import host_of
from filterwatch.enrich.search import Asked, Engines
from filterwatch.enrich.suffixes import Suffixes

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
    assert asked(url) == Asked(engine, kind, terms, safe)


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


@given(st.text(max_size=100))
def test_no_url_of_an_engine_raises(text):
    asked(f"https://www.bing.com/search?q={text}")
    asked(f"https://www.google.com/{text}")
