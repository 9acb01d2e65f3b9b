"""Telling the workers about deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from api.errors import TemporarilyUnavailable
from api.queue import WEBHOOKS, InMemoryQueue, Lane
from api.webhooks.announcing import WINDOW, announce


class Unreachable(InMemoryQueue):
    def depth(self, queue: str, lane: Lane = Lane.FIRST) -> int:
        raise TemporarilyUnavailable

    def send(self, queue: str, ids: Sequence[UUID], lane: Lane = Lane.FIRST) -> None:
        raise TemporarilyUnavailable


class FailsToSend(InMemoryQueue):
    def send(self, queue: str, ids: Sequence[UUID], lane: Lane = Lane.FIRST) -> None:
        raise TemporarilyUnavailable


def some(number: int) -> list[UUID]:
    return [uuid4() for _ in range(number)]


def test_all_are_told_where_there_is_room() -> None:
    queue, ids = InMemoryQueue(), some(3)
    assert announce(queue, ids) == 3
    assert queue.messages == {WEBHOOKS: ids}


def test_the_first_are_told_as_far_as_there_is_room() -> None:
    queue, ids = InMemoryQueue(), some(WINDOW)
    queue.send(WEBHOOKS, some(WINDOW - 2))
    assert announce(queue, ids) == 2
    assert queue.messages[WEBHOOKS][-2:] == ids[:2]
    assert announce(queue, ids) == 0
    assert queue.depth(WEBHOOKS) == WINDOW


def test_a_queue_that_is_too_full_already_gets_nothing() -> None:
    queue = InMemoryQueue()
    queue.send(WEBHOOKS, some(WINDOW + 5))
    assert announce(queue, some(3)) == 0


def test_a_queue_that_does_not_answer_is_no_error() -> None:
    """They stay due: the next sweep tells them."""
    assert announce(Unreachable(), some(3)) == 0
    assert announce(FailsToSend(), some(3)) == 0


def test_nothing_to_tell_asks_nobody() -> None:
    assert announce(Unreachable(), []) == 0
