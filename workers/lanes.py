"""Which messages a worker asks for: however much backfill it holds, an interactive job does not wait for its end."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery import bootsteps
from celery.worker import state

from api.queue import Lane


class KeepSlot(bootsteps.StartStopStep):
    """Let a worker of several slots hold messages of other lanes than the first in all slots but one.

    A worker asks Redis for the next message of all lanes in order. While it holds as many of the others as it may, it
    asks for the first lane alone. A step of Celery's consumer, begun with every connection.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:  # noqa: ANN401 - Celery's, whose type is not complete
        """Have the channel of the connection ask so."""
        channel, slots = consumer.task_consumer.channel, consumer.pool.num_processes
        if slots > 1:
            # kombu has no other place for it.
            channel._brpop_start = partial(_ask, channel, channel._brpop_start, slots - 1)  # noqa: SLF001


def _ask(channel: Any, ask: Any, most: int, timeout: float | None = None) -> None:  # noqa: ANN401
    steps = channel.priority_steps
    if _held_of_others() >= most:
        channel.priority_steps = [int(Lane.FIRST)]
    try:
        ask(timeout)
    finally:
        channel.priority_steps = steps


def _held_of_others() -> int:
    """Messages of other lanes than the first that this worker has taken and not finished."""
    while True:
        try:
            held = list(state.reserved_requests)
        except RuntimeError:  # one has been finished meanwhile, in its own thread
            continue
        return sum(request.delivery_info.get("priority") != Lane.FIRST for request in held)
