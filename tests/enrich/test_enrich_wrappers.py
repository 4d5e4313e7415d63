"""Addresses inside other addresses: translations, archives, caches, links."""

import polars as pl
import pytest
from growth import LONGEST, too_dear
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch import lists
from filterwatch.enrich import Suffixes
from filterwatch.enrich.search import Engines
from filterwatch.enrich.where import Where
from filterwatch.enrich.wrappers import Wrappers

SUFFIXES, ENGINES = Suffixes(), Engines()
WRAPPERS = Wrappers(SUFFIXES)
BET = "https://www.bet.example/"
SEES_BET = [
    "https://www-bet-example.translate.goog/",
    "https://www-bet-example.translate.goog/odds?_x_tr_sl=en",
    f"https://translate.google.com/translate?sl=auto&tl=en&u={BET}",
    "https://translate.google.co.uk/translate?u=www.bet.example%2Fodds&tl=en",
    "https://translate.google.com/website?sl=en&u=https%3A%2F%2Fbet.example",
    f"https://web.archive.org/web/2020/{BET}",
    "https://web.archive.org/web/20200101000000id_/http://bet.example/",
    "https://web.archive.org/web/2020/http:/bet.example/",
    "http://web.archive.org/web/bet.example",
    "https://web.archive.org/web/*/bet.example*",
    f"https://www.google.co.uk/url?q={BET}&sa=U",
    "https://www.google.com/url?sa=t&url=https%3A%2F%2Fbet.example%2F",
    "https://www.google.com/amp/s/www.bet.example/odds",
    "https://www.google.com/amp/bet.example",
    "https://www.bing.com/amp/s/bet.example/odds",
    "https://www-bet-example.cdn.ampproject.org/c/s/www.bet.example/odds",
    "https://abcdef.cdn.ampproject.org/v/s/www.bet.example/odds",
    "https://webcache.googleusercontent.com/search?q=cache:abcDEF_12-45:https://bet.example/a+odds&hl=en",
    "https://webcache.googleusercontent.com/search?q=cache%3Abet.example",
    "https://www.translatetheweb.com/?from=de&to=en&a=https%3A%2F%2Fbet.example",
    "https://translate.yandex.com/translate?lang=en-ru&url=https%3A%2F%2Fbet.example",
    "https://translated.turbopages.org/proxy_u/en-ru.ru.12/https/bet.example/odds",
    "https://archive.ph/2020/https://bet.example/",
    "https://archive.ph/o/AbCd/https%3A//bet.example/",
    "https://archive.ph/?run=1&url=https%3A%2F%2Fbet.example",
    f"https://web.archive.org/save/{BET}",
    f"https://web.archive.org/w%65b/2020/{BET}",
    f"web.archive.org/web/2020/{BET}",
    f"https://webarchive.nationalarchives.gov.uk/ukgwa/20200101000000/{BET}",
    "https://www.webarchive.org.uk/wayback/en/archive/20200101000000mp_/http://bet.example/",
    f"https://arquivo.pt/noFrame/replay/20200101000000/{BET}",
    "https://html.duckduckgo.com/l/?uddg=https%3A%2F%2Fbet.example%2F&rut=1",
    "https://r.search.yahoo.com/_ylt=Aw/RV=2/RE=1/RO=10/RU=https%3a%2f%2fwww.bet.example%2f/RK=2/RS=x-",
    "https://papago.naver.net/website?source=auto&target=en&url=https%3A%2F%2Fbet.example",
    "http://fanyi.baidu.com/transpage?query=bet.example&from=auto",
    f"https://r.jina.ai/{BET}",
    "https://r.jina.ai/bet.example/odds",
    "https://smry.ai/proxy?a=1&url=bet.example&b=2",
    "https://cors-anywhere.herokuapp.com/bet.example:443/odds",
    f"https://my-proxy.workers.test/{BET}",
    "https://my-proxy.workers.test/?HTTPS%3A%2F%2Fbet.example",
    f"https://12ft.io/proxy?q={BET}",
    f"https://corsproxy.io/?{BET}",
    "https://corsproxy.io/?url=https%3A%2F%2Fbet.example",
    f"https://cors-anywhere.herokuapp.com/{BET}",
    f"https://thingproxy.freeboard.io/fetch/{BET}",
    "https://api.allorigins.win/raw?url=https%3A%2F%2Fbet.example",
    f"https://api.codetabs.com/v1/proxy/?quest={BET}",
    "https://free.example/index.php?q=1&u=https%3A%2F%2Fbet.example",
    "https://translate.google.com/translate?u=https%3A%2F%2Fweb.archive.org%2Fweb%2F2020%2Fhttp%3A%2F%2Fbet.example%2F",
    "https://web.archive.org/web/2020/https://www-bet-example.translate.goog/",
]  # fmt: skip
SEES_NOTHING = [
    "https://web.archive.org/",
    "https://web.archive.org/web/",
    "https://web.archive.org/web/2020/https://www.news.example/",
    "https://www.google.com/search?q=https://www.bet.example/",
    "https://www.google.com/url?q=/search",
    "https://www.google.com/imgres?imgurl=https://www.bet.example/a.png",
    "www.google.com:443",
    "https://translate.google.com/translate?u=",
    "https://translate.goog/",
    "https://duckduckgo.com/?q=https://www.bet.example/",
    "https://arquivo.pt/about/2020",
    "https://r.jina.ai/",
    "https://r.jina.ai/docs?next=bet.example",
    "https://12ft.io/bet.example.html",
    "https://pictures.example/https://static.fbcdn.net/like.png",
    "https://site.example/a/https://www.bet.example/",
    "https://site.example/http-basics",
    "https://www.site.example/login?next=https://www.bet.example/",
    "https://school.example/index.php?u=john",
    "https://shop.example/browse.php?u=123",
    "https://share.example/sharer.php?u=https://www.bet.example/",
    "https://web.archive.org.evil.example/web/2020/https://www.bet.example/",
]


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    path = folder / "gambling.txt"
    path.write_text("# category: gambling\nbet.example\nbet-more.example\nshared.example/bets\nfbcdn.net\n")
    return Where(lists.prepare(path, folder / "lists.index"), SUFFIXES, ENGINES)


def seen(where, urls):
    hosts = [url.partition("://")[2].partition("/")[0] or url.partition(":")[0] for url in urls]
    return where.add(pl.DataFrame({"host": hosts, "url": urls}))


@pytest.mark.parametrize("url", SEES_BET)
def test_what_a_wrapper_shows_is_looked_up(where, url):
    assert seen(where, [url])["categories"].to_list() == [["gambling"]]


@pytest.mark.parametrize("url", SEES_NOTHING)
def test_an_address_that_shows_no_other_has_no_more_categories(where, url):
    assert seen(where, [url])["categories"].to_list() == [None]


def test_each_url_of_a_batch_has_its_own_answer(where):
    mixed = [url for pair in zip(SEES_BET[:12], SEES_NOTHING, strict=False) for url in pair] * 3
    out = seen(where, mixed)
    assert out["categories"].to_list() == [["gambling"], None] * (len(mixed) // 2)
    assert out["url"].to_list() == mixed
    assert not [name for name in out.columns if name.startswith("_")]


def test_a_name_that_spells_another_is_enough_where_the_log_has_no_url(where):
    names = ["www-bet-example.translate.goog", "bet--more-example.translate.goog", "news-example.translate.goog"]
    out = where.add(pl.DataFrame({"query": names}))
    assert out["categories"].to_list() == [["gambling"], ["gambling"], None]
    assert out["domain"].to_list() == names


def test_what_the_lists_say_of_the_wrapper_stays(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "bypass.txt").write_text("# category: bypass\ntranslate.goog\nweb.archive.org/web\n")
    (folder / "gambling.txt").write_text("# category: gambling\nbet.example\n@@ok.bet.example\n")
    where = Where(lists.prepare(folder, tmp_path / "lists.index"), SUFFIXES, ENGINES)
    addresses = ["www.bet.example", "ok.bet.example"]
    out = seen(where, [f"https://web.archive.org/web/2020/http://{one}/" for one in addresses])
    assert out["categories"].to_list() == [["gambling", "bypass"], ["bypass"]]
    out = seen(where, ["https://www-bet-example.translate.goog/", "https://ok-bet-example.translate.goog/"])
    assert out["categories"].to_list() == [["gambling", "bypass"], ["bypass"]]


def test_a_listed_page_is_known_inside_a_wrapper_too(where):
    for before in ("https://web.archive.org/web/2020/https://shared.example", "https://shared-example.translate.goog"):
        urls = [f"{before}/{page}?_x_tr_sl=en" for page in ("bets/1", "maths")]
        assert seen(where, urls)["categories"].to_list() == [["gambling"], None]


def test_a_search_inside_a_wrapper_is_a_search(where):
    searches = [
        "https://www-google-com.translate.goog/search?q=owls&_x_tr_sl=auto",
        "https://duckduckgo-com.translate.goog/?q=owls",
        "https://my-proxy.workers.test/https://www.bing.com/search?q=owls",
        "https://corsproxy.io/?url=https%3A%2F%2Fhtml.duckduckgo.com%2Fhtml%2F%3Fq%3Dowls",
    ]
    others = ["https://www-google-com.translate.goog/maps?q=owls", f"https://my-proxy.workers.test/{BET}?q=owls", BET]
    own = "https://www.bing.com/search?q=barn&u=https://www.google.com/search?q=owls"
    out = seen(where, [*searches, *others, own])
    assert out["search_terms"].to_list() == ["owls"] * 4 + [None] * 3 + ["barn"]
    assert out["search_kind"].null_count() == len(others)
    asked = [where.asked(url) for url in (*searches, *others)]
    assert [one and one.terms for one in asked] == ["owls"] * 4 + [None] * 3


def test_a_piece_of_an_archived_page_is_no_visit_to_the_network_it_came_from(where):
    piece = "https://web.archive.org/web/2020im_/https://static.fbcdn.net/like.png"
    assert seen(where, [piece])["categories"].to_list() == [None]


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("www-bad--site-test.translate.goog", "www.bad-site.test"),
        ("0-en-site-test-0.cdn.ampproject.org", "en.site.test"),
        ("xn----e1aybc-test.translate.goog", "xn--e1aybc.test"),
        ("site.translate.goog", None),
        ("cdn.ampproject.org", None),
    ],
)
def test_names_are_spelt_back(name, inner):
    number = WRAPPERS.number(name, SUFFIXES.registrable(name))
    assert number is not None
    assert WRAPPERS.spelt(name, number) == inner


def test_wrappers_around_wrappers_are_opened_and_no_deeper_than_anybody_writes():
    assert WRAPPERS.of(f"https://www.google.com/url?q=https://web.archive.org/web/2020/{BET}") == BET
    assert WRAPPERS.of(BET) is None
    deep = "https://web.archive.org/web/2020/" * 200 + BET
    assert WRAPPERS.of(deep) == deep[3 * len("https://web.archive.org/web/2020/") :]


@settings(deadline=None)
@given(
    st.text(max_size=60),
    st.sampled_from([url for url in SEES_BET if "bet.example" in url]),
    st.none() | st.integers(0, 18),
)
def test_no_text_of_a_pupil_breaks_it(text, url, number):
    for hostile in (url.replace("bet.example", text), url + text, text):
        urls = pl.Series([hostile], dtype=pl.String)
        assert len(WRAPPERS.inner(urls, pl.Series([number], dtype=pl.UInt16))) == 1
        WRAPPERS.of(hostile)


@pytest.mark.parametrize("url", [url for url in SEES_BET if "bet.example" in url])
def test_a_very_long_url_costs_no_more_than_its_length(url):
    pieces = ["https://web.archive.org/web/", "/", "browse.php?u=http", "u=", "%25", "2020/", "--"]
    long = (url.replace("bet.example", piece * (LONGEST // len(piece))) for piece in pieces)
    assert too_dear(WRAPPERS.of, long) == []
