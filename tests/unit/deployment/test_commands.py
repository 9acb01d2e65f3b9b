"""What containers are started with is what the command line takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer

import hansard
from tests.unit.deployment import compose
from tests.unit.deployment.chart import EVERYTHING, pods
from tests.unit.deployment.test_images import DOCKERFILES, instructions

MISUSED = 2
"""Exit code of a command line that cannot be understood."""
PODS = {name: pod["spec"]["containers"][0]["args"] for name, pod in pods(EVERYTHING).items()}


def understood(words: list[str]) -> bool:
    """Whether the command line knows the command, all its options and their values. Nothing is run."""
    # Typer brings a click of its own: neither its classes nor its errors are those of the package `click`.
    command: Any = typer.main.get_command(hansard.app)
    context = None
    try:
        while hasattr(command, "resolve_command"):
            context = command.make_context(command.name, words, parent=context)
            _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        command.make_context(command.name, words, parent=context)
    except Exception as error:
        if getattr(error, "exit_code", None) == MISUSED:
            return False
        raise
    return True


@pytest.mark.parametrize("name", sorted(PODS))
def test_pods_start_commands_that_exist(name: str) -> None:
    assert understood(list(PODS[name]))


def test_services_start_commands_that_exist(tmp_path: Path) -> None:
    services = compose.resolved(compose.made_secrets(tmp_path))["services"]
    for name in set(services) - compose.STORES - {"api"}:
        command = services[name]["command"]
        assert understood(command.split() if isinstance(command, str) else list(command)), name


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_start_commands_that_exist(path: Path) -> None:
    (command,) = [json.loads(line) for line in instructions(path, "CMD")]
    assert understood(command)


@pytest.mark.parametrize(
    "wrong", [["serve", "worker"], ["serve", "dispatcher", "--metrics", "1"], ["sreve"], ["migrate", "now"]], ids=str
)
def test_a_command_that_does_not_exist_would_be_noticed(wrong: list[str]) -> None:
    assert not understood(wrong)
