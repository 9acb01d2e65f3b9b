"""`hansard version`: what is installed, for a bug report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import typer

PARTS = ("torch", "ctranslate2", "faster-whisper", "av", "pocketsphinx", "numpy", "scipy")
"""Libraries whose version can change a result."""


def name_and_version() -> str:
    """`hansard 1.2.3`."""
    return f"hansard {_installed('hansard')}"


def version() -> None:
    """Print the versions of hansard and of the libraries that shape its results."""
    typer.echo(name_and_version())
    typer.echo(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for part in PARTS:
        typer.echo(f"{part} {_installed(part)}")


def _installed(distribution: str) -> str:
    try:
        return installed(distribution)
    except PackageNotFoundError:
        return "not installed"
