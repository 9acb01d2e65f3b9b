"""What the API's image runs imports nothing that the image does not hold."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY
from tests.unit.deployment.test_images import requirements

PROCESSES = ("hansard", "api.http.app", "api.http.server", "api.migrations", "workers.serving")
"""Modules of the API, the dispatcher, the webhook worker and the migrations, and the command line in front of them."""
SCRIPT = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[2:]:
            raise ModuleNotFoundError(f"the image does not hold {name}", name=name)

sys.meta_path.insert(0, Absent())
importlib.import_module(sys.argv[1])
"""


def held(wanted: list[str]) -> set[str]:
    """Distributions that pip installs for some requirements, by what is installed here."""
    found: set[str] = set()
    waiting = [Requirement(line) for line in wanted]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        key = str(canonicalize_name(f"{name}[{','.join(sorted(one.extras))}]")) if one.extras else name
        if key in found:
            continue
        found |= {key, name}
        for line in requires(one.name) or ():
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
                waiting.append(inner)
    return found


@pytest.mark.parametrize("module", PROCESSES)
def test_processes_start_with_what_the_image_holds(module: str) -> None:
    """A package that only the model libraries bring is there on every developer's machine, and not in the image."""
    there = held(requirements(["api"])) | {"hansard"}
    absent = [
        name for name, owners in packages_distributions().items() if not there & set(map(canonicalize_name, owners))
    ]
    assert {"torch", "av", "ctranslate2"} <= set(absent)
    command = [sys.executable, "-c", SCRIPT, module, *absent]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
