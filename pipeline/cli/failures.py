"""How an error reads on a terminal: one line, its slug, and what to do about it."""

from __future__ import annotations

from enum import IntEnum

from pipeline.errors import HansardError, InvalidOption, UnknownModel


class ExitCode(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    FAILED = 1
    """At least one recording failed, or the command could not do its work."""
    USAGE = 2
    """The command line asks for something that cannot be."""
    INTERRUPTED = 130
    """Ctrl-C, as shells count it: 128 + SIGINT."""


HINTS = {
    "api-unreachable": "`hansard up` runs a service here and prints its address",
    "audio-too-long": "cut the recording into parts",
    "corrupt-media": "get the file again, or repair it with another program first",
    "empty-file": "get the file again",
    "encrypted-media": "remove the protection first",
    "invalid-api-key": "check HANSARD_API_KEY or --key",
    "missing-dependency": 'install what is missing, for example pip install "hansard[all]"',
    "missing-scope": "`hansard keys create --scope` makes a key that has it",
    "model-corrupt": "fetch it again with `hansard models pull NAME`",
    "model-unavailable": "check the network and pip's configuration, or pull the models on a machine that has them",
    "no-audio-stream": "choose a file that has sound",
    "result-not-ready": "`hansard jobs watch` follows a job to its end",
    "source-changed": "submit it once it is complete",
    "source-not-found": "check the path and its permissions",
    "speaker-count-unreachable": "leave out --strict to get the nearest count and a notice",
    "unknown-model": "run `hansard models list` for the names",
    "unsupported-format": "convert it first, for example to wav or flac",
}
"""What a user can do, by slug."""


def describe(error: BaseException) -> str:
    """One line: the message, the slug where there is one, and what to do where that is known."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''} [io-error]"
    if not isinstance(error, HansardError):
        detail = " ".join(str(error).split())
        return f"{type(error).__name__}{': ' if detail else ''}{detail} [internal-error] (--debug shows where)"
    message = " ".join(str(error).split())
    hint = HINTS.get(error.slug)
    return f"{message} [{error.slug}]" + (f" ({hint})" if hint else "")


def exit_code(error: BaseException) -> ExitCode:
    """Usage errors are the caller's to fix on the command line; everything else is a failure."""
    return ExitCode.USAGE if isinstance(error, InvalidOption | UnknownModel) else ExitCode.FAILED
