"""A channel: its sender process is warm, killed when it hangs, and started anew."""

from __future__ import annotations

import queue
import sys
import time

import pytest

from filterwatch.delivery.child import Channel, Done
from filterwatch.delivery.redaction import redacted
from filterwatch.demo.mailbox import Mailbox


@pytest.fixture
def smtp():
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


@pytest.fixture
def channels():
    opened = []

    def make(
        url: str, timeout: float = 10, command: list[str] | None = None
    ) -> tuple[Channel, queue.SimpleQueue[Done]]:
        done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        channel = Channel("mail", url, timeout, done, **({"command": command} if command else {}))
        opened.append(channel)
        return channel, done

    yield make
    for channel in opened:
        channel.close()


def test_a_notification_becomes_one_plain_text_mail(smtp, channels):
    channel, done = channels(smtp.url("dsl@school.test"))

    channel.send("row1", "FW-7K2M high", "Sign in to read it.\n<script>alert(1)</script>")
    outcome = done.get(timeout=15)

    assert ("row1", "sent", "") == (outcome.row, outcome.result, outcome.why)
    [mail] = smtp.mails
    assert mail.subject == "FW-7K2M high"
    assert mail.text.strip() == "Sign in to read it.\n<script>alert(1)</script>"
    assert b"text/html" not in mail.raw


def test_a_refused_mail_is_worth_another_try_and_says_why_without_addresses(smtp, channels):
    smtp.refusing = True
    channel, done = channels(smtp.url("dsl@school.test"))

    channel.send("row1", "title", "body")
    outcome = done.get(timeout=15)

    assert "failed" == outcome.result
    assert outcome.why
    assert "school.test" not in outcome.why
    assert "127.0.0.1" not in outcome.why


def test_a_url_that_no_service_understands_is_unusable(channels):
    channel, done = channels("nonsense://x")

    channel.send("row1", "title", "body")

    assert "unusable" == done.get(timeout=15).result


HANGS_ONCE = """
import json, os, sys, time
for line in sys.stdin:
    if json.loads(line)["title"] == "hang":
        time.sleep(60)
    print(json.dumps({"result": "sent", "why": ""}), flush=True)
"""


def test_a_hanging_send_is_killed_in_time_and_the_next_one_goes_through(channels):
    channel, done = channels("json://127.0.0.1", 0.5, [sys.executable, "-c", HANGS_ONCE])

    channel.send("row1", "hang", "")
    first = done.get(timeout=10)
    channel.send("row2", "fine", "")
    second = done.get(timeout=10)

    assert ("killed", "no answer within 0.5 s") == (first.result, first.why)
    assert first.seconds < 2
    assert "sent" == second.result


def test_closing_does_not_wait_for_a_hanging_service(channels):
    channel, _ = channels("json://127.0.0.1", 60, [sys.executable, "-c", HANGS_ONCE])
    channel.send("row1", "hang", "")
    time.sleep(0.3)

    began = time.monotonic()
    channel.close()

    assert time.monotonic() - began < 2


def test_no_part_of_a_channel_url_survives_in_a_complaint():
    url = "mailtos://coordinator:s3cret-Pass@mail.school.test:465/?to=head@school.test&token=abcd1234"

    said = redacted(
        "coordinator with s3cret-Pass at mail.school.test (10.1.2.3) for head@school.test token abcd1234\x1b[2J",
        url,
    )

    for secret in (
        "s3cret-Pass",
        "coordinator",
        "mail.school.test",
        "head@school.test",
        "abcd1234",
        "10.1.2.3",
        "\x1b",
    ):
        assert secret not in said
