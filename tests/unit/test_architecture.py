"""Rules of the code base that no linter knows."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SOURCES = sorted([REPOSITORY / "hansard.py", *REPOSITORY.glob("pipeline/**/*.py")])
MODEL_LIBRARIES = ("torch", "ctranslate2", "faster_whisper", "av", "matplotlib", "pyannote")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
DRAWERS = {"utils", "util", "helpers", "common", "misc"}
"""Names for modules that hold whatever was at hand."""


def ident(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("module", ["hansard", "pipeline", "pipeline.types", "pipeline.formats", "pipeline.models"])
def test_light_modules_load_no_model_library(module: str) -> None:
    script = f"import sys, {module}; print(sorted({set(MODEL_LIBRARIES)} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"


def test_of_the_library_only_the_model_store_reads_the_environment() -> None:
    readers = {
        ident(path)
        for path in SOURCES
        if path.name != "hansard.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
        and (node.attr if isinstance(node, ast.Attribute) else node.id) in {"environ", "environb", "getenv", "putenv"}
    }
    assert readers == {"pipeline/models/store.py"}


@pytest.mark.parametrize("path", SOURCES, ids=ident)
def test_module_fits_a_reader(path: Path) -> None:
    """No module is long, none of its functions is, and its name says what it holds."""
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE
    long = [node.name for node in functions(path) if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION]
    assert long == []
    assert path.stem not in DRAWERS


def test_every_folder_of_code_is_a_package() -> None:
    """Without an __init__.py a folder is left out of the distribution, or hides the package it tests."""
    folders = {path.parent for top in ("pipeline", "tests") for path in REPOSITORY.glob(f"{top}/**/*.py")}
    assert [ident(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_tests_that_need_weights_are_integration_tests() -> None:
    unit = (REPOSITORY / "tests" / "unit").glob("**/*.py")
    assert [ident(path) for path in unit if f"mark.{'weights'}" in path.read_text()] == []
