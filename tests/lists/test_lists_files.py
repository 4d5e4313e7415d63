from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import polars as pl
import pytest

from filterwatch import lists
from filterwatch.errors import ConfigurationError, FilterwatchError
from filterwatch.events import CATEGORY_BIT
from filterwatch.lists import layout, reading, unpacking


def write(directory: Path, name: str, *lines: str) -> Path:
    path = directory / f"{name}.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def mistakes(sources: Path, out: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        lists.compile(sources, out)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_line_that_is_no_name_is_told_with_line_and_column(tmp_path):
    path = write(
        tmp_path, "own", "# category: ethos", "fine.example", "   not a name", "http://x.example/", "-x.example"
    )
    found = mistakes(tmp_path, tmp_path / "lists.index")
    remedy = "one name a line, international names as xn--..."
    assert found == [
        f"{path}:3:4: not a host name: found 'not a name'; {remedy}",
        f"{path}:4:1: not a host name: found 'http://x.example/'; {remedy}",
        f"{path}:5:1: not a host name: found '-x.example'; {remedy}",
    ]
    assert not (tmp_path / "lists.index").exists()


def test_mistakes_of_all_files_come_at_once_and_in_large_files_with_the_right_line(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "PIECE", 64)
    one = write(tmp_path, "one", "# category: games", *(f"game{n}.example" for n in range(50)), "b\u00fccher.example")
    two = write(tmp_path, "two", "# category: gmaes", "x.example")
    three = write(tmp_path, "three", "x.example")
    text = "\n".join(mistakes(tmp_path, tmp_path / "lists.index"))
    assert f"{two}:1:1: category: not a category" in text
    assert f"{three}:1:1: 'category' is missing" in text
    two.unlink()
    three.unlink()
    assert mistakes(tmp_path, tmp_path / "lists.index")[0].startswith(f"{one}:52:1: not a host name")


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (["# category: games", "# kind: vpn"], "2:1: kind: only category bypass has kinds"),
        (["# category: bypass", "# kind: vnp"], "2:1: kind: only category bypass has kinds"),
        (["# category: all"], "1:1: category: not a category"),
        (["# category: csam"], "1:1: category: addresses of such material are never listed here"),
        (["# category: games", "# mode: alow"], "2:1: mode: must be deny or allow, found 'alow'"),
        (["# category: games", "# format: csv"], "2:1: format: not a list format"),
        (["# category: games", "# category: chat"], "2:1: 'category' is given twice (first on line 1)"),
        (["# category: bypass", "# kind: vpn", "# mode: allow"], "2:1: kind: an allow list cancels a whole category"),
    ],
)
def test_a_wrong_header_is_refused_with_its_line(tmp_path, header, problem):
    path = write(tmp_path, "own", *header, "x.example")
    assert mistakes(tmp_path, tmp_path / "lists.index")[0].startswith(f"{path}:{problem}")


def test_a_file_that_is_not_utf8_or_not_there_is_told(tmp_path):
    path = tmp_path / "own.txt"
    path.write_bytes(b"# category: games\nfine.example\ncaf\xe9.example\n")
    assert mistakes(tmp_path, tmp_path / "i") == [f"{path}:3:4: not UTF-8; save the file as UTF-8"]
    with pytest.raises(ConfigurationError, match=r"none\.txt: cannot be read: No such file"):
        lists.compile([tmp_path / "none.txt"], tmp_path / "i")


def test_two_lists_of_one_name_are_refused(tmp_path):
    (tmp_path / "more").mkdir()
    write(tmp_path, "own", "# category: games", "x.example")
    write(tmp_path / "more", "own", "# category: chat", "x.example")
    assert "list 'own' is already" in mistakes(tmp_path, tmp_path / "i")[0]


def test_pieces_give_the_same_names_wherever_they_are_cut(tmp_path, monkeypatch):
    names = [f"name{n}.example" for n in range(200)]
    path = write(tmp_path, "games", "# category: games", *names)
    for size in (1, 7, 64, 1000, 1 << 20):
        monkeypatch.setattr(unpacking, "PIECE", size)
        got = [name for piece in reading.pieces(reading.describe(path)) for name in piece.names]
        assert got == names


def test_an_index_is_made_again_only_when_a_list_changed(tmp_path):
    path = write(tmp_path, "games", "# category: games", "one.example")
    out = tmp_path / "lists.index"
    lists.prepare(tmp_path, out)
    first = out.stat().st_ino
    lists.prepare(tmp_path, out)
    assert out.stat().st_ino == first
    path.write_text("# category: games\ntwo.example\n")
    index = lists.prepare(tmp_path, out)
    assert index.lookup(pl.Series(["two.example", "one.example"])).to_list() == [CATEGORY_BIT["games"], 0]


def test_a_fetched_list_that_was_damaged_is_left_out_and_the_compiled_one_works_on(tmp_path, caplog):
    good = tmp_path / "good"
    good.write_text("bet365.com\nwilliamhill.com\n")
    digest = hashlib.sha256(good.read_bytes()).hexdigest()
    sources = [lists.ListFile(good, "good", "gambling", digest=digest)]
    made = lists.prepare(sources, tmp_path / "lists.index")
    good.write_bytes(b"bet365.com\n\xff")
    assert lists.prepare(sources, tmp_path / "lists.index").fingerprint == made.fingerprint
    assert not caplog.records
    (tmp_path / "other").write_text("pokerstars.com\n")
    sources.append(lists.ListFile(tmp_path / "other", "other", "gambling"))
    index = lists.prepare(sources, tmp_path / "lists.index")
    assert [one.id for one in index.lists] == ["other"]
    assert "Damaged lists are left out: good" in caplog.text


def test_a_reader_keeps_the_old_index_until_it_asks_for_the_latest(tmp_path):
    path = write(tmp_path, "games", "# category: games", "one.example")
    old = lists.prepare(tmp_path, tmp_path / "lists.index")
    assert old.latest() is old
    path.write_text("# category: games\ntwo.example\n")
    lists.compile(tmp_path, tmp_path / "lists.index")
    hosts = pl.Series(["one.example", "two.example"])
    assert (old.lookup(hosts) != 0).to_list() == [True, False]
    assert (old.latest().lookup(hosts) != 0).to_list() == [False, True]


def test_an_index_swapped_while_others_read_never_gives_a_mixed_answer(tmp_path):
    directories = [tmp_path / "a", tmp_path / "b"]
    for directory in directories:
        directory.mkdir()
        write(directory, "games", "# category: games", *(f"{directory.name}{n}.example" for n in range(500)))
    out = tmp_path / "lists.index"
    lists.compile(directories[0], out)
    hosts = pl.Series([f"{letter}{n}.example" for letter in "ab" for n in range(500)])
    stop = threading.Event()

    def swap() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            lists.compile(directories[n % 2], out)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        index = lists.CategoryIndex.open(out)
        for _ in range(30):
            index = index.latest()
            answers = (index.lookup(hosts) != 0).to_list()
            assert sum(answers) == 500
            assert all(answers[:500]) or all(answers[500:])
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("where", [0, 3, 8, 40, 200, -40, -1])
def test_a_damaged_index_is_refused(tmp_path, where):
    write(tmp_path, "games", "# category: games", *(f"game{n}.example" for n in range(100)))
    out = tmp_path / "lists.index"
    lists.compile(tmp_path, out)
    content = bytearray(out.read_bytes())
    content[where] ^= 0x55
    out.write_bytes(content)
    with pytest.raises(lists.IndexUnreadable, match=r"lists\.index: .*; remove it and start again"):
        lists.CategoryIndex.open(out)
    assert len(lists.prepare(tmp_path, out)) == 100


@pytest.mark.parametrize("keep", [0, 4, 20, 300, -1])
def test_a_cut_index_is_refused(tmp_path, keep):
    write(tmp_path, "games", "# category: games", *(f"game{n}.example" for n in range(100)))
    out = tmp_path / "lists.index"
    lists.compile(tmp_path, out)
    out.write_bytes(out.read_bytes()[:keep])
    with pytest.raises(lists.IndexUnreadable):
        lists.CategoryIndex.open(out)


def test_an_absent_index_is_refused(tmp_path):
    with pytest.raises(lists.IndexUnreadable, match="cannot be read: No such file"):
        lists.CategoryIndex.open(tmp_path / "lists.index")


def test_a_full_disk_leaves_the_old_index_and_no_rubbish(tmp_path, monkeypatch):
    path = write(tmp_path, "games", "# category: games", "one.example")
    out = tmp_path / "lists.index"
    lists.compile(tmp_path, out)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    path.write_text("# category: games\ntwo.example\n")
    monkeypatch.setattr(layout.os, "fsync", full)
    with pytest.raises(FilterwatchError, match=r"lists\.index: cannot be written: No space left"):
        lists.compile(tmp_path, out)
    monkeypatch.undo()
    assert len(lists.CategoryIndex.open(out)) == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["games.txt", "lists.index"]


def test_many_overlapping_lists_keep_every_membership(tmp_path):
    words = ["games", "chat", "adult", "gambling", "video", "drugs", "malware", "dating", "weapons", "violence"]
    for number, word in enumerate(words):
        write(tmp_path, word, f"# category: {word}", *(f"n{n}.example" for n in range(1, 1024) if n >> number & 1))
    index = lists.prepare(tmp_path, tmp_path / "lists.index")
    hosts = [f"n{n}.example" for n in range(1, 1024)]
    expected = [sum(CATEGORY_BIT[word] for k, word in enumerate(words) if n >> k & 1) for n in range(1, 1024)]
    assert index.lookup(pl.Series(hosts)).to_list() == expected


def test_the_index_says_what_it_was_made_of(tmp_path):
    write(
        tmp_path,
        "games",
        "# category: games",
        "# source: ours",
        "# licence: MIT",
        "# credit: Copyright us",
        "a.example",
    )
    assert lists.prepare(tmp_path, tmp_path / "i").lists == (
        lists.ListInfo(
            "games", "games", allow=False, own=False, entries=1, source="ours", licence="MIT", credit="Copyright us"
        ),
    )
