"""The command line under test, run in this process on fake models."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import hansard
from pipeline.cli import Session
from tests.unit.pipeline.cli.fakes import FakeLoader


@dataclass(frozen=True)
class Result:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture
def loader() -> FakeLoader:
    """Fake models, shared by all runs of a test."""
    return FakeLoader()


@pytest.fixture
def cli(loader: FakeLoader, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run `hansard ARGUMENTS` and tell its exit code, standard output and standard error."""

    def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            hansard.main([str(argument) for argument in arguments], Session(loader=loader))
        captured = capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    """Make a file that the fake models accept, or, with `bad`, one that they refuse."""

    def make(name: str, *, bad: bool = False) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"bad" if bad else b"good")
        return path

    return make
