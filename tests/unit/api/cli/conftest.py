"""The command line under test, run in this process against a service that answers as it is told."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

import hansard
from api import client
from tests.unit.api.client.service import KEY, URL, Answer, Clock, Service


@dataclass(frozen=True)
class Result:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Cli = Callable[..., Result]
Serve = Callable[..., Service]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Have the next commands talk to a service that gives these answers, by the address and key of the environment."""
    monkeypatch.setenv("HANSARD_URL", URL)
    monkeypatch.setenv("HANSARD_API_KEY", KEY)

    def answer(*answers: Answer) -> Service:
        service = Service(*answers)
        monkeypatch.setattr(client, "Client", partial(client.client.Client, transport=service, pace=Clock().pace()))
        return service

    return answer


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run `hansard ARGUMENTS` and tell its exit code, standard output and standard error."""

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            hansard.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    path.write_bytes(b"RIFF")
    return path
