"""How the API's objects read on a terminal, in a pipe, and for a program."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ZONE = re.compile(r"(\.\d+)?(Z|[+-]\d\d:\d\d)$")
PIPE_WIDTH = 240
"""Columns of a table where no terminal sets its width: no cell is folded."""


def plain(value: object) -> str:
    """Text that moves no cursor, whoever wrote it: what others named is shown on this terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", "" if value is None else str(value))


def print_json(item: Mapping[str, Any]) -> None:
    """Print an object on a line of its own."""
    typer.echo(json.dumps(item, ensure_ascii=False).encode("utf-8", errors="replace"))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows of text."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console = Console()
    console.print(table) if console.is_terminal else Console(width=PIPE_WIDTH).print(table)


def print_fields(item: Mapping[str, Any], indent: str = "") -> None:
    """Print an object, a field a line, those of objects in it further to the right."""
    for name, value in item.items():
        if isinstance(value, Mapping) and value:
            typer.echo(f"{indent}{plain(name)}:")
            print_fields(value, indent + "  ")
        else:
            typer.echo(f"{indent}{plain(name)}: {_value(value)}")


def when(text: str | None) -> str:
    """A moment to the second, as the API has it, in UTC."""
    return "" if text is None else _ZONE.sub("", text).replace("T", " ")


def percent(share: float) -> str:
    """`42%`."""
    return f"{share:.0%}"


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(plain(one) if isinstance(one, str) else plain(json.dumps(one)) for one in value) or "-"
    return "-" if value in (None, {}, "") else plain(value)
