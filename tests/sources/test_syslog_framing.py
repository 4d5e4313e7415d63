"""What a syslog connection carries is cut into the sender's messages, however its bytes arrive."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterwatch.sources.syslog_framing import Framer, FramingError, line_of

MESSAGES = st.lists(st.binary(min_size=1, max_size=80).map(lambda text: b"<13>" + text), min_size=1, max_size=8)


def feed(framer: Framer, data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [line for start, end in pairwise(places) for line in framer.feed(data[start:end])]


@settings(max_examples=300, deadline=None)
@given(MESSAGES, st.lists(st.integers(0, 10_000), max_size=20))
def test_counted_messages_come_out_as_they_went_in_however_they_are_cut(messages, cuts):
    sent = b"".join(b"%d %s" % (len(one), one) for one in messages)
    framer = Framer(1000)

    assert feed(framer, sent, cuts) == [line_of(one, 1000) for one in messages]
    assert not framer.unfinished


@settings(max_examples=300, deadline=None)
@given(MESSAGES, st.lists(st.integers(0, 10_000), max_size=20))
def test_lines_come_out_as_they_went_in_however_they_are_cut(messages, cuts):
    messages = [one.replace(b"\n", b"") for one in messages]
    framer = Framer(1000)

    got = feed(framer, b"".join(one + b"\n" for one in messages), cuts)

    assert got == [line_of(one, 1000) for one in messages]


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=10))
def test_whatever_is_sent_a_line_is_one_line_and_memory_is_bounded(data, cuts):
    framer = Framer(64)
    try:
        got = feed(framer, data, cuts)
    except FramingError:
        return
    assert all(line and b"\n" not in line and b"\0" not in line for line in got)
    assert len(framer._held) <= 64 + 16


def test_a_line_end_inside_a_message_cannot_begin_another_line():
    assert line_of(b"<13>GET /a\nNov 22 forged\r\n\0", 100) == b"<13>GET /a#012Nov 22 forged"
    assert line_of(b"a\0b", 100) == b"a#000b"


def test_lines_that_begin_with_digits_are_not_taken_for_counts():
    squid = b"1795339800.123     80 10.0.0.7 TCP_MISS/200 5000 GET http://a.test/ - -\n"
    assert Framer(1000).feed(squid * 2) == [squid[:-1]] * 2


def test_a_connection_of_lines_stays_one_even_where_a_line_looks_counted():
    assert Framer(1000).feed(b"<13>first\n900 <14>second\n<15>third\n") == [
        b"<13>first", b"900 <14>second", b"<15>third",
    ]  # fmt: skip


def test_line_ends_between_counted_messages_are_passed_over():
    assert Framer(1000).feed(b"8 <13>abcd\n8 <13>efgh\r\n\n") == [b"<13>abcd", b"<13>efgh"]


def test_a_wrong_count_ends_the_connection_instead_of_shifting_every_message():
    with pytest.raises(FramingError):
        Framer(1000).feed(b"6 <13>abcd8 <13>efgh")


def test_an_endless_line_is_cut_once_and_the_next_line_is_whole():
    framer = Framer(100)
    got = []
    for _ in range(1000):
        got += framer.feed(b"x" * 999)
        assert len(framer._held) <= 100
    got += framer.feed(b"\n<13>next\n")

    assert got == [b"x" * 100, b"<13>next"]
    assert framer.cut == 1


def test_a_counted_message_over_the_limit_is_cut_and_the_next_is_whole():
    framer = Framer(100)
    got = framer.feed(b"5000 <13>")
    for _ in range(4996):
        got += framer.feed(b"y")
    got += framer.feed(b"8 <13>next")

    assert got == [b"<13>" + b"y" * 96, b"<13>next"]
    assert framer.cut == 1


def test_a_last_line_without_end_counts_when_the_sender_closed_in_order():
    framer = Framer(100)
    assert framer.feed(b"<13>one\n<13>two") == [b"<13>one"]
    assert framer.unfinished
    assert framer.finish() == [b"<13>two"]


def test_a_counted_message_that_stopped_half_way_is_none():
    framer = Framer(100)
    assert framer.feed(b"20 <13>half") == []
    assert framer.finish() == []
