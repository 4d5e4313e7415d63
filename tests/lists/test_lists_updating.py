"""Fetched lists: what is taken in, what is refused, and that the last good one stays whatever happens."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from list_bench import GOOD, NAMES, PORTAL, Bench, text
from list_server import chunked, drips, gives, hangs, tar, versioned, zipped

from filterwatch.errors import FilterwatchError
from filterwatch.lists import fetching
from filterwatch.lists.fetching import Fetcher
from filterwatch.lists.store import Store
from filterwatch.lists.unpacking import Refused, members


def test_a_list_is_fetched_once_and_then_only_when_it_changed(bench):
    assert str(bench.update(versioned(GOOD)).word) == "updated"
    assert bench.entries() == NAMES
    assert bench.update().word == "unchanged"
    assert bench.server.asked[-1][1]["if-none-match"] == '"1"'
    assert bench.server.asked[-1][1]["if-modified-since"] == "Mon, 02 Nov 2026 00:00:00 GMT"
    outcome = bench.update(versioned(text(*NAMES, "new.example"), etag='"2"'))
    assert (outcome.word, outcome.said) == ("updated", "101 entries, +1")
    assert len(list(bench.store.directory.glob("*.list"))) == 2


def test_a_server_that_knows_no_dates_may_give_the_same_again(bench):
    bench.update(gives(GOOD))
    assert bench.update().word == "unchanged"
    assert bench.kept.previous is None


def test_a_list_is_not_asked_for_before_it_is_due(bench):
    bench.update(gives(GOOD))
    with bench.store.locked():
        assert [one.word for one in bench.updater().update(["bad"])] == ["not due"]
        assert [one.word for one in bench.updater().update(["bad"], force=True)] == ["unchanged"]


FAILURES = {
    "500": (gives(b"", 500), "failed", "the server answers 500, 3 times"),
    "404": (gives(b"", 404), "failed", "the server answers 404"),
    "304 that nobody asked for": (gives(b"", 403), "failed", "the server answers 403"),
    "too many": (gives(b"", 429, Retry_After="7"), "failed", "the server answers 429, 3 times"),
    "truncated": (gives(GOOD[:50], Content_Length="900"), "failed", "the connection broke before the list had come"),
    "unended chunks": (chunked(b"10\r\nbad1.example\nbad\r\n"), "failed", "the connection"),
    "silence": (hangs(0.0), "failed", "the connection broke"),
    "web page": (gives(PORTAL, Content_Type="text/html"), "failed", "a web page comes in its place"),
    "web page in disguise": (gives(PORTAL, Content_Type="text/plain"), "refused", "a web page comes in its place"),
    "empty": (gives(b""), "refused", "it holds 0 entries of use, fewer than 2"),
    "comments": (gives(b"# nothing\n# here\n"), "refused", "it holds 0 entries"),
    "shrunken": (gives(text(*NAMES[:49])), "refused", "it shrank from 100 to 49 entries"),
    "google": (gives(text(*NAMES, "google.com")), "refused", "it holds google.com (name that everybody uses)"),
    "www.google": (gives(text(*NAMES, "www.google.com")), "refused", "it holds www.google.com"),
    "government": (gives(text(*NAMES, "gov.uk")), "refused", "it holds gov.uk (name that everybody uses)"),
    "grown": (gives(text(*(f"n{n}.example" for n in range(2_001)))), "refused", "it grew from 100 to 2,001 entries"),
    "everything": (gives(text(*NAMES, "*.com")), "refused", "it suddenly holds com (public suffix)"),
    "searches": (gives(text(*NAMES, "google.com/search")), "refused", "it holds google.com/search (name that every"),
    "plain words": (gives(text("please", "log", "in", "here")), "refused", "it holds 0 entries of use"),
    "late web page": (gives(b"\n" * 2100 + b"<?xml ?>\n<html xmlns='x'>"), "refused", "a web page comes in its place"),
    "school": (gives(text(*NAMES, "mail.st-pauls.manchester.sch.uk")), "refused", "(name of the school)"),
    "above the school": (gives(text(*NAMES, "manchester.sch.uk")), "refused", "(name of the school)"),
    "public suffix": (gives(text(*NAMES, "bet.br")), "refused", "it suddenly holds bet.br (public suffix)"),
    "prose": (gives(b"we are sorry dear customer\n" * 9 + GOOD), "refused", "9 of 109 lines are no entries"),
    "declared": (gives(b"# Entries: 1,000\n" + GOOD), "refused", "it says it has 1,000 entries and 100 came"),
    "many schools": (gives(text(*NAMES, *(f"u{n}.ac.uk" for n in range(21)))), "refused", "21 entries are names of"),
    "packed": (gives(gzip.compress(GOOD)), "refused", "it is packed or no text"),
    "compressed in transit": (gives(gzip.compress(GOOD), Content_Encoding="gzip"), "failed", "comes compressed"),
    "no line ends": (gives(b"x" * 3_000_000), "refused", "a line is longer"),
    "larger": (gives(b"x" * 100, Content_Length=str(64 << 20)), "failed", "larger than 32 MB"),
    "redirect without TLS": (gives(b"", 302, Location="http://portal.example/"), "failed", "not offered over https"),
    "redirect to a file": (gives(b"", 302, Location="file:///etc/passwd"), "failed", "not offered over https"),
    "redirect to nowhere": (gives(b"", 302), "failed", "does not say where"),
    "redirect to no address": (gives(b"", 302, Location="http://[::1"), "failed", "to what is no address"),
    "redirect to no port": (gives(b"", 302, Location="https://x.example:99999/"), "failed", "to what is no address"),
    "redirect to metadata": (
        gives(b"", 302, Location="https://169.254.169.254/latest"),
        "failed",
        "to a machine inside",
    ),
    "redirect inside": (gives(b"", 302, Location="https://10.1.2.3/reboot"), "failed", "to a machine inside"),
    "redirect here": (gives(b"", 302, Location="http://localhost:9167/metrics"), "failed", "to a machine inside"),
    "redirect mapped": (gives(b"", 302, Location="https://[::ffff:10.1.2.3]/"), "failed", "to a machine inside"),
    "redirect translated": (gives(b"", 302, Location="https://[64:ff9b::a01:203]/"), "failed", "to a machine inside"),
    # One reader sees this machine in it, who connects another.
    "redirect in disguise": (
        gives(b"", 302, Location="https://10.1.2.3\\@127.0.0.1/"),
        "failed",
        "to a machine inside",
    ),
    "redirect without TLS in disguise": (
        gives(b"", 302, Location="http://portal.example\\@127.0.0.1/"),
        "failed",
        "not offered over https",
    ),
    "endless length": (gives(text(*NAMES[:9]), Content_Length="9" * 5_000), "refused", "it shrank from 100 to 9"),
    "negative chunk": (chunked(b"-5\r\nbad1.example\r\n"), "failed", "the connection broke"),
    "endless declaration": (gives(b"# Entries: " + b"9" * 5_000 + b"\n<html>"), "refused", "a web page comes"),
    "endless redirects": (gives(b"", 302, Location="/list"), "failed", "more than 5 redirects"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_the_last_good_list_stays_whatever_comes(bench, name):
    answer, word, said = FAILURES[name]
    bench.update(gives(GOOD))
    before = bench.kept
    outcome = bench.update(answer)
    assert (outcome.word, outcome.bad) == (word, True)
    assert said in outcome.said
    assert "the version of before stays" in outcome.said
    assert bench.kept.current == before.current
    assert bench.kept.problem
    assert bench.entries() == NAMES
    assert [file.name for file in bench.store.directory.glob(".new*")] == []
    assert bench.update(gives(GOOD)).word == "unchanged"
    assert not bench.kept.problem


def test_a_server_that_does_not_answer_is_given_up(bench, monkeypatch):
    monkeypatch.setattr(fetching, "READ_SECONDS", 0.1)
    assert "did not answer in time, 3 times" in bench.update(hangs(0.4)).said
    assert len(bench.server.asked) == 3
    assert bench.clock.monotonic() > 86_400 + 2 + 4  # the pauses between


def test_a_server_that_gives_a_byte_now_and_then_is_given_up(bench, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_SECONDS", -1.0)
    assert "not here after" in bench.update(gives(GOOD)).said


@pytest.mark.parametrize("answer", [drips(b"HTTP/1.0 200 OK\r\nX: "), drips(b""), drips(b"HTTP/1.0 200 OK\r\n\r\n")])
def test_a_server_that_never_ends_its_head_or_body_is_cut_off(bench, monkeypatch, answer):
    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.3)
    began = time.monotonic()
    assert "not here after" in bench.update(answer).said
    assert time.monotonic() - began < 3
    assert len(bench.server.asked) == 1


def test_nobody_there_is_told_without_the_address(bench):
    bench.catalogue["bad"] = bench.catalogue["bad"].model_copy(update={"address": "http://127.0.0.1:1/secret-key"})
    outcome = bench.update()
    assert outcome.word == "failed"
    assert "secret" not in outcome.said
    assert "there is none of before" in outcome.said


def test_plain_http_is_refused_but_from_this_machine(bench):
    bench.catalogue["bad"] = bench.catalogue["bad"].model_copy(update={"address": "http://lists.example/list"})
    assert "not offered over https" in bench.update().said


def test_redirects_on_this_machine_are_followed(bench):
    bench.server.answers["/there"] = gives(GOOD)
    assert bench.update(gives(b"", 301, Location="/there")).word == "updated"


def test_what_is_refused_can_be_accepted_and_odd_names_still_give_nothing(bench):
    bench.update(gives(GOOD))
    answer = gives(text(*NAMES[:10], "google.com", "clinic.nhs.uk", "www.Britannica.com", "x.edu.au", "10.1.2.3"))
    assert bench.update(answer).word == "refused"
    assert bench.update(accept=["bad"]).said == "15 entries, -85, 5 set aside"
    assert bench.entries()[10:] == [
        "?google.com", "?clinic.nhs.uk", "?www.britannica.com", "?x.edu.au", "?10.1.2.3",
    ]  # fmt: skip
    assert [one.reason for one in bench.kept.current.named][:2] == [
        "name that everybody uses", "help, health, government or education",
    ]  # fmt: skip


def test_a_rolled_back_list_comes_back_only_when_accepted(bench):
    bench.update(versioned(GOOD))
    bad = versioned(text(*NAMES, "mistake.example"), etag='"2"')
    bench.update(bad)
    with bench.store.locked():
        assert bench.updater().rollback("bad").word == "updated"
    assert bench.entries() == NAMES
    assert "rolled back before" in bench.update(bad).said
    assert "if-none-match" not in bench.server.asked[-1][1]  # a 304 would tell nothing
    assert bench.update(accept=["bad"]).word == "updated"
    with bench.store.locked(), pytest.raises(FilterwatchError, match="no version before"):
        bench.updater().rollback("other")


def test_a_published_checksum_is_compared(server, tmp_path):
    bench = Bench(server, tmp_path, sha256=server.url("/sum"))
    server.answers["/sum"] = gives(b"0" * 64 + b"  list\n")
    assert "its checksum is not the published one" in bench.update(gives(GOOD)).said
    server.answers["/sum"] = gives(b"", 404)
    assert "its published checksum: the server answers 404" in bench.update().said
    server.answers["/sum"] = gives(hashlib.sha256(GOOD).hexdigest().encode() + b"  list\n")
    assert bench.update().word == "updated"


BOMB = b"bad.example\n" * 100_000
ARCHIVES = {
    "traversal": (tar(("bad/domains", GOOD), ("../../etc/cron.d/x", b"x")), "outside of its folder"),
    "absolute": (tar(("/etc/passwd", b"x"), ("bad/domains", GOOD)), "outside of its folder"),
    "bomb": (tar(("bad/domains", BOMB)), "unpacks to more than"),
    "cut short": (tar(("bad/domains", GOOD))[:-20], "damaged or cut short"),
    "link in its place": (tar(("bad/domains", "/etc/passwd")), "'bad' is not in it"),
    "hard link": (tar(("bad/domains", "!/etc/passwd")), "'bad' is not in it"),
    "pipe": (tar(("bad/domains", "|")), "'bad' is not in it"),
    "another list": (tar(("good/domains", GOOD)), "'bad' is not in it"),
    "no archive": (GOOD, "not packed with gzip"),
    "no tar": (gzip.compress(GOOD), "damaged or cut short"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_unsafe_archives_are_refused(server, tmp_path, name):
    bench = Bench(server, tmp_path, format="squidguard", archive="tar.gz", pick="bad", unpacked_megabytes=1)
    raw, said = ARCHIVES[name]
    outcome = bench.update(gives(raw))
    assert outcome.word == "refused"
    assert said in outcome.said
    assert not list(bench.store.directory.glob("*.list"))


@pytest.mark.parametrize("archive", ["gz", "zip"])
def test_what_grows_too_much_is_a_bomb_whatever_is_allowed(tmp_path, archive):
    zeros = b"0" * (8 << 20)
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(zeros) if archive == "gz" else zipped(("list.txt", zeros)))
    with pytest.raises(Refused, match=r"unpacks to more than \d+ MB"):
        [len(stream.read()) for _, stream in members(path, archive, 1 << 30)]


def test_a_squidguard_tree_gives_its_names_and_pages_and_not_its_expressions(server, tmp_path):
    bench = Bench(server, tmp_path, format="squidguard", archive="tar.gz", pick="bad")
    raw = tar(
        ("blacklists/bad/domains", b"bad1.example\n198.51.100.7\n"),
        ("blacklists/bad/urls", b"host.example/~bad/\n"),
        ("blacklists/bad/expressions", b"(teen|gay)\n"),
        ("blacklists/alias", "bad"),
        ("blacklists/other/domains", b"other.example\n"),
    )
    assert bench.update(gives(raw)).word == "updated"
    assert bench.entries() == ["bad1.example", "198.51.100.7", "host.example/~bad"]


def test_zip_and_gz_are_read_with_the_same_care(server, tmp_path):
    bench = Bench(server, tmp_path, archive="zip", pick="*.txt", unpacked_megabytes=1)
    assert bench.update(gives(zipped(("x/list.txt", GOOD), ("x/readme.md", b"hello there")))).word == "updated"
    assert bench.entries() == NAMES
    assert "outside of its folder" in bench.update(gives(zipped(("../list.txt", GOOD)))).said
    assert "unpacks to more than" in bench.update(gives(zipped(("list.txt", BOMB)))).said
    assert "damaged" in bench.update(gives(GOOD)).said
    bench = Bench(server, tmp_path / "gz", archive="gz", unpacked_megabytes=1)
    (tmp_path / "gz").mkdir()
    assert "unpacks to more than" in bench.update(gives(gzip.compress(BOMB, 1))).said
    assert bench.update(gives(gzip.compress(GOOD))).word == "updated"


def test_v2fly_lists_include_one_another_by_attribute(server, tmp_path):
    bench = Bench(server, tmp_path, format="v2fly", archive="tar.gz", pick="games")
    raw = tar(
        ("repo/data/games", b"include:steam @eu\ninclude:games\nfull:play.example # x\nregexp:^ad\n"),
        ("repo/data/steam", b"steam.example @eu\nasia.example @cn\ninclude:more\n"),
        ("repo/data/more", b"more.example @eu\n"),
        ("repo/data/other", b"added.example &games\nnot.example\n"),
    )
    assert bench.update(gives(raw)).word == "updated"
    assert sorted(bench.entries()) == ["=play.example", "added.example", "more.example", "steam.example"]
    assert bench.kept.current.left_out == 1


@pytest.fixture
def archive(server, tmp_path):
    """A server that gives one archive, in which lie two of three lists."""
    bench = Bench(server, tmp_path, format="v2fly", archive="tar.gz", pick="games", at_least=1)
    one = bench.catalogue["bad"]
    bench.catalogue = {
        "games": one,
        "other": one.model_copy(update={"address": server.url("/other"), "archive": "none", "format": "domains"}),
        "films": one.model_copy(update={"pick": "films"}),
    }
    server.answers["/other"] = versioned(GOOD)
    server.answers["/list"] = versioned(two_lists(b"film.example\n"))

    def update(**said):
        server.asked.clear()
        bench.clock.move(timedelta(days=1))
        with bench.store.locked():
            outcomes = bench.updater().update(list(bench.catalogue), **said)
            assert not list(bench.store.directory.glob(".new*"))
        return [one.word for one in outcomes]

    bench.all = update
    return bench


def two_lists(films: bytes) -> bytes:
    return tar(("repo/data/games", b"play.example\n"), ("repo/data/films", films))


def held(bench, id_: str) -> list[str]:
    return bench.store.file(bench.store.read()[id_].current).read_text().split()


def test_an_archive_in_which_several_lists_lie_is_fetched_once(archive, server):
    said = []
    tell = {"begun": said.append, "told": lambda one: said.append(one.word)}
    assert archive.all(**tell) == ["updated"] * 3
    assert said == ["games", "updated", "other", "updated", "films", "updated"]
    assert [path for path, _ in server.asked] == ["/list", "/other"]
    assert (held(archive, "games"), held(archive, "films")) == (["play.example"], ["film.example"])
    known = archive.store.read()
    assert known["games"].current.sha256 == known["films"].current.sha256
    assert known["games"].current.digest != known["films"].current.digest


def test_each_list_in_an_archive_asks_for_it_with_what_it_knows(archive, server):
    archive.all()
    assert archive.all() == ["unchanged"] * 3
    assert [(path, said["if-none-match"]) for path, said in server.asked] == [("/list", '"1"'), ("/other", '"1"')]

    server.answers["/list"] = versioned(two_lists(b"film.example\nnew.example\n"), etag='"2"')
    assert archive.all() == ["updated", "unchanged", "updated"]
    assert [path for path, _ in server.asked] == ["/list", "/other"]
    assert held(archive, "films") == ["film.example", "new.example"]

    known = archive.store.read()
    archive.store.write({id_: one for id_, one in known.items() if id_ != "films"})
    assert archive.all() == ["unchanged", "unchanged", "updated"]
    assert ["if-none-match" in said for path, said in server.asked if path == "/list"] == [True, False]


def test_an_archive_that_cannot_be_fetched_is_not_asked_for_again_and_again(archive, server):
    archive.all()
    server.answers["/list"] = gives(b"", 404)
    assert archive.all() == ["failed", "unchanged", "failed"]
    assert [path for path, _ in server.asked] == ["/list", "/other"]
    assert archive.store.read()["films"].problem == "the server answers 404"
    assert archive.all() == ["failed", "unchanged", "failed"]
    assert "/list" in [path for path, _ in server.asked]


def test_one_list_in_an_archive_that_is_refused_leaves_the_other(archive, server):
    archive.all()
    server.answers["/list"] = versioned(two_lists(b"film.example\ngoogle.com\n"), etag='"2"')
    archive.catalogue["games"] = archive.catalogue["games"].model_copy(update={"at_least": 2})
    assert archive.all() == ["refused", "unchanged", "refused"]
    archive.catalogue["games"] = archive.catalogue["games"].model_copy(update={"at_least": 1})
    assert archive.all(accept=["films"]) == ["updated", "unchanged", "updated"]


def test_what_may_be_fetched_is_each_lists_own_to_say(archive, server):
    server.answers["/list"] = gives(tar(("repo/data/games", b"play.example\n"), ("repo/x", bytes(os.urandom(3 << 19)))))
    archive.catalogue["films"] = archive.catalogue["games"].model_copy(update={"megabytes": 1})
    assert archive.all() == ["updated", "updated", "failed"]
    assert archive.store.read()["films"].problem == "larger than 1 MB"


def test_a_full_disk_leaves_all_as_it_was(bench, monkeypatch):
    bench.update(gives(GOOD))
    before = bench.kept

    def full(*_args, **_said):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Fetcher, "_copied", full)
    outcome = bench.update(gives(text(*NAMES, "new.example")))
    assert "No space left on device; the version of before stays" in outcome.said
    monkeypatch.undo()
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(FilterwatchError, match="free disk space"):
        bench.update()
    monkeypatch.undo()
    assert bench.kept.current == before.current
    assert bench.entries() == NAMES
    with bench.store.locked():
        assert not list(bench.store.directory.glob(".new*"))


def test_two_updates_at_once_are_refused(bench):
    with bench.store.locked(), pytest.raises(FilterwatchError, match="updated already"), bench.store.locked():
        pass


def test_of_a_state_that_may_not_be_read_no_removal_is_advised(tmp_path, monkeypatch):
    def read_bytes(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(FilterwatchError, match=r"state.json: may not be read by this account; .*sudo -u") as told:
        Store(tmp_path).read()
    assert "remove" not in str(told.value)


def test_a_damaged_state_is_told(bench):
    bench.update(gives(GOOD))
    (bench.store.directory / "state.json").write_text("{")
    with pytest.raises(FilterwatchError, match="damaged or unreadable; remove it"):
        bench.store.read()
