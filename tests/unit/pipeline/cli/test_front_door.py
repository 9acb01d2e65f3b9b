from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.embedding.profile import CAMPPLUS, ECAPA
from tests.conftest import REPOSITORY
from tests.unit.pipeline.cli.conftest import Cli

HEAVY = ("torch", "numpy", "scipy", "av", "ctranslate2", "faster_whisper", "matplotlib", "pyannote")


def test_help_loads_no_model_library() -> None:
    """The command line answers at once, and on a machine where only the light dependencies are installed."""
    script = f"""
import sys
import hansard
try:
    hansard.main(["--help"])
finally:
    print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stderr.strip() == "[]"
    assert "transcribe" in done.stdout


def test_command_alone_shows_help(cli: Cli) -> None:
    result = cli()
    assert result.code == 2
    assert "Usage: hansard" in result.out + result.err


def test_every_command_has_help(cli: Cli) -> None:
    listing = cli("--help").out
    for command in (
        "transcribe",
        "diarize",
        "vad",
        "overlap",
        "changes",
        "embed",
        "verify",
        "convert",
        "evaluate",
        "version",
    ):
        assert f" {command} " in listing
        assert cli(command, "--help").code == 0


def test_version_names_what_can_change_a_result(cli: Cli) -> None:
    lines = dict(line.split(maxsplit=1) for line in cli("version").out.splitlines())
    assert {"hansard", "python", "torch", "ctranslate2"} <= set(lines)


def test_version_can_be_asked_for_like_anywhere(cli: Cli) -> None:
    result = cli("--version")
    assert (result.code, result.out) == (0, cli("version").out.splitlines()[0] + "\n")


def test_defaults_that_help_tells_are_those_of_the_voice_models(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Help cannot look them up: that would load torch."""
    monkeypatch.setenv("COLUMNS", "400")
    assert f"campplus {CAMPPLUS.cut:g}, ecapa {ECAPA.cut:g}" in cli("diarize", "--help").out
    assert f"campplus {CAMPPLUS.same_voice:g}, ecapa {ECAPA.same_voice:g}" in cli("verify", "--help").out


def test_help_keeps_what_looks_like_markup(cli: Cli) -> None:
    assert "hub:OWNER/REPOSITORY@REVISION" in cli("models", "pull", "--help").out
