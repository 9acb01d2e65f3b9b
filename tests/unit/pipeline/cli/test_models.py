from __future__ import annotations

import pytest

from pipeline.cli.models import STARTERS
from tests.unit.pipeline.cli.conftest import Cli
from tests.unit.pipeline.cli.fakes import FakeLoader, FakeStore


@pytest.fixture
def store(loader: FakeLoader) -> FakeStore:
    return loader.models


def test_list_shows_what_is_known_and_what_is_here(cli: Cli, store: FakeStore) -> None:
    store.here = {"campplus": True}
    result = cli("models", "list")
    rows = {line.split()[0]: line.split() for line in result.out.splitlines()}
    assert rows["campplus"][1:6] == ["embedding", "28", "MB", "Apache-2.0", "yes"]
    assert rows["ecapa"][-2] == "no"


def test_pull_without_a_name_fetches_what_transcribes(cli: Cli, store: FakeStore) -> None:
    assert cli("models", "pull").code == 0
    assert store.pulled == list(STARTERS)


def test_pull_goes_on_after_a_model_that_cannot_be_had(cli: Cli, store: FakeStore) -> None:
    store.unavailable = {"campplus"}
    result = cli("models", "pull", "campplus", "ecapa")
    assert result.code == 1
    assert "campplus: failed: " in result.err
    assert "[model-unavailable]" in result.err
    assert store.pulled == ["ecapa"]


def test_path_is_all_that_path_prints(cli: Cli) -> None:
    assert cli("models", "path", "campplus").out == "/models/campplus\n"


def test_verify_tells_a_damaged_model(cli: Cli, store: FakeStore) -> None:
    store.here = {"campplus": True, "ecapa": False}
    result = cli("models", "verify")
    assert result.code == 1
    assert result.out.splitlines()[0] == "campplus: ok"
    assert result.out.splitlines()[1].startswith("ecapa: differs")


def test_verify_of_intact_models_succeeds(cli: Cli, store: FakeStore) -> None:
    store.here = {"campplus": True, "ecapa": False}
    assert cli("models", "verify", "campplus").code == 0


def test_verify_of_an_absent_model_fails(cli: Cli) -> None:
    result = cli("models", "verify", "campplus")
    assert result.code == 1
    assert "not here" in result.out


def test_verify_of_an_unknown_name_is_misuse(cli: Cli) -> None:
    result = cli("models", "verify", "abacus")
    assert result.code == 2
    assert "[unknown-model]" in result.err
