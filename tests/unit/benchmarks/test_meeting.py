"""A comparison goes on without those who cannot take part, and says so."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks import meeting
from benchmarks.contestants import Contestant
from benchmarks.material import Material
from benchmarks.meeting import Meeting
from benchmarks.peers.environments import PeerUnavailable
from benchmarks.protocol import Request, Response
from benchmarks.race import ContestantFailed
from pipeline.evaluation import Recording, SpokenWord
from pipeline.models import ModelStore
from tests.unit.benchmarks.answers import ANSWER, response

OURS = Contestant(name="hansard", runner="hansard_runner", options={"work": "transcribe"})
PEER = Contestant(name="peer", runner="peer_runner", environment="peer")
TIRED = Contestant(name="tired", runner="tired_runner")


class Racing:
    """Stands in for processes: notes who ran where, and lets `tired` fail in its second round."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, Path, Request]] = []

    def __call__(self, contestant: Contestant, python: Path, request: Request) -> Response:
        self.ran.append((contestant.name, python, request))
        if [name for name, _, _ in self.ran].count("tired") == 2 and contestant is TIRED:
            message = "tired ended with status 1:\nTraceback\nMemoryError"
            raise ContestantFailed(message)
        return response(float(len(self.ran)), ANSWER)


@pytest.fixture
def racing(monkeypatch: pytest.MonkeyPatch) -> Racing:
    racing = Racing()
    monkeypatch.setattr(meeting, "run", racing)
    monkeypatch.setattr(meeting, "build", lambda environment, tell, *, offline: Path("/peers") / environment.name)
    return racing


def meet(tmp_path: Path, rounds: int = 3) -> Meeting:
    (tmp_path / "model").mkdir(exist_ok=True)
    truth = Recording(uri="talk", words=(SpokenWord(text="hello", start=0.0, end=1.0),))
    return Meeting(
        store=ModelStore(tmp_path / "models", offline=True),
        cache=tmp_path,
        material=Material(title="a talk", paths=(tmp_path / "talk.wav",), seconds=60.0, truths=(truth,)),
        model="whisper-tiny.en",
        threads=1,
        rounds=rounds,
        console=Console(file=StringIO()),
    )


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of models that nobody loads."""
    monkeypatch.setattr(ModelStore, "path", lambda self, name: Path("/models") / name)


def test_everyone_runs_in_every_round_in_an_interpreter_of_its_own(tmp_path: Path, racing: Racing) -> None:
    outcomes, absent = meet(tmp_path).hold([OURS, PEER])
    assert [(outcome.contestant, len(outcome.responses)) for outcome in outcomes] == [(OURS, 3), (PEER, 3)]
    assert absent == ()
    assert {(name, python) for name, python, _ in racing.ran} == {
        ("hansard", Path(sys.executable)),
        ("peer", Path("/peers/peer")),
    }


def test_everyone_is_asked_the_same_of_all_recordings(tmp_path: Path, racing: Racing) -> None:
    meet(tmp_path, rounds=1).hold([OURS, PEER])
    asked = [request for _, _, request in racing.ran]
    assert {request.recordings for request in asked} == {(str(tmp_path / "talk.wav"),)}
    assert [request.models["whisper-tiny.en"] for request in asked] == ["/models/whisper-tiny.en"] * 2
    assert asked[0].options == {"work": "transcribe", "asr": "whisper-tiny.en"}


def test_who_fails_is_left_out_with_the_reason(tmp_path: Path, racing: Racing) -> None:
    """A median over the rounds that happened to work would not be comparable."""
    outcomes, absent = meet(tmp_path).hold([OURS, TIRED])
    assert [outcome.contestant for outcome in outcomes] == [OURS]
    assert absent == ("left out: tired: tired ended with status 1: MemoryError",)
    assert [name for name, _, _ in racing.ran].count("tired") == 2


def test_who_cannot_be_built_is_left_out_with_the_reason(
    tmp_path: Path, racing: Racing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Path:
        message = "peer is not installed, and HANSARD_OFFLINE refuses to fetch it"
        raise PeerUnavailable(message)

    monkeypatch.setattr(meeting, "build", refuse)
    outcomes, absent = meet(tmp_path).hold([PEER, OURS])
    assert [outcome.contestant for outcome in outcomes] == [OURS]
    assert absent == ("left out: peer: peer is not installed, and HANSARD_OFFLINE refuses to fetch it",)
