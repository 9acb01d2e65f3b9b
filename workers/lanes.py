"""A slot of a worker for interactive jobs: however much backfill it holds, one that comes does not wait for its end."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker import state

from api.queue import Lane


def keep_slots(consumer: Any, slots: int) -> None:  # noqa: ANN401 - Celery's Consumer, whose type is not complete
    """Let the worker hold so many jobs of the later lane at most; what comes in the first lane may have every slot.

    A worker asks Redis for the next message of all lanes in order. While it holds as many of the later lane as it may,
    it asks for the first lane alone. Holds for the consumer's connection: to be called again after each new one.
    """
    channel = consumer.task_consumer.channel
    # kombu has no other place for it.
    channel._brpop_start = partial(_ask, channel, channel._brpop_start, slots)  # noqa: SLF001


def _ask(channel: Any, ask: Any, slots: int, timeout: float | None = None) -> None:  # noqa: ANN401
    steps = channel.priority_steps
    if _held_later() >= slots:
        channel.priority_steps = [step for step in steps if step < Lane.LATER]
    try:
        ask(timeout)
    finally:
        channel.priority_steps = steps


def _held_later() -> int:
    """Messages of the later lane that this worker has taken and not finished."""
    while True:
        try:
            held = list(state.reserved_requests)
        except RuntimeError:  # one has been finished meanwhile, in its own thread
            continue
        return sum(request.delivery_info.get("priority") == Lane.LATER for request in held)
