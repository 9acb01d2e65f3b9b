"""The compose file as Docker reads it, with the secrets that its README makes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY

DOCKER = REPOSITORY / "docker"
STORES = {"postgres", "valkey", "seaweedfs"}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def resolved(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables filled in; one that is needed and absent is a KeyError."""

    def fill(match: re.Match[str]) -> str:
        name, operator, default = match.groups()
        return variables.get(name) or default if operator == "-" else variables[name]

    text = VARIABLE.sub(fill, (DOCKER / "compose.yaml").read_text())
    result: dict[str, Any] = yaml.safe_load(text)
    return result


def made_secrets(folder: Path) -> dict[str, str]:
    """What the first commands of docker/README.md put into docker/.env, run in a folder."""
    (commands,) = re.findall(r"```bash\n(\(\n.*?)```", (DOCKER / "README.md").read_text(), flags=re.DOTALL)
    (folder / "docker").mkdir()
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-euc", commands], cwd=folder, check=True)
    lines = (folder / "docker" / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)
