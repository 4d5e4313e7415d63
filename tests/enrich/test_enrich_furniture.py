"""Visits, not widgets: what pages and programs load by themselves is told from what a person went to."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.enrich import Settings, build
from filterwatch.enrich.furniture import ALWAYS, BY_PATH, Furniture, Site
from filterwatch.events import DECODED_SCHEMA

NEWS = "https://www.thetimes.test/article/roman-roads"
PLAYER = "https://www.youtube.com/embed/abc?rel=0"
MADE = build(Settings())


def embedded(*rows: dict, enrich=MADE) -> list[bool]:
    base = {"time": datetime(2026, 11, 23, 10, tzinfo=UTC), "kind": "http", "action": "allowed", "method": "GET"}
    full = [base | row for row in rows]
    schema = {name: DECODED_SCHEMA[name] for name in DECODED_SCHEMA if any(name in row for row in full)}
    out = enrich.prepare(pl.DataFrame(full, schema=schema))
    return out["embedded"].to_list() if "embedded" in out.columns else [False] * len(out)


def get(url: str, **more: object) -> dict:
    return {"host": url.split("/")[2], "url": url} | more


def tunnel(host: str) -> dict:
    return {"host": host, "url": f"{host}:443", "method": "CONNECT"}


def ask(name: str) -> dict:
    return {"kind": "dns", "query": name, "query_type": "A", "method": None}


NO_VISIT = {
    "a pixel, in a tunnel": tunnel("connect.facebook.net"),
    "pictures of a network, by their name": ask("scontent-lhr8-1.xx.fbcdn.net"),
    "a button": tunnel("platform.twitter.com"),
    "a player's picture": ask("i.ytimg.com"),
    "a fragment of a film": tunnel("r3---sn-aigl6nsr.googlevideo.com"),
    "background of an app": tunnel("mqtt-mini.facebook.com"),
    "push": tunnel("7-courier.push.apple.com"),
    "safe browsing": ask("safebrowsing.googleapis.com"),
    "revocation, by its host": get("http://crl3.digicert.com/x.crl"),
    "revocation, by its type": get("http://ocsp.ca.test/MFEw", mime_type="application/ocsp-response"),
    "a like button, whoever shows it": get("https://www.facebook.com/plugins/like.php?href=x"),
    "a like button, as some filters write it": get("https://www.facebook.com/plugins/like.php")
    | {"url": "www.facebook.com/plugins/like.php?href=x"},
    "the pixel of the main host": get("https://www.facebook.com/tr/?id=1&ev=PageView"),
    "an embedded film": get("https://www.youtube.com/embed/abc", referrer=NEWS, mime_type="text/html"),
    "a picture of another site": get("https://www.reddit.com/x.png", referrer=NEWS, mime_type="image/png"),
    "a script of another site": get("https://x.com/w.js", referrer=NEWS, mime_type="application/javascript;charset=x"),
    "a picture of another site that is written without a scheme": get(
        "https://www.reddit.com/x.png", referrer="www.thetimes.test/article", mime_type="image/png"
    ),
    "a player on the school's own site": get("https://www.youtube.com/embed/abc", referrer="http://moodle/course/1"),
    "a font of another site": get("https://dating.test/f", referrer=NEWS, mime_type="font/woff2"),
    "a style without a type": get("https://www.reddit.com/a.css?v=3", referrer=NEWS),
    "a piece that was blocked": get(
        "https://www.instagram.com/a.jpg", referrer=NEWS, mime_type="text/html", action="blocked"
    ),
    "a script that asks first": get("https://www.instagram.com/api/v1/", method="OPTIONS"),
    "a preview of a link": get("https://www.tiktok.com/@a/video/1", user_agent="Mozilla/5.0 facebookexternalhit/1.1"),
    "a script of a film in a lesson": get(
        "https://www.youtube.com/s/x/base.js", referrer=PLAYER, mime_type="text/javascript"
    ),
    "what a player posts, where the log has no type": get(
        "https://www.youtube.com/youtubei/v1/next", referrer=PLAYER, method="POST"
    ),
    "a player's figures": get("https://www.youtube.com/api/stats/watchtime?x=1", referrer="https://www.youtube.com/"),
    "pictures of a post in the news": ask("p16-sign-va.tiktokcdn.com"),
    "a login of Windows' game services": tunnel("xsts.auth.xboxlive.com"),
    "a connection that nothing came through": tunnel("www.instagram.com") | {"bytes_in": 3_200, "status": 200},
    "a picture in a preview": get("https://www.tiktok.com/a.jpg", user_agent="WhatsApp/2.24 i", mime_type="image/jpeg"),
    "a list of revoked certificates, by who asks": get(
        "http://ca.test/x.crl", user_agent="Microsoft-CryptoAPI/10.0", mime_type="application/octet-stream"
    ),
    "the filter's words do not matter": tunnel("connect.facebook.net") | {"filter_category": "Social Networking"},
}

VISITS = {
    "the network itself, in a tunnel": tunnel("www.facebook.com"),
    "the network itself, by its name": ask("www.instagram.com"),
    "an app's own interface": tunnel("i.instagram.com"),
    "a page": get("https://www.reddit.com/r/all/", mime_type="text/html"),
    "a page that a link led to": get("https://www.reddit.com/r/all/", referrer=NEWS, mime_type="text/html"),
    "a redirection": get("https://x.com/a", referrer=NEWS, status=302),
    "a piece of the site's own page": get(
        "https://www.reddit.com/x.png", referrer="https://www.reddit.com/r/all/", mime_type="image/png"
    ),
    "a piece from the site's other host": get(
        "https://i.reddit.com/x.png", referrer="https://www.reddit.com/", mime_type="image/png"
    ),
    "from a player to its site": get("https://www.youtube.com/watch?v=1", referrer=PLAYER, mime_type="text/html"),
    "from a player to its site, without a type": get("https://www.youtube.com/watch?v=1", referrer=PLAYER),
    "the next film": get(
        "https://www.youtube.com/youtubei/v1/next",
        referrer="https://www.youtube.com/watch?v=1",
        method="POST",
        mime_type="application/json",
    ),
    "a tunnel with a page in it": tunnel("www.instagram.com") | {"bytes_in": 60_000},
    "a tunnel that was refused": tunnel("www.instagram.com") | {"bytes_in": 3_200, "action": "blocked"},
    "a tunnel of which no size is known": tunnel("www.instagram.com") | {"bytes_in": 0},
    "a small page": get("https://www.instagram.com/x", bytes_in=900),
    "a picture without a referrer": get("https://www.reddit.com/x.png", mime_type="image/png"),
    "a picture chosen in a search engine": get(
        "https://www.reddit.com/x.png", referrer="https://www.google.co.uk/", mime_type="image/png"
    ),
    "a player opened by hand": get("https://www.youtube.com/embed/abc", mime_type="text/html"),
    "a player moved on inside the site": get("https://www.youtube.com/embed/a", referrer="https://www.youtube.com/"),
    "a file from another site": get("https://x.com/a.zip", referrer=NEWS, mime_type="application/zip"),
    "a script, by a browser that calls itself a preview": get(
        "https://www.tiktok.com/a.js", user_agent="WhatsApp/2.24", mime_type="text/javascript"
    ),
    "a page that one led to, by a browser that calls itself a preview": get(
        "https://www.tiktok.com/@b", user_agent="WhatsApp/2.24", referrer="https://www.tiktok.com/@a"
    ),
    "a messenger at its own place": get("https://mmg.whatsapp.net/a", user_agent="WhatsApp/2.24.1"),
    "a name that ends in the same letters": tunnel("notfbcdn.net"),
    "a name with furniture in front": ask("platform.twitter.com.evil.test"),
    "a path that only looks like a plugin": get("https://www.facebook.test/plugins/like.php"),
    "a page that is written as if it were a plugin": get("https://www.facebook.com/plugins/../ann"),
    "the same with escapes": get("https://www.facebook.com/plugins/%2e%2E/groups/x"),
    "a plugin inside a query": get("https://www.reddit.com/?u=https://www.facebook.com/plugins/like.php"),
    "a referrer that is none": get("https://www.reddit.com/x.png", referrer="-", mime_type="image/png"),
    "a referrer that is an app": get(
        "https://www.reddit.com/x.png", referrer="android-app://com.news/", mime_type="image/png"
    ),
    "an ending in the query alone": get("https://www.reddit.com/r/all?x=a.png", referrer=NEWS),
}


@pytest.mark.parametrize("row", NO_VISIT.values(), ids=NO_VISIT)
def test_what_is_loaded_by_itself_is_no_visit(row):
    assert embedded(row) == [True]


@pytest.mark.parametrize("row", VISITS.values(), ids=VISITS)
def test_what_a_person_may_have_gone_to_is_a_visit(row):
    assert embedded(row) == [False]


def test_a_batch_says_the_same_of_each_line_as_the_line_alone():
    rows = [*NO_VISIT.values(), *VISITS.values()] * 3

    assert embedded(*rows) == [embedded(row)[0] for row in rows]


def test_the_device_of_a_lease_is_no_furniture():
    assert embedded({"kind": "lease", "host": "i.ytimg.com", "method": None}) == [False]


def test_a_school_names_furniture_of_its_own():
    own = build(Settings(furniture=("widgets.school.test",)))

    assert embedded(tunnel("a.widgets.school.test"), tunnel("school.test"), enrich=own) == [True, False]


def test_nothing_embedded_costs_no_column():
    frame = pl.DataFrame({"host": ["a.test"], "kind": ["http"]}, schema_overrides={"kind": DECODED_SCHEMA["kind"]})

    assert "embedded" not in MADE.prepare(frame.with_columns(time=datetime(2026, 11, 23, tzinfo=UTC))).columns


@settings(deadline=None)
@given(
    host=st.sampled_from(["www.facebook.com", "www.tiktok.com", "x.com", "www.youtube.com", "www.reddit.com"]),
    referrer=st.one_of(st.none(), st.text(max_size=30), st.sampled_from([NEWS, "https://[::1]/", "http://%/", "//"])),
    kind=st.one_of(st.none(), st.sampled_from(["text/html", "text/html; charset=utf-8", "application/pdf"])),
    path=st.sampled_from(["/", "/home", "/watch?v=1", "/a/b?c=d.html"]),
)
def test_a_page_of_a_site_is_always_a_visit(host, referrer, kind, path):
    assert embedded(get(f"https://{host}{path}", referrer=referrer, mime_type=kind)) == [False]


def test_every_shipped_place_is_found_and_none_hides_a_whole_site():
    furniture = Furniture(lambda host: Site(host, finds=False))

    assert furniture.of("connect.facebook.net") == ALWAYS
    assert furniture.of("www.facebook.com") == BY_PATH
    for site in ("facebook.com", "instagram.com", "x.com", "twitter.com", "tiktok.com", "snapchat.com", "reddit.com",
                 "youtube.com", "whatsapp.com", "whatsapp.net", "discord.com", "roblox.com", "netflix.com", "vimeo.com",
                 "i.instagram.com", "api.tiktokv.com", "youtubei.googleapis.com", "twitch.tv", "google.com",
                 "linkedin.com", "pinterest.com", "b.i.instagram.com", "gateway.instagram.com"):  # fmt: skip
        assert furniture.of(site) != ALWAYS
        assert furniture.of(f"www.{site}") != ALWAYS
