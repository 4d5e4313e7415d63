"""Working through the outbox: order, waits, repeats that say so, and what a crash leaves behind."""

from __future__ import annotations

import logging
import queue
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterwatch.clock import ManualClock
from filterwatch.delivery.child import Done
from filterwatch.delivery.outbox import Deliverer
from filterwatch.delivery.settings import Settings
from filterwatch.metrics import Metrics
from filterwatch.records.models import Attempt, Outbox

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class FakeChannel:
    """A channel that does what its script says: a list of results, the last one for ever."""

    timeout = 20.0

    def __init__(self, done, *script: str) -> None:
        self.done = done
        self.script = list(script)
        self.sent: list[tuple[str, str]] = []
        self.attached: list[tuple[str, ...]] = []
        self.busy = False

    def send(self, row, title, _body, attach=()):
        self.busy = True
        self.sent.append((row, title))
        self.attached.append(tuple(Path(path).read_text() for path in attach))
        result = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if result != "silent":
            self.done.put(Done(row, result, "" if result == "sent" else "no luck", 0.1))


@pytest.fixture
def world(database, tmp_path):  # noqa: ARG001 - it needs the tables
    class World:
        clock = ManualClock(START)
        done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        metrics = Metrics()

        def deliverer(self, channels, **change):
            return Deliverer(
                channels,
                self.done,
                Settings(**change),
                clock=self.clock,
                random=Random(1),
                name="test:1",
                pages=tmp_path / "pages",
                metrics=self.metrics,
            )

        def row(self, name="a", channel="mail", **fields):
            fields = {"priority": 3, "created_at": self.clock.now(), "next_attempt_at": self.clock.now()} | fields
            return Outbox.objects.create(
                id=name,
                about=name,
                kind="immediate",
                recipient="coordinator",
                channel=channel,
                title="T",
                body="B",
                **fields,
            )

        def settle(self, deliverer):
            for _ in range(50):
                if not deliverer.step():
                    return
            raise AssertionError("the deliverer never came to rest")

    return World()


def test_the_most_urgent_goes_first_then_the_oldest(world):
    channel = FakeChannel(world.done, "sent")
    world.row("low", priority=1)
    world.row("late", priority=4, created_at=START + timedelta(seconds=1))
    world.row("early", priority=4)

    world.settle(world.deliverer({"mail": channel}))

    assert [("early", "T"), ("late", "T"), ("low", "T")] == channel.sent
    assert {"sent"} == set(Outbox.objects.values_list("state", flat=True))


def test_a_failure_is_tried_again_after_waits_that_grow_and_is_sent_once(world):
    channel = FakeChannel(world.done, "failed", "failed", "failed", "sent")
    world.row()
    deliverer = world.deliverer({"mail": channel})

    waits = []
    while not Outbox.objects.filter(state="sent").exists():
        world.settle(deliverer)
        row = Outbox.objects.get()
        if row.state == "retry":
            waits.append((row.next_attempt_at - world.clock.now()).total_seconds())
            world.clock.move(row.next_attempt_at - world.clock.now())

    assert 4 == len(channel.sent)
    assert waits[0] == 10
    assert all(10 <= wait <= 10 * 2**n for n, wait in enumerate(waits))
    assert [("a", "T")] * 4 == channel.sent, "a refusal is no repeat: it never went out"


def test_a_dead_server_for_a_day_loses_nothing_and_each_is_sent_once(world):
    down = FakeChannel(world.done, "failed")
    for n in range(20):
        world.row(f"n{n:02}", created_at=START + timedelta(seconds=n))
    deliverer = world.deliverer({"mail": down})
    for _ in range(24 * 4):
        world.settle(deliverer)
        world.clock.move(timedelta(minutes=15))

    assert 20 == Outbox.objects.filter(state="retry").count()
    up = FakeChannel(world.done, "sent")
    deliverer = world.deliverer({"mail": up})
    for _ in range(3):
        world.settle(deliverer)
        world.clock.move(timedelta(minutes=15))

    assert sorted(row for row, _ in up.sent) == [f"n{n:02}" for n in range(20)]


def test_after_three_days_it_is_dead_and_said_so(world, caplog):
    world.row()
    deliverer = world.deliverer({"mail": FakeChannel(world.done, "failed")})

    with caplog.at_level(logging.ERROR):
        for _ in range(75):
            world.settle(deliverer)
            world.clock.move(timedelta(hours=1))

    assert "dead" == Outbox.objects.get().state
    assert "A notification by channel mail is undelivered: no luck." in caplog.messages


def test_a_url_that_can_never_work_is_dead_at_once(world):
    world.row()
    world.settle(world.deliverer({"mail": FakeChannel(world.done, "unusable")}))

    assert ("dead", 1) == Outbox.objects.values_list("state", "attempts").get()


def test_a_channel_that_left_the_configuration_leaves_its_rows_undelivered_and_said_so(world, caplog):
    world.row(channel="pager")
    with caplog.at_level(logging.ERROR):
        world.settle(world.deliverer({"mail": FakeChannel(world.done, "sent")}))

    assert "dead" == Outbox.objects.get().state
    assert "1 notifications are undelivered: their channel is not configured." in caplog.messages


def test_what_a_killed_deliverer_had_under_way_says_possible_repeat(world):
    world.row()
    world.deliverer({"mail": FakeChannel(world.done, "silent")}).step()
    assert "leased" == Outbox.objects.get().state

    channel = FakeChannel(world.done, "sent")
    after = world.deliverer({"mail": channel})
    assert 1 == after.recover()
    world.settle(after)

    assert [("a", "Possible repeat: T")] == channel.sent


def test_a_lease_that_ran_out_is_taken_back_but_not_one_of_our_own(world):
    world.row()
    ours = FakeChannel(world.done, "silent")
    deliverer = world.deliverer({"mail": ours})
    deliverer.step()
    world.clock.move(timedelta(hours=1))
    deliverer.step()
    assert "leased" == Outbox.objects.get().state, "its channel has not reported back yet"

    other = FakeChannel(world.done, "sent")
    world.settle(world.deliverer({"mail": other}))

    assert [("a", "Possible repeat: T")] == other.sent


def test_two_deliverers_never_take_the_same_row(world):
    world.row()
    first, second = FakeChannel(world.done, "silent"), FakeChannel(world.done, "silent")
    one, two = world.deliverer({"mail": first}), world.deliverer({"mail": second})

    one.step()
    two.step()

    assert (1, 0) == (len(first.sent), len(second.sent))


def test_an_acknowledgement_while_sending_stands(world):
    world.row()
    deliverer = world.deliverer({"mail": FakeChannel(world.done, "failed")})
    deliverer.step()
    Outbox.objects.update(state="acked")

    world.settle(deliverer)

    assert "acked" == Outbox.objects.get().state


def test_a_busy_channel_delays_no_other(world):
    world.row("slow", channel="sms")
    world.row("slow2", channel="sms")
    world.row("mail", channel="mail")
    sms, mail = FakeChannel(world.done, "silent"), FakeChannel(world.done, "sent")

    world.settle(world.deliverer({"sms": sms, "mail": mail}))

    assert [("slow", "T")] == sms.sent
    assert [("mail", "T")] == mail.sent


def test_a_report_page_is_attached_and_removed_after_sending(world, tmp_path):
    world.row(html="<p>page</p>")
    channel = FakeChannel(world.done, "sent")

    world.settle(world.deliverer({"mail": channel}))

    assert [("<p>page</p>",)] == channel.attached
    assert [] == list((tmp_path / "pages").iterdir())


def test_the_gauges_tell_depth_and_age(world):
    world.row()
    world.clock.move(timedelta(minutes=5))
    world.deliverer({}).measure()

    value = world.metrics.registry.get_sample_value
    assert 1 == value("filterwatch_outbox_depth", {"state": "new"})
    assert 300 == value("filterwatch_outbox_oldest_seconds")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(st.sampled_from(["sent", "failed", "killed", "crash"]), max_size=12))
def test_whatever_happens_nothing_is_lost_and_repeats_only_follow_doubt(world, script):
    Outbox.objects.all().delete()
    world.row()
    sent: list[tuple[str, str]] = []
    doubtful = False
    for step in [*script, "sent"]:
        while not world.done.empty():
            world.done.get()
        channel = FakeChannel(world.done, "silent" if step == "crash" else step)
        deliverer = world.deliverer({"mail": channel})
        deliverer.recover()
        world.settle(deliverer)
        if channel.sent:
            sent += channel.sent
            assert doubtful == channel.sent[0][1].startswith("Possible repeat: ")
            doubtful = doubtful or step in {"crash", "killed"}
        world.clock.move(timedelta(minutes=16))

    assert "sent" == Outbox.objects.get().state
    assert len(sent) == Attempt.objects.count()
