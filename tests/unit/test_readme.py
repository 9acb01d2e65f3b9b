"""What the front page says is so."""

from __future__ import annotations

import re
import shlex
import tomllib

import pytest

from tests.conftest import REPOSITORY
from tests.unit.deployment.test_commands import understood

README = (REPOSITORY / "README.md").read_text()
COMMANDS = [
    line.partition("#")[0].strip()
    for block in re.findall(r"^```\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line.startswith("hansard ")
]
RECORDING = "00000000-0000-0000-0000-000000000008"


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exist_with_their_options(command: str) -> None:
    words = [RECORDING if word == "ID" else word for word in shlex.split(command)[1:]]
    assert understood(words)


def test_every_extra_is_listed() -> None:
    extras = set(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    (listed,) = re.findall(r"^Extras: .*?(?=\n\n)", README, flags=re.DOTALL | re.MULTILINE)
    assert extras <= set(re.findall(r"`([a-z]+)`", listed))
