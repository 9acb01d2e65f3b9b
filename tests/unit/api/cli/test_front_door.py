from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from api.cli import COMMANDS, GROUPS
from tests.conftest import REPOSITORY
from tests.unit.api.cli.conftest import Cli, Serve
from tests.unit.api.client.service import JOB_ID, problem

HEAVY = ("httpx", "rich", "pydantic", "sqlalchemy", "numpy", "fastapi", "celery")


def test_importing_the_commands_loads_nothing_but_typer() -> None:
    script = f"import sys, api.cli; print(sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"


def test_the_client_loads_neither_tables_nor_schemas() -> None:
    """It is meant for machines that only talk to a service."""
    script = f"import sys, api.client; print(sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert "sqlalchemy" not in done.stdout
    assert "pydantic" not in done.stdout
    assert "numpy" not in done.stdout


def test_every_command_has_help(cli: Cli) -> None:
    for function in COMMANDS:
        assert cli(function.__name__.replace("_", "-"), "--help").code == 0
    for name, group in GROUPS.items():
        for command in group.registered_commands:
            assert command.callback is not None
            assert cli(name, command.name or command.callback.__name__, "--help").code == 0


def test_a_service_that_is_not_named_is_asked_for(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HANSARD_URL", "HANSARD_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    result = cli("jobs", "list")
    assert result.code == 2
    for word in ("HANSARD_URL", "--url", "HANSARD_API_KEY", "--key", "hansard up"):
        assert word in result.err
    assert "HANSARD_URL" not in cli("jobs", "list", "--url", "http://127.0.0.1:1").err


def test_the_command_line_overrules_the_environment(cli: Cli, serve: Serve) -> None:
    service = serve(httpx.Response(200, json={"items": [], "next_cursor": None}))
    assert cli("jobs", "list", "--url", "https://other.test", "--key", "hs_live_other").code == 0
    assert service.requests[0].url.host == "other.test"
    assert service.requests[0].headers["authorization"] == "Bearer hs_live_other"


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (httpx.ConnectError("refused"), 1, "[api-unreachable] (`hansard up`"),
        (problem("invalid-api-key", 401), 1, "[invalid-api-key] (check HANSARD_API_KEY or --key)"),
        (problem("not-found", 404, "there is nothing of that id"), 1, "there is nothing of that id [not-found]"),
        (problem("validation-error", 422), 2, "[validation-error]"),
        (httpx.Response(502, text="<html>"), 1, "[http-502]"),
    ],
)
def test_an_error_is_one_line_with_its_slug(
    answer: httpx.Response | Exception, code: int, told: str, cli: Cli, serve: Serve
) -> None:
    serve(answer)
    result = cli("jobs", "show", JOB_ID)
    assert (result.code, result.out) == (code, "")
    assert told in result.err
    assert result.err.count("\n") == 1


def test_what_has_to_be_installed_is_named(cli: Cli, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(httpx.Response(200, json={}))
    monkeypatch.setitem(sys.modules, "httpx", None)
    result = cli("jobs", "list")
    assert result.code == 1
    assert "hansard[client]" in result.err


def test_what_is_no_id_is_refused_before_anything_is_asked(cli: Cli, serve: Serve) -> None:
    service = serve(httpx.Response(200, json={}))
    assert cli("jobs", "show", "../recordings").code == 2
    assert service.requests == []
