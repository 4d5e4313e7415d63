"""Servers, archives and clocks that mean harm: no traceback, no endless wait, no silence."""

from __future__ import annotations

import hashlib
import io
import tarfile
from datetime import timedelta

import pytest
from list_bench import GOOD, NAMES, Bench, text
from list_server import gives, kept_open, tar, versioned, zipped

from filterwatch.enrich.suffixes import Suffixes
from filterwatch.lists import unpacking
from filterwatch.lists.unpacking import Refused, members


def words(bench: Bench, *ids: str, **said) -> list[str]:
    bench.clock.move(timedelta(days=1))
    with bench.store.locked():
        return [one.word for one in bench.updater().update(ids or list(bench.catalogue), **said)]


def more(bench: Bench, **others: dict[str, object]) -> None:
    bench.catalogue |= {id_: bench.catalogue["bad"].model_copy(update=said) for id_, said in others.items()}


def test_no_connection_is_used_again_for_another_list_where_it_could_not_be_cut(bench):
    bench.server.answers["/other"] = kept_open(gives(GOOD))
    more(bench, other={"address": bench.server.url("/other")})
    bench.update(versioned(GOOD))
    bench.server.answers["/list"] = kept_open(versioned(GOOD))
    bench.server.callers.clear()
    assert words(bench) == ["unchanged", "updated"]
    assert len(set(bench.server.callers)) == 2


def test_a_server_that_is_silent_is_not_asked_for_its_other_lists(bench):
    silent = "http://127.0.0.1:1/"
    bench.server.answers["/list"] = gives(GOOD)
    more(bench, one={"address": f"{silent}1"}, two={"address": f"{silent}2"}, three={"address": "http://127.0.0.2:1/"})
    before = bench.clock.monotonic()
    assert words(bench, "one", "two") == ["failed", "failed"]
    assert bench.clock.monotonic() - before < 86_400 + 2 * (2 + 4)
    said = {id_: one.problem for id_, one in bench.store.read().items()}
    assert said["one"] == "no connection to its server, 3 times"
    assert said["two"] == "no connection to its server, 3 times, asked for another list"
    assert words(bench, "one", "bad") == ["failed", "failed"]  # one address, whatever the port: one machine
    assert words(bench, "bad", "one") == ["updated", "failed"]


def test_an_address_of_a_catalogue_that_is_none_fails_alone(bench):
    bench.server.answers["/list"] = gives(GOOD)
    more(bench, odd={"address": "https://lists.example:99999/"})
    assert words(bench, "odd", "bad") == ["failed", "updated"]


def test_what_failed_is_due_at_once(bench):
    bench.update(gives(GOOD))
    bench.update(gives(b"", 404))
    bench.server.answers["/list"] = gives(GOOD)
    with bench.store.locked():
        assert [one.word for one in bench.updater().update(["bad"])] == ["unchanged"]
        assert [one.word for one in bench.updater().update(["bad"])] == ["not due"]


def test_a_clock_that_was_wrong_once_does_no_harm_for_ever(bench):
    bench.clock.move(timedelta(days=36_500))
    bench.update(gives(GOOD))
    bench.clock.move(timedelta(days=-36_502))
    assert bench.update(gives(text(*NAMES, "new.example"))).said == "101 entries, +1"
    assert bench.kept.newest == bench.clock.now()
    bench.clock.move(timedelta(days=36_500))
    bench.update()
    bench.clock.move(timedelta(days=-36_502))
    assert bench.update().word == "unchanged"
    assert bench.kept.newest == bench.clock.now()


def test_a_file_of_checksums_is_fetched_once_for_all_lists_it_speaks_of(server, tmp_path):
    bench = Bench(server, tmp_path, sha256=server.url("/sums"))
    more(bench, same={}, other={"address": server.url("/other")}, wrong={"address": server.url("/wrong")})
    server.answers |= {
        "/list": gives(GOOD),
        "/other": gives(GOOD + b"x.example\n"),
        "/wrong": gives(text("a.b", "c.d")),
    }
    sums = [hashlib.sha256(body).hexdigest() for body in (GOOD, GOOD + b"x.example\n")]
    server.answers["/sums"] = gives("\n".join(f"{one}  a" for one in sums).encode())
    assert words(bench) == ["updated", "updated", "updated", "refused"]
    assert [path for path, _ in server.asked] == ["/list", "/sums", "/other", "/wrong"]
    assert not list(bench.store.directory.glob(".new*"))
    server.asked.clear()
    server.answers["/sums"] = gives(b"", 404)
    assert words(bench, force=True) == ["failed"] * 4
    assert [path for path, _ in server.asked] == ["/list", "/sums", "/other", "/wrong"]


def test_a_strangers_list_silences_no_other_list(server, tmp_path):
    raw = b"||bad1.example^\n||bad2.example^\n@@||bad2.example^\n@@||other.example^\n"
    for trust, kept in (("medium", NAMES[1:3]), ("high", [*NAMES[1:3], "@@bad2.example", "@@other.example"])):
        (tmp_path / trust).mkdir()
        bench = Bench(server, tmp_path / trust, format="adblock", trust=trust)
        assert bench.update(gives(raw)).word == "updated"
        assert bench.entries() == kept
        assert bench.kept.current.left_out == 4 - len(kept)


def test_a_list_is_judged_anew_when_the_guard_or_what_is_said_of_it_changed(bench):
    names = [f"site{n}.edu.au" for n in range(30)]
    bench.catalogue["bad"] = bench.catalogue["bad"].model_copy(update={"trust": "high", "hosting": True})
    bench.update(versioned(text(*NAMES, *names, "britannica.com")))
    assert bench.update().word == "unchanged"
    bench.catalogue["bad"] = bench.catalogue["bad"].model_copy(update={"trust": "low"})
    assert bench.update().said == "131 entries, +0, 31 set aside"
    assert "if-none-match" not in bench.server.asked[-1][1]
    assert bench.kept.previous is None  # the same list judged otherwise is none to go back to
    assert bench.update().word == "unchanged"


SUFFIXES = "// ===BEGIN ICANN DOMAINS===\ncom\nuk\nco.uk\ngov.uk\n*.ck\n!www.ck\n" + "".join(
    f"s{n}.example\n" for n in range(5_000)
)
WHOLE = SUFFIXES + "// ===BEGIN PRIVATE DOMAINS===\nblogspot.com // who\n\u4f8b.example\n"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (SUFFIXES.encode(), "no Public Suffix List"),
        (WHOLE.replace("co.uk\n", "", 1).encode(), "no Public Suffix List"),
        (WHOLE.encode() + b"\xff\n", "not UTF-8"),
        (WHOLE.encode("utf-16"), "packed or no text"),
        (WHOLE.encode() + b"<html>\n" * 400, "lines are no entries"),
        (WHOLE.encode() + b"// " + b"x" * (5 << 20), "no Public Suffix List"),
    ],
)
def test_a_suffix_list_that_the_daemon_could_not_start_with_is_refused(server, tmp_path, raw, said):
    bench = Bench(server, tmp_path, format="public_suffixes", category="")
    assert bench.update(gives(WHOLE.encode())).word == "updated"
    outcome = bench.update(gives(raw))
    assert outcome.word == "refused"
    assert said in outcome.said
    assert Suffixes(bench.store.file(bench.kept.current)).registrable("a.b.co.uk").domain == "b.co.uk"


def test_lists_that_include_one_another_without_end_are_read(server, tmp_path):
    bench = Bench(server, tmp_path, format="v2fly", archive="tar.gz", pick="a0")
    deep = [(f"r/data/a{n}", f"x{n}.example\ninclude:a{n + 1}\ny{n}.example\n".encode()) for n in range(1_100)]
    assert bench.update(gives(tar(*deep, ("r/data/a1100", b"include:a0\nz.example\n")))).word == "updated"
    entries = bench.entries()
    assert (entries[:2], entries[1_100], entries[-1]) == (["x0.example", "x1.example"], "z.example", "y0.example")


def header(**pax: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("bad/domains")
        info.pax_headers = {name.replace("_", "."): value for name, value in pax.items()}
        info.size = 3
        archive.addfile(info, io.BytesIO(b"a.b"))
    return out.getvalue()


def test_a_sparse_file_that_gives_zeros_without_end_is_left_out(tmp_path):
    path = tmp_path / "sparse"
    sparse = {"GNU_sparse_major": "0", "GNU_sparse_minor": "1", "GNU_sparse_numblocks": "1"}
    path.write_bytes(header(**sparse, GNU_sparse_size=str(1 << 50), GNU_sparse_map="0,3"))
    assert list(members(path, "tar.gz", 1 << 20)) == []


def test_a_header_is_not_read_into_memory_whatever_its_length(tmp_path, monkeypatch):
    path = tmp_path / "pax"
    path.write_bytes(header(comment="x" * 2_000))
    assert [stream.read() for _, stream in members(path, "tar.gz", 1 << 20)] == [b"a.b"]
    monkeypatch.setattr(unpacking, "MOST_HEADER", 1_000)
    with pytest.raises(Refused, match="holds a header of more than"):
        list(members(path, "tar.gz", 1 << 20))


def test_an_archive_that_lost_its_beginning_is_damaged(tmp_path):
    (tmp_path / "zip").write_bytes(zipped(("bad/domains", GOOD))[5:])
    with pytest.raises(Refused, match="damaged"):
        list(members(tmp_path / "zip", "zip", 1 << 20))
