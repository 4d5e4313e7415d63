"""The lists that ship: what they must hold, and what they must never say."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import tldextract

from filterwatch import lists
from filterwatch.lists import reading

SHIPPED = Path(__file__).parents[2] / "rules" / "lists"
OPEN_LICENCES = {"Apache-2.0", "MIT", "Unlicense"}
PROTECTED = ("gov.uk", "nhs.uk", "police.uk", "ac.uk", "sch.uk", "mod.uk", "parliament.uk")
TOP_LEVELS = {"xxx", "porn", "sex", "adult", "casino", "bet", "poker", "bingo", "onion", "youtube"}
"""Top-level domains that are a category as a whole."""

KNOWN = {
    "gambling": ["www.bet365.com", "skybet.com", "www.royal.casino", "csgoempire.com"],
    "adult": ["www.pornhub.com", "video.xnxx.com", "anything.xxx"],
    "social_media": ["www.facebook.com", "www.instagram.com", "x.com", "www.tiktok.com", "old.reddit.com"],
    "chat": ["discord.com", "web.whatsapp.com", "web.telegram.org"],
    "grooming": ["www.omegle.com", "ome.tv"],
    "video": ["www.youtube.com", "m.youtube.com", "youtu.be", "r3---sn-aigl6nsr.googlevideo.com", "www.netflix.com"],
    "webmail": ["mail.google.com", "outlook.live.com", "mail.yahoo.com"],
    "games": ["www.roblox.com", "poki.com", "slither.io"],
    "dating": ["tinder.com"],
    "bypass.vpn": ["nordvpn.com", "api.protonvpn.ch", "engage.cloudflareclient.com"],
    "bypass.web_proxy": ["www.croxyproxy.com", "www.proxysite.com"],
    "bypass.doh": ["dns.google", "cloudflare-dns.com", "mozilla.cloudflare-dns.com", "doh.opendns.com"],
    "bypass.tor": ["www.torproject.org", "expyuzz4wqqyqhjn.onion"],
    "bypass.private_relay": ["mask.icloud.com", "mask-h2.icloud.com"],
    "bypass.remote_access": ["router12.teamviewer.com", "relays.net.anydesk.com"],
    "file_sharing": ["mega.nz", "wetransfer.com"],
    "piracy": ["thepiratebay.org", "1337x.to", "tracker.opentrackr.org"],
    "generative_ai": ["chatgpt.com", "claude.ai", "copilot.microsoft.com"],
    "plagiarism": ["www.ukessays.com"],
    "business": ["sellercentral.amazon.co.uk"],
    "software_download": ["apkpure.com"],
    "data_leak": ["pastebin.com"],
    "drugs": ["www.leafly.com"],
    "weapons": ["www.gunbroker.com"],
    "violence": ["www.bestgore.com"],
    "hate": ["www.stormfront.org"],
    "bullying": ["kiwifarms.st"],
    "illegal_acts": ["idgod.ph"],
    "malware": ["hackforums.net"],
}

HARMLESS = [
    line for line in (Path(__file__).parent / "harmless_hosts.txt").read_text().splitlines() if not line.startswith("#")
]


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> lists.CategoryIndex:
    return lists.prepare(SHIPPED, tmp_path_factory.mktemp("lists") / "lists.index")


def words(index: lists.CategoryIndex, host: str) -> list[str]:
    return lists.words(index.lookup(pl.Series([host]))[0])


def blocking() -> list[lists.ListFile]:
    return [file for file in lists.found(SHIPPED) if not file.allow]


@pytest.mark.parametrize("category", KNOWN)
def test_well_known_sites_are_known(index, category):
    missing = [host for host in KNOWN[category] if category not in words(index, host)]
    assert missing == []


@pytest.mark.parametrize("host", HARMLESS)
def test_harmless_sites_and_help_have_no_category(index, host):
    assert words(index, host) == []


def test_every_list_says_where_it_comes_from_under_an_open_licence():
    for file in lists.found(SHIPPED):
        assert file.source, file.id
        assert file.licence in OPEN_LICENCES, file.id
        assert file.credit or file.licence == "Apache-2.0", file.id


def test_the_notice_names_every_list_of_somebody_else():
    notice = (SHIPPED / "NOTICE.md").read_text()
    for file in lists.found(SHIPPED):
        if file.licence != "Apache-2.0":
            assert f"`{file.id}`" in notice, file.id
            assert file.credit.split(" (v2fly")[0] in notice, file.id


def test_no_list_names_illegal_or_suicidal_places():
    assert {file.category for file in blocking()}.isdisjoint({"csam", "extremism", "self_harm", "suicide"})


def test_no_list_holds_a_name_under_a_protected_suffix_or_a_public_suffix_itself():
    suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=False)
    for file in blocking():
        for name in (name for piece in reading.pieces(file) for name in piece.names):
            assert not name.endswith(tuple(f".{one}" for one in PROTECTED)), (file.id, name)
            assert name not in PROTECTED, (file.id, name)
            if name not in TOP_LEVELS:
                assert suffixes(name).domain, (file.id, name)


def test_names_stand_in_order_and_once():
    for path in SHIPPED.glob("*.txt"):
        names = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert names == sorted(set(names), key=lambda name: name.lstrip("=*.")), path.name


def test_the_shipped_lists_are_ready_at_once(tmp_path):
    # a start may take 2 s in all; compiling what ships takes about 0.1 s and later starts reuse it
    lists.prepare(SHIPPED, tmp_path / "lists.index")
    before = (tmp_path / "lists.index").stat().st_ino
    lists.prepare(SHIPPED, tmp_path / "lists.index")
    assert (tmp_path / "lists.index").stat().st_ino == before
