"""Made-up browsing of which the truth is known: what a person went to, and what pages, programs and devices loaded.

Each :class:`Session` is one person at one device.  Hosts are those that the real pages and apps ask for, as their
browsers' network panes show them; paths, times and sizes are made up.  The seed decides the times, nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

HTML, JSON, JS, CSS, JPEG, MP4 = (
    "text/html", "application/json", "application/javascript", "text/css", "image/jpeg", "video/mp4",
)  # fmt: skip
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the device makes it.

    Attributes:
        at: Seconds after the session's morning.
        referrer: As browsers send it: the whole address inside a site, the origin alone to another; null for none.
        opaque: Nobody can look inside: an app that trusts only its own certificate, a connection made beforehand.
        blocked: The filter refused it.
        size: Bytes.
    """

    at: float
    host: str
    path: str = "/"
    kind: str = HTML
    referrer: str | None = None
    method: str = "GET"
    agent: str = BROWSER
    opaque: bool = False
    blocked: bool = False
    size: int = 20_000

    @property
    def url(self) -> str:
        """The whole address."""
        return f"https://{self.host}{self.path}"


@dataclass(slots=True)
class Session:
    """What one person's device did.

    Attributes:
        name: What it is an example of.
        went: Registrable domains that the person went to.
        used: Rules on use (``visits: only``) that ought to hold.
        user: Name in the log; empty where the log has none.
        cached: Seconds for which the device remembers an address; the name decides which (our assumption: such names
            live for 60 to 300).
        kept_open: Seconds without a request after which a connection is closed; likewise (servers close after 15 to
            180).
    """

    name: str
    went: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()
    requests: list[Request] = field(default_factory=list)
    user: str = ""
    address: str = ""
    cached: Sequence[float] = (120.0,)
    kept_open: Sequence[float] = (60.0,)

    def page(self, at: float, url: str, pieces: Sequence[Request] = (), *, source: str | None = None) -> None:
        """Add a page and what it loads; *pieces* count their time from it and get it as their referrer."""
        host, _, path = url.partition("/")
        main = Request(at, host, f"/{path}", referrer=source)
        self.requests.append(main)
        for piece in pieces:
            inside = piece.host == host
            led = piece.referrer or (main.url if inside else f"https://{host}/")
            self.requests.append(replace(piece, at=at + piece.at, referrer=None if piece.opaque else led))


def piece(after: float, place: str, kind: str = JS, **more: object) -> Request:
    """Return a piece of a page, *after* seconds; *place* is host and path."""
    host, _, path = place.partition("/")
    return replace(Request(after, host, f"/{path}", kind), **more)  # type: ignore[arg-type]


WIDGETS = (
    piece(0.2, "connect.facebook.net/en_GB/sdk.js"),
    piece(0.5, "www.facebook.com/plugins/like.php?href=https%3A%2F%2Fnews.test", HTML),
    piece(0.6, "www.facebook.com/tr/?id=123&ev=PageView", "image/gif"),
    piece(0.7, "static.xx.fbcdn.net/rsrc.php/v4/a.js", referrer="https://www.facebook.com/"),
    piece(0.3, "platform.twitter.com/widgets.js"),
    piece(0.6, "platform.twitter.com/embed/Tweet.html?id=1", HTML),
    piece(0.7, "syndication.twitter.com/settings?session_id=1", JSON, referrer="https://platform.twitter.com/"),
    piece(0.8, "pbs.twimg.com/media/a.jpg", JPEG, referrer="https://platform.twitter.com/"),
    piece(0.3, "www.tiktok.com/embed.js"),
    piece(0.6, "www.tiktok.com/embed/v2/7300000000000000000?lang=en-GB", HTML),
    piece(0.8, "lf16-tiktok-web.tiktokcdn-us.com/obj/embed.js", referrer="https://www.tiktok.com/"),
    piece(0.9, "p16-sign-va.tiktokcdn.com/obj/a.jpeg", JPEG, referrer="https://www.tiktok.com/"),
    piece(1.1, "mon.tiktokv.com/monitor_browser/collect/batch/", JSON, method="POST",
          referrer="https://www.tiktok.com/"),
    piece(0.4, "securepubads.g.doubleclick.net/tag/js/gpt.js"),
    piece(0.4, "www.googletagmanager.com/gtm.js?id=1"),
    piece(0.5, "px.ads.linkedin.com/collect?pid=1", "image/gif"),
    piece(0.6, "tr.snapchat.com/p", "text/plain", method="POST"),
    piece(0.6, "ct.pinterest.com/v3/?event=init", "image/gif"),
)  # fmt: skip
"""What a page of news loads of social networks."""

PLAYER = (
    piece(0.5, "www.youtube.com/embed/dQw4w9?rel=0", HTML),
    *(
        piece(0.8 + n / 10, place, kind, referrer="https://www.youtube.com/embed/dQw4w9?rel=0", method=method)
        for n, (place, kind, method) in enumerate((
            ("www.youtube.com/s/player/5ec65609/www-embed-player.js", JS, "GET"),
            ("www.youtube.com/s/player/5ec65609/www-player.css", CSS, "GET"),
            ("i.ytimg.com/vi/dQw4w9/maxresdefault.jpg", JPEG, "GET"),
            ("www.youtube.com/generate_204", "text/plain", "GET"),
            ("rr3---sn-aigl6nsr.googlevideo.com/videoplayback?id=1", MP4, "POST"),
            ("www.youtube.com/youtubei/v1/log_event?alt=json", JSON, "POST"),
            ("www.youtube.com/api/stats/watchtime?ns=yt", "text/html; charset=UTF-8", "GET"),
        ))
    ),
)  # fmt: skip
"""What a page with a film loads of YouTube once it is played."""

ADVERTS = (
    piece(0.4, "securepubads.g.doubleclick.net/gampad/ads?x=1", JSON),
    piece(0.9, "www.bet365.com/creative/300x250.jpg", JPEG),
    piece(1.0, "bumble.com/banners/728x90.png", "image/png"),
    piece(1.0, "www.bet365.com/creative/pixel.js"),
)
"""Pictures and scripts of a gambling and a dating site on somebody's page of recipes."""

APPS: Mapping[str, tuple[Sequence[str], float]] = {
    "TikTok": (("api16-normal-c-alisg.tiktokv.com", "mon.tiktokv.com", "log.tiktokv.com", "im-api.tiktokv.com"), 1200),
    "Instagram": (("i.instagram.com", "graph.instagram.com", "gateway.instagram.com", "edge-mqtt.facebook.com"), 1500),
    "Snapchat": (("gcp.api.snapchat.com", "us-east1-aws.api.snapchat.com", "app-analytics.snapchat.com"), 1200),
    "WhatsApp": (("e1.whatsapp.net", "g.whatsapp.net", "media-lhr8-1.cdn.whatsapp.net"), 1800),
}
"""Hosts of an app in the background, and seconds between two polls."""

TELEMETRY = (
    "v10.events.data.microsoft.com", "settings-win.data.microsoft.com", "client.wns.windows.com",
    "www.msftconnecttest.com", "ctldl.windowsupdate.com", "title.mgt.xboxlive.com", "xsts.auth.xboxlive.com",
    "www.msn.com", "edge.microsoft.com",
    "1-courier.push.apple.com", "ocsp2.apple.com", "gateway.icloud.com", "configuration.ls.apple.com",
)  # fmt: skip

RELOADS = (0, 1, 6, 36, 96, 396, 996)
"""When Chrome and Edge ask again for a page whose connection failed (Chromium's net_error_auto_reloader.cc)."""


def news(draw: random.Random) -> Session:
    """Twelve pages of news with buttons, embedded posts and trackers of social networks."""
    session, at = Session("news with widgets", frozenset({"bbc.co.uk"})), 0.0
    for n in range(12):
        session.page(at, f"www.bbc.co.uk/news/articles/c{n}", WIDGETS)
        at += draw.uniform(40, 150)
    return session


def lesson(draw: random.Random) -> Session:
    """Homework with two embedded films that are watched."""
    session, at = Session("homework with films", frozenset({"homework.test"})), 0.0
    for n in range(6):
        session.page(at, f"www.homework.test/volcanoes/{n}", PLAYER if n % 3 == 0 else ())
        for second in range(10, 120, 15) if n % 3 == 0 else ():
            fragment = PLAYER[5]
            session.requests.append(replace(fragment, at=at + second))
            session.requests.append(replace(PLAYER[7], at=at + second))
        at += draw.uniform(120, 200)
    return session


def recipes(draw: random.Random) -> Session:
    """Recipes with advertisements of a gambling and a dating site, on four days."""
    session = Session("recipes with adverts", frozenset({"recipes.test"}))
    for day in range(4):
        at = day * DAY + draw.uniform(0, 600)
        for n in range(4):
            session.page(at, f"www.recipes.test/soup/{day}/{n}", ADVERTS)
            at += draw.uniform(30, 90)
    return session


def beforehand(draw: random.Random) -> Session:
    """Names looked up and connections opened for links that nobody follows."""
    session = Session("prefetch and preconnect", frozenset({"search.test"}))
    for n, host in enumerate(("www.youtube.com", "www.instagram.com", "www.facebook.com", "www.reddit.com")):
        at = n * 240 + draw.uniform(0, 60)
        session.page(
            at, f"www.search.test/?q={n}", [piece(0.3, f"{host}/", opaque=True, size=draw.randrange(2_500, 6_500))]
        )
    return session


def phone(draw: random.Random) -> Session:
    """A phone in a bag for seven hours: four apps poll, nobody touches it."""
    session = Session("phone in a bag")
    for hosts, every in APPS.values():
        at = draw.uniform(0, every)
        while at < 7 * 3600:
            for host in draw.sample(list(hosts), min(2, len(hosts))):
                poll = Request(at + draw.uniform(0, 2), host, kind=JSON, agent="app", opaque=True)
                session.requests.append(replace(poll, size=draw.randrange(3_000, 12_000)))
            at += every * draw.uniform(0.8, 1.2)
    return session


def telemetry(draw: random.Random) -> Session:
    """A Windows and a Mac computer by themselves for four hours."""
    session = Session("telemetry")
    for host in TELEMETRY:
        at = draw.uniform(0, 600)
        while at < 4 * 3600:
            session.requests.append(Request(at, host, kind=JSON, agent="system", opaque=True))
            at += draw.uniform(500, 1500)
    return session


def network(draw: random.Random) -> Session:
    """A quarter of an hour on Instagram in a browser."""
    session = Session("Instagram in a browser", frozenset({"instagram.com"}), frozenset({"social_media"}))
    at = 0.0
    while at < 900:
        session.page(at, f"www.instagram.com/explore/?n={int(at)}", [
            piece(0.3, "static.cdninstagram.com/rsrc.php/a.js"),
            piece(0.6, "www.instagram.com/graphql/query", JSON, method="POST"),
            piece(0.9, "scontent-lhr8-1.cdninstagram.com/v/a.jpg", JPEG),
        ])  # fmt: skip
        at += draw.uniform(20, 80)
    return session


def app(draw: random.Random) -> Session:
    """Twenty minutes in the TikTok app."""
    session, at = Session("TikTok app in use", frozenset({"tiktokv.com"}), frozenset({"social_media"})), 0.0
    hosts = ("api16-core-c-alisg.tiktokv.com", "api16-normal-c-alisg.tiktokv.com", "search16-normal.tiktokv.com",
             "im-api.tiktokv.com", "webcast16-normal.tiktokv.com", "v16m.tiktokcdn.com")  # fmt: skip
    while at < 1200:
        session.requests.append(Request(at, draw.choice(hosts), kind=JSON, agent="app", opaque=True, size=900_000))
        at += draw.uniform(2, 25)
    return session


def film(draw: random.Random) -> Session:
    """One film of forty minutes on YouTube."""
    session = Session("YouTube, forty minutes", frozenset({"youtube.com"}), frozenset({"youtube-pupils"}))
    session.page(0, "www.youtube.com/watch?v=abc", [piece(0.5, "i.ytimg.com/vi/abc/hq.jpg", JPEG)])
    led = "https://www.youtube.com/"
    for second in range(2, 2400, 10):
        at = second + draw.uniform(0, 3)
        session.requests.append(piece(at, "rr1---sn-aigl6nsr.googlevideo.com/videoplayback", MP4, referrer=led))
        if second % 40 < 10:
            stats = piece(at, "www.youtube.com/api/stats/watchtime?ns=yt", "text/html", referrer=led + "watch?v=abc")
            session.requests.append(stats)
    return session


def site(host: str, rules: Sequence[str] = (), minutes: int = 5) -> Callable[[random.Random], Session]:
    """Return some minutes on a site, reached by its address: a page, then some time without any."""

    def visit(draw: random.Random) -> Session:
        domain = host.removeprefix("www.")
        session, at = Session(f"{domain}, {minutes} minutes", frozenset({domain}), frozenset(rules)), 0.0
        while at < minutes * 60:
            session.page(at, f"{host}/page/{int(at)}", [piece(0.2 + i / 10, f"{host}/a{i}.js") for i in range(4)])
            at += draw.uniform(15, 35) if draw.random() < 0.8 else draw.uniform(60, 120)
        return session

    return visit


def burst(_draw: random.Random) -> Session:
    """One page of three hundred pieces."""
    session = Session("a page of 300 pieces", frozenset({"bet365.com"}))
    session.page(0, "www.bet365.com/", [piece(n / 60, f"www.bet365.com/i/{n}.png", "image/png") for n in range(300)])
    return session


def glance(_draw: random.Random) -> Session:
    """A mistyped name, left at once."""
    session = Session("a mistyped name", frozenset({"pornhub.com"}))
    session.page(0, "www.pornhub.com/", [piece(0.3, "www.pornhub.com/a.css", CSS)])
    return session


def reloaded(_draw: random.Random) -> Session:
    """A blocked page that is left open: the browser asks again by itself."""
    requests = [Request(at, "www.pornhub.com", blocked=True) for at in RELOADS]
    return Session("blocked, the browser reloads", frozenset({"pornhub.com"}), requests=requests)


def left_open(_draw: random.Random) -> Session:
    """A blocked network that is left open in a tab."""
    requests = [Request(at, "www.instagram.com", blocked=True) for at in RELOADS]
    return Session("blocked network, the browser reloads", frozenset({"instagram.com"}), requests=requests)


def insisted(_draw: random.Random) -> Session:
    """A blocked page and five times F5."""
    requests = [Request(at, "www.pornhub.com", blocked=True) for at in (0, 3, 6, 9, 12, 15)]
    return Session("blocked, F5 five times", frozenset({"pornhub.com"}), requests=requests)


def searched(_draw: random.Random) -> Session:
    """A search and a click."""
    session = Session("search, then click", frozenset({"bet365.com"}))
    session.page(0, "www.google.co.uk/search?q=online+casino+free+spins")
    session.page(25, "www.bet365.com/casino", source="https://www.google.co.uk/")
    return session


def days(_draw: random.Random) -> Session:
    """The same site on three days."""
    session = Session("three days", frozenset({"bet365.com"}))
    for day in range(3):
        session.page(day * DAY, "www.bet365.com/", [piece(0.3, "www.bet365.com/a.css", CSS)])
    return session


BY_ITSELF = (news, lesson, recipes, beforehand, phone, telemetry)
"""Sessions in which nobody went to a network, a player, a game, a gambling or a dating site."""

WENT = (
    network, app, film, site("www.bet365.com"), site("bumble.com"), site("poki.com", ["games"]),
    site("poki.com", ["games"], 30), site("discord.com", ["chat"]), site("discord.com", ["chat"], 30),
    site("www.netflix.com", ["video-unsuitable"]), site("www.netflix.com", ["video-unsuitable"], 30),
)  # fmt: skip
STORIES = (burst, glance, reloaded, left_open, insisted, searched, days)


def sessions(
    times: int, seed: int = 7, makers: Sequence[Callable[[random.Random], Session]] = (*BY_ITSELF, *WENT, *STORIES)
) -> Iterator[Session]:
    """Yield each example *times* over, each by another person at another address."""
    draw = random.Random(seed)
    for number in range(times):
        for which, make in enumerate(makers):
            made = make(draw)
            made.user, made.address = f"pupil{which:02}x{number}", f"10.10.{which}.{number + 1}"
            made.requests.sort(key=lambda request: request.at)
            yield made
