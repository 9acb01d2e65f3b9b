"""The pipeline's commands. Importing them loads no model library: each command does so when it is called."""

from collections.abc import Callable, Mapping
from typing import Any

import typer

from pipeline.cli.convert import convert
from pipeline.cli.evaluate import evaluate
from pipeline.cli.failures import describe, exit_code
from pipeline.cli.models import app as models
from pipeline.cli.regions import changes, overlap, vad
from pipeline.cli.session import Session
from pipeline.cli.transcripts import diarize, transcribe
from pipeline.cli.version import name_and_version, version
from pipeline.cli.voices import embed, verify

COMMANDS: tuple[Callable[..., Any], ...] = (
    transcribe,
    diarize,
    vad,
    overlap,
    changes,
    embed,
    verify,
    convert,
    evaluate,
    version,
)
"""In the order in which `hansard --help` lists them."""

GROUPS: Mapping[str, typer.Typer] = {"models": models}
"""Commands with commands of their own."""

__all__ = ["COMMANDS", "GROUPS", "Session", "describe", "exit_code", "name_and_version"]
