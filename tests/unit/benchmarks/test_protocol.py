"""What a contestant is asked, and what it answers, survive the file they travel in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.protocol import Answer, Request, Response
from tests.conftest import REPOSITORY
from tests.unit.benchmarks.answers import ANSWER, SILENCE, UNASKED, response


def test_request_is_read_as_it_was_written(tmp_path: Path) -> None:
    request = Request(
        recordings=("a.wav", "ü.wav"),
        models={"ecapa": "/models/ecapa"},
        threads=2,
        options={"batch": 1, "timed": True, "work": "diarize"},
        scratch="/cache",
        offline=True,
    )
    request.write(tmp_path / "request.json")
    assert Request.read(tmp_path / "request.json") == request


@pytest.mark.parametrize("answer", [ANSWER, SILENCE, UNASKED], ids=["found", "nothing found", "not looked for"])
def test_response_is_read_as_it_was_written(tmp_path: Path, answer: Answer) -> None:
    """Nothing found stays apart from not looked for."""
    written = response(1.5, answer, answer, notes=("without alignment",))
    written.write(tmp_path / "response.json")
    assert Response.read(tmp_path / "response.json") == written


def test_response_is_plain_json(tmp_path: Path) -> None:
    response(1.5, ANSWER).write(tmp_path / "response.json")
    plain = json.loads((tmp_path / "response.json").read_text())
    assert plain["answers"][0]["turns"][0] == {"start": 0.5, "end": 2.0, "speaker": "A"}


def test_frame_of_a_runner_needs_nothing_but_the_standard_library() -> None:
    """Peers' interpreters have neither Hansard nor what it depends on."""
    script = "import benchmarks.runner, benchmarks.peers"
    subprocess.run([sys.executable, "-S", "-c", script], cwd=REPOSITORY, check=True)
