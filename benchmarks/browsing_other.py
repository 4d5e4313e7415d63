"""A second made-up school, with other sites and habits than :mod:`benchmarks.browsing`.

It was written before the code that it judges and looked at twice while that was made (decision 0193).

Names live for different times here, connections stay open for different times, every device also asks for ordinary
things in the background, people have two tabs open, films embedded in lessons are long.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.browsing import CSS, HTML, JPEG, JS, JSON, MP4, Request, Session, piece

CACHED = (20.0, 60.0, 300.0, 900.0)
"""Seconds for which a device remembers an address; the name decides which."""

KEPT_OPEN = (15.0, 60.0, 180.0)
"""Seconds without a request after which a connection is closed; likewise."""

ORDINARY = ("outlook.office.com", "docs.google.com", "clients4.google.com", "www.gstatic.com", "edge.microsoft.com",
            "api.dropboxapi.com", "ssl.gstatic.com", "graph.microsoft.com")  # fmt: skip
BETWEEN = 40.0
"""Seconds between two of them, on average."""

LED = "https://www.youtube.com/embed/x?rel=0"
EMBEDS = (
    piece(0.1, "static.forumcdn.test/a.css", CSS),
    piece(0.5, "www.reddit.com/embed?url=x", HTML),
    piece(0.7, "embed.reddit.com/r/x", HTML, referrer="https://www.reddit.com/"),
    piece(0.6, "www.instagram.com/embed.js"),
    piece(0.9, "www.instagram.com/p/x/embed/", HTML),
    piece(1.2, "static.cdninstagram.com/a.js", JS, referrer="https://www.instagram.com/"),
    piece(0.4, "platform.x.com/widgets.js"),
    piece(1.4, "discord.com/widget?id=1", HTML),
)


def _later(draw: random.Random, mean: float) -> float:
    """Return how long somebody stays on a page."""
    return max(4.0, draw.lognormvariate(0, 0.8) * mean)


def forum(draw: random.Random) -> Session:
    """Pages of a forum about cars with embedded posts."""
    session, at = Session("forum with embeds", frozenset({"forum.test"})), 0.0
    for n in range(15):
        session.page(at, f"www.forum.test/t/{n}", EMBEDS if n % 2 == 0 else EMBEDS[:1])
        at += _later(draw, 60)
    return session


def course(draw: random.Random) -> Session:
    """A course whose pages show films of three to twelve minutes."""
    session, at = Session("course with films", frozenset({"course.test"})), 0.0
    for n in range(4):
        pieces = [
            piece(0.2, "static.coursecdn.test/a.js"),
            piece(1.3, "www.youtube.com/embed/x?rel=0", HTML),
            piece(1.6, "i.ytimg.com/vi/x/hq.jpg", JPEG, referrer=LED),
        ]
        session.page(at, f"www.course.test/unit/{n}", pieces)
        end = at + draw.uniform(180, 720)
        while at < end:
            at += draw.uniform(8, 15)
            session.requests.append(
                piece(at, "rr2---sn-x.googlevideo.com/videoplayback", MP4, method="POST", referrer=LED)
            )
            if draw.random() < 0.3:
                session.requests.append(piece(at, "www.youtube.com/api/stats/watchtime", HTML, referrer=LED))
        at += _later(draw, 30)
    return session


def results(draw: random.Random) -> Session:
    """Searches for homework; the browser connects to what may be opened next."""
    session, at = Session("prefetched results", frozenset({"find.test"})), 0.0
    for host in ("www.youtube.com", "www.reddit.com", "discord.com", "www.netflix.com", "poki.com", "www.reddit.com"):
        size = draw.randrange(1_500, 8_000)
        ahead = [piece(draw.uniform(0.1, 2.5), f"{host}/", opaque=True, size=size)]
        session.page(at, f"www.find.test/?q={at}", ahead)
        at += _later(draw, 70)
    return session


def bag(draw: random.Random) -> Session:
    """A phone in a bag for three hours with a network and a messenger."""
    session = Session("phone in a bag")
    for hosts, every in (
        (("gql.reddit.com", "oauth.reddit.com"), 700.0),
        (("gateway.discord.gg", "discord.com"), 900.0),
    ):
        at = draw.uniform(0, every)
        while at < 3 * 3600:
            for host in hosts:
                poll = Request(at + draw.uniform(0, 1), host, kind=JSON, agent="app", opaque=True)
                session.requests.append(replace(poll, size=draw.randrange(5_000, 20_000)))
            at += every * draw.uniform(0.7, 1.3)
    return session


def network(draw: random.Random) -> Session:
    """Some minutes on Reddit, found with a search."""
    session = Session("Reddit", frozenset({"find.test", "reddit.com"}), frozenset({"social_media"}))
    session.page(0, "www.find.test/?q=reddit")
    at = draw.uniform(3, 9)
    while at < 720:
        session.page(at, f"www.reddit.com/r/{int(at)}", [
            piece(0.3, "www.redditstatic.com/a.js"), piece(0.7, "preview.redd.it/a.jpg", JPEG),
            piece(1.0, "www.reddit.com/svc/x", JSON, method="POST"),
        ])  # fmt: skip
        at += _later(draw, 25)
    return session


def messenger(draw: random.Random) -> Session:
    """A quarter of an hour at Discord in a browser."""
    session, at = Session("Discord", frozenset({"discord.com"}), frozenset({"chat"})), 0.0
    session.page(0, "discord.com/app", [piece(0.4, "cdn.discordapp.com/a.js")])
    while at < 900:
        at += _later(draw, 15)
        session.requests.append(
            piece(at, "discord.com/api/v9/x", JSON, method="POST", referrer="https://discord.com/app")
        )
    return session


def films(draw: random.Random) -> Session:
    """Three films on YouTube, chosen there."""
    session, at = Session("YouTube, three films", frozenset({"youtube.com"}), frozenset({"youtube-pupils"})), 0.0
    led = "https://www.youtube.com/"
    for n in range(3):
        session.page(at, f"www.youtube.com/watch?v={n}", [piece(0.6, "i.ytimg.com/vi/abc/hq.jpg", JPEG)])
        for _ in range(draw.randrange(10, 30)):
            at += draw.uniform(8, 15)
            session.requests.append(piece(at, "rr1---sn-x.googlevideo.com/videoplayback", MP4, referrer=led))
            session.requests.append(piece(at + 1, "www.youtube.com/api/stats/qoe", HTML, referrer=led))
    return session


def games(draw: random.Random) -> Session:
    """Twenty minutes of games whose files come from elsewhere."""
    session, at = Session("games", frozenset({"crazygames.com"}), frozenset({"games"})), 0.0
    while at < 1200:
        session.page(at, f"www.crazygames.com/game/{int(at)}", [
            piece(0.3, "imgs.crazygames.com/a.png", JPEG), piece(0.9, "files.gamecdn.test/a.js"),
            piece(1.5, "api.crazygames.com/v1", JSON, method="POST"),
        ])  # fmt: skip
        at += _later(draw, 60)
    return session


def series(draw: random.Random) -> Session:
    """A film of half an hour at Netflix."""
    session, at = Session("Netflix", frozenset({"netflix.com"}), frozenset({"video-unsuitable"})), 0.0
    session.page(0, "www.netflix.com/browse", [piece(0.4, "assets.nflxext.com/a.js")])
    while at < 1800:
        at += _later(draw, 40)
        session.requests.append(
            piece(at, "www.netflix.com/log", JSON, method="POST", referrer="https://www.netflix.com/")
        )
    return session


def tabs(draw: random.Random) -> Session:
    """Instagram in one tab, homework in the other."""
    session = Session(
        "Instagram beside homework", frozenset({"instagram.com", "course.test"}), frozenset({"social_media"})
    )
    at = 0.0
    while at < 1200:
        session.page(at, f"www.course.test/task/{int(at)}", [piece(0.2, "static.coursecdn.test/a.js")])
        at += _later(draw, 20)
        for _ in range(draw.randrange(1, 5)):
            session.page(at, f"www.instagram.com/explore/{int(at)}", [
                piece(0.3, "static.cdninstagram.com/a.js"),
                piece(0.6, "www.instagram.com/graphql", JSON, method="POST"),
            ])  # fmt: skip
            at += _later(draw, 20)
    return session


MAKERS = (forum, course, results, bag, network, messenger, films, games, series, tabs)


def elsewhere(made: Iterator[Session], seed: int = 11) -> Iterator[Session]:
    """Yield *made* with ordinary questions in the background, and names and connections that live as long as here."""
    draw = random.Random(seed)
    for session in made:
        end, at = max(one.at for one in session.requests), draw.uniform(0, BETWEEN)
        noise = []
        while at < end:
            noise.append(Request(at, draw.choice(ORDINARY), kind=JSON, agent="system", opaque=True))
            at += draw.expovariate(1 / BETWEEN)
        session.requests = sorted([*session.requests, *noise], key=lambda one: one.at)
        session.cached, session.kept_open = CACHED, KEPT_OPEN
        yield session
