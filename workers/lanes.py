"""A slot of a worker for interactive jobs: however much backfill it holds, one that comes does not wait for its end."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery import bootsteps
from celery.app.task import Context
from celery.worker import state

from api.queue import Lane


class KeepSlot(bootsteps.StartStopStep):
    """Let a worker of several slots hold messages of the later lane, promoted ones among them, in all but one.

    A worker asks Redis for the next message of all lanes in order. While it holds as many of the later lane as it may,
    it asks for the first lane alone; a promoted one that it finds there is not for it (`is_for_kept_slot`). A step of
    Celery's consumer, begun with every connection.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:  # noqa: ANN401 - Celery's, whose type is not complete
        """Have the channel of the connection ask so."""
        channel, slots = consumer.task_consumer.channel, consumer.pool.num_processes
        if slots > 1:
            # kombu has no other place for it.
            channel._brpop_start = partial(_ask, channel, channel._brpop_start, slots - 1)  # noqa: SLF001


def is_for_kept_slot(message: Context, slots: int) -> bool:
    """Whether a message that was taken is a promoted one, and the slot left for it the one that is kept."""
    promoted = (message.delivery_info or {}).get("priority") == Lane.PROMOTED
    return promoted and 1 < slots <= _held_later()


def _ask(channel: Any, ask: Any, most: int, timeout: float | None = None) -> None:  # noqa: ANN401
    steps = channel.priority_steps
    if _held_later() >= most:
        channel.priority_steps = [step for step in steps if step < Lane.LATER]
    try:
        ask(timeout)
    finally:
        channel.priority_steps = steps


def _held_later() -> int:
    """Messages of the later lane, promoted ones among them, that this worker has taken and not finished."""
    while True:
        try:
            held = list(state.reserved_requests)
        except RuntimeError:  # one has been finished meanwhile, in its own thread
            continue
        return sum(request.delivery_info.get("priority") in {Lane.PROMOTED, Lane.LATER} for request in held)
