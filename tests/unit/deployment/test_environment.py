"""Every process finds its settings: those it needs, and none that nobody reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.settings import Settings
from tests.conftest import REPOSITORY
from tests.unit.deployment import compose
from tests.unit.deployment.chart import EVERYTHING, VARIANTS, environment, of_kind, pods

READ = {f"HANSARD_{name.upper()}" for name in Settings.model_fields} | {
    "HANSARD_CACHE",
    "HANSARD_MODELS",
    "HANSARD_OFFLINE",
}
"""Variables that something reads: api/settings.py and pipeline/models/store.py."""
FILES = sorted(
    path
    for top in ("docker", "helm")
    for path in (REPOSITORY / top).rglob("*")
    if path.is_file() and path.name != ".env"
)
ALL = [*VARIANTS, EVERYTHING]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_variables_that_are_named_are_read(path: Path) -> None:
    assert set(re.findall(r"HANSARD_[A-Z0-9_]*[A-Z0-9]", path.read_text())) <= READ


@pytest.mark.parametrize("variant", ALL)
def test_pods_start_with_settings_that_are_accepted(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, pod in pods(variant).items():
        given = environment(variant, pod)
        assert set(given) <= READ
        if name != "models":
            settings = accepted(given, monkeypatch)
            assert settings.s3_bucket in {"hansard", "example-hansard"}


@pytest.mark.parametrize("variant", ALL)
def test_only_the_migrations_get_the_owner_of_the_tables(variant: str) -> None:
    for name in of_kind(variant, "Deployment"):
        container = pods(variant)[name]["spec"]["containers"][0]
        assert "HANSARD_MIGRATION_URL" not in {entry["name"] for entry in container["env"]}
    migrate = pods(variant)["migrate"]["spec"]["containers"][0]
    assert "HANSARD_MIGRATION_URL" in {entry["name"] for entry in migrate["env"]}


def test_workers_that_run_models_never_fetch_any() -> None:
    for name, device in {"process-cpu": "cpu", "process-gpu": "cuda"}.items():
        given = environment(EVERYTHING, pods(EVERYTHING)[name])
        assert given["HANSARD_OFFLINE"] == "1"
        assert given["HANSARD_CACHE"] == "/models"
        assert given["HANSARD_DEVICE"] == device


def test_containers_start_with_settings_that_are_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    services = compose.resolved(compose.made_secrets(tmp_path))["services"]
    for name in set(services) - compose.STORES - {"models"}:
        given = services[name]["environment"]
        assert set(given) <= READ
        # One without a value is taken from docker/.env, or is not there.
        settings = accepted({name: value for name, value in given.items() if value is not None}, monkeypatch)
        assert settings.s3_endpoint == "http://seaweedfs:8333"
    assert services["process"]["environment"]["HANSARD_OFFLINE"] == "1"
    assert services["process-gpu"]["environment"]["HANSARD_DEVICE"] == "cuda"


def test_every_setting_of_the_service_can_be_given_to_containers(tmp_path: Path) -> None:
    services = compose.resolved(compose.made_secrets(tmp_path))["services"]
    of_all = {f"HANSARD_{name.upper()}" for name in Settings.model_fields} - {"HANSARD_DEVICE", "HANSARD_MIGRATION_URL"}
    for name in set(services) - compose.STORES - {"models"}:
        assert set(services[name]["environment"]) - {"HANSARD_DEVICE", "HANSARD_OFFLINE"} == of_all


def accepted(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a process with this environment would have."""
    with monkeypatch.context() as patch:
        for name in READ:
            patch.delenv(name, raising=False)
        for name, value in given.items():
            patch.setenv(name, value)
        return Settings.from_environment()
