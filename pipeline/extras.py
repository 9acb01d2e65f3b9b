"""Packages that only some features need: imported where used, missed with a message that says what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pipeline.errors import MissingDependency


def require(module: str, extra: str) -> Any:  # noqa: ANN401 - modules without stubs have no better type
    """Import `module`, which comes with the optional extra `extra`.

    Raises `MissingDependency`, with the command that installs the extra, where the module is not there.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or module).split(".", maxsplit=1)[0]
        message = f'{package} is not installed; run: pip install "hansard[{extra}]"'
        raise MissingDependency(message) from error
