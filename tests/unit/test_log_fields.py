"""Everything that the code gives to the log and to traces may be said there: what may not is dropped without a word."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.logging import FIELDS
from tests.conftest import REPOSITORY

LEVELS = {"debug", "info", "warning", "error", "critical"}
WITH_TRACEBACK = {"exception"}
BINDERS = {"bind_contextvars", "bound_contextvars"}
SPANS = {"span", "record", "set"}
"""Names of `api.tracing`, and the method of a span."""
PARAMETERS = {"parent", "kind", "error"}
"""Arguments of those that are no fields."""
FILES = sorted(path for top in ("api", "workers", "embedded") for path in REPOSITORY.glob(f"{top}/**/*.py"))


def said(path: Path) -> Iterator[tuple[int, str | None]]:
    """Line and name of every field that a module gives away; None for what cannot be read off the code."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and gives(node.func):
            ignored = PARAMETERS if node.func.attr in SPANS else set()
            for keyword in node.keywords:
                names = {keyword.arg} if keyword.arg else spread(tree, keyword.value)
                yield from ((node.lineno, name) for name in names - ignored)


def gives(function: ast.Attribute) -> bool:
    """Whether a call is one that says something."""
    owner = function.value
    if function.attr in BINDERS:
        return True
    if not isinstance(owner, ast.Name):
        return False
    logs = owner.id in {"log", "logger"} and function.attr in LEVELS | WITH_TRACEBACK
    return logs or (owner.id in {"tracing", "span", "opened", "wrapped"} and function.attr in SPANS)


def spread(tree: ast.Module, value: ast.expr) -> set[str | None]:
    """Names in what stands behind two stars: a variable, or a function of the same module, that holds a dictionary."""
    if isinstance(value, ast.Name):
        literals = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and any(isinstance(to, ast.Name) and to.id == value.id for to in node.targets)
        ]
    elif isinstance(value, ast.Call) and ast.unparse(value.func) == "tracing.log_fields":
        return {"trace_id"}
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        called = value.func.id
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == called]
        literals = [part for one in functions for part in ast.walk(one) if isinstance(part, ast.Dict)]
    else:
        literals = []
    keys = [key for one in literals if isinstance(one, ast.Dict) for key in one.keys]
    names: set[str | None] = {str(key.value) if isinstance(key, ast.Constant) else None for key in keys}
    return names or {None}


def test_every_field_that_is_given_away_is_on_the_list() -> None:
    found = [(path, line, name) for path in FILES if path.name != "tracing.py" for line, name in said(path)]
    assert len({name for *_, name in found}) > 20
    assert [f"{path.name}:{line} {name}" for path, line, name in found if name not in FIELDS] == []


def test_no_traceback_is_logged() -> None:
    """It would be left out, and would hold what exceptions say; `api.logging.where` tells the way without."""
    calls = [
        f"{path.name}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in WITH_TRACEBACK and ast.unparse(node.value) == "log"
    ]
    assert calls == []


def test_every_event_has_one_place() -> None:
    """Two places that say the same make one occurrence look like two."""
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"log.{level}" for level in LEVELS}:
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno}"
                places.setdefault(str(node.args[0].value), []).append(f"{path.name}:{node.lineno}")
    assert {event: where for event, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("log.info('a', words=1, **more())\ndef more():\n    return {'secret': 1}", {"words", "secret"}),
        ("bound = {'job_id': 1}\nstructlog.contextvars.bound_contextvars(**bound)", {"job_id"}),
        ("log.info('a', **anything.at.all())", {None}),
        ("tracing.span('a', parent=None, stage=1)", {"stage"}),
    ],
)
def test_fields_are_found_however_they_are_given(code: str, names: set[str | None], tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(code)
    assert {name for _, name in said(path)} == names
