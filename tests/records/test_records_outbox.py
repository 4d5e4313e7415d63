from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from filterwatch.records.models import Outbox
from filterwatch.records.outbox import Message, Occasion, enqueue, row_id

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WORDS = Message("title", "body")

pytestmark = pytest.mark.usefixtures("database")


def test_one_row_for_each_channel():
    assert enqueue(Occasion("r1", "report"), "coordinator", ["mail", "push"], WORDS, NOW) == 2
    assert {row.channel for row in Outbox.objects.all()} == {"mail", "push"}
    assert {row.state for row in Outbox.objects.all()} == {"new"}


def test_the_same_is_told_once_whatever_became_of_it():
    enqueue(Occasion("r1", "report"), "coordinator", ["mail"], WORDS, NOW)
    Outbox.objects.update(state="sent")
    assert enqueue(Occasion("r1", "report"), "coordinator", ["mail"], WORDS, NOW) == 0
    assert Outbox.objects.get().state == "sent"


def test_another_step_is_another_row():
    for which in ("1", "2", "2"):
        enqueue(Occasion("a1", "repeat", which, "high"), "head", ["mail"], WORDS, NOW)
    assert Outbox.objects.count() == 2


def test_urgent_first_then_oldest():
    enqueue(Occasion("r1", "report"), "head", ["mail"], WORDS, NOW)
    enqueue(Occasion("a1", "immediate", level="critical"), "head", ["mail"], WORDS, NOW)
    assert [row.about for row in Outbox.objects.all()] == ["a1", "r1"]


def test_the_database_itself_refuses_a_second_row_with_the_same_key():
    enqueue(Occasion("r1", "report"), "head", ["mail"], WORDS, NOW)
    row = Outbox.objects.get()
    row.pk = row_id("other", "head", "mail", "report")
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
