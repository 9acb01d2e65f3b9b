"""One process that decodes, from its start to its last word, and who is to blame where there is none."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import NoReturn

from api.errors import JobCancelled
from pipeline.errors import CorruptMedia, TransientError
from workers.metrics import SANDBOX_FAILURES
from workers.sandbox.conversation import Conversation, Stalled
from workers.sandbox.messages import Ending, Progress, Ready, Refused, Unintelligible, read_message
from workers.sandbox.request import Request
from workers.sandbox.starting import start

FROM_OUTSIDE = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP})
"""Statuses of a process that somebody else ended: the machine, out of memory, or whoever shuts it down. What a
recording can make a decoder die of is a fault of its own or SIGXCPU, and memory is refused before it runs out."""


class SandboxFailed(TransientError):
    """The recording could not be decoded because of the machine, not of the recording."""

    slug = "sandbox-failed"


class Run:
    """One process, from its start to what it said last."""

    def __init__(
        self,
        request: Request,
        progress: Callable[[float, float], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._request = request
        self._progress, self._cancelled = progress, cancelled
        self._ready, self._done = False, 0.0
        self._ending: Ending | None = None

    def ending(self) -> Ending:
        """Run the process and give its last word; see `decode_in_sandbox` for what is raised."""
        try:
            process = start(self._request)
        except OSError as error:
            SANDBOX_FAILURES.labels("not_started").inc()
            message = f"no process could be started ({error.strerror})"
            raise SandboxFailed(message) from error
        conversation = Conversation(process, self._request.limits.stall_seconds)
        try:
            return self._listen(conversation)
        except Stalled:
            SANDBOX_FAILURES.labels("stalled").inc()
            self._blame("it came to a standstill", conversation.errors)
        except Unintelligible as error:
            SANDBOX_FAILURES.labels("unintelligible").inc()
            self._blame(str(error), conversation.errors)
        finally:
            conversation.kill()

    def _listen(self, conversation: Conversation) -> Ending:
        for line in conversation.lines(self._tick):
            self._hear(line, conversation)
        status = conversation.end()
        if status in FROM_OUTSIDE:
            SANDBOX_FAILURES.labels("ended_from_outside").inc()
            message = f"the decoder's process was ended from outside ({signal.Signals(-status).name})"
            raise SandboxFailed(message)
        if status != 0 or self._ending is None:
            SANDBOX_FAILURES.labels("crashed").inc()
            self._blame(f"it ended with status {status}", conversation.errors)
        return self._ending

    def _tick(self) -> None:
        if self._cancelled is not None and self._cancelled():
            raise JobCancelled

    def _hear(self, line: bytes, conversation: Conversation) -> None:
        message = read_message(line)
        if isinstance(message, Ready):
            self._ready = True
            conversation.advanced()
        elif not isinstance(message, Progress):
            if isinstance(message, Refused):
                message.error()  # that there is such an error is part of what a message is
            self._ending = message
        elif message.done > self._done:
            # A process that repeats itself does not advance.
            self._done = message.done
            conversation.advanced()
            if self._progress is not None:
                self._progress(message.done, max(message.done, message.total))

    def _blame(self, how: str, errors: bytes) -> NoReturn:
        """Raise what a process that failed means: before it read a byte, the recording cannot be the reason."""
        if self._ready:
            could_not_cope(how, errors)
        error = SandboxFailed("the decoder's process did not start")
        _annotate(error, how, errors)
        raise error


def could_not_cope(how: str, errors: bytes = b"") -> NoReturn:
    """Raise the error of a recording that a decoder failed on.

    Args:
        how: what happened, for the log.
        errors: the end of what the process wrote to standard error, likewise.
    """
    error = CorruptMedia("the decoder could not cope with this file; convert it to wav or flac and send it again")
    _annotate(error, how, errors)
    raise error


def _annotate(error: Exception, how: str, errors: bytes) -> None:
    """For the log: notes are part of a traceback, never of a message."""
    error.add_note(f"the decoder's process: {how}")
    if errors:
        error.add_note(errors.decode(errors="replace"))
