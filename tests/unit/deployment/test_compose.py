"""The compose file brings up the same system as the chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.deployment.chart import pods
from tests.unit.deployment.compose import DOCKER, STORES, made_secrets, resolved

ONE_SHOT = {"migrate", "models"}
WORKERS = {"dispatcher", "webhooks", "ingest", "process", "process-gpu"}
HOLD_RECORDINGS = {"ingest", "process", "process-gpu"}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = resolved(made_secrets(tmp_path_factory.mktemp("compose")))["services"]
    return found


def test_the_readme_makes_every_secret_anew_and_for_its_owner_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    one, other = made_secrets(first), made_secrets(second)
    assert set(one) == set(other)
    assert all(one[name] != other[name] and len(one[name]) >= 20 for name in one)
    assert (first / "docker" / ".env").stat().st_mode & 0o077 == 0
    assert (DOCKER / ".gitignore").read_text().split() == [".env"]


def test_a_missing_secret_is_noticed() -> None:
    with pytest.raises(KeyError):
        resolved({})


def test_every_service_is_there(services: dict[str, Any]) -> None:
    assert set(services) == STORES | ONE_SHOT | WORKERS | {"api"}
    assert {name for name, service in services.items() if "profiles" in service} == {"process-gpu"}


def test_commands_are_those_of_the_chart(services: dict[str, Any]) -> None:
    for name, pod in pods("default").items():
        ours = services[{"process-cpu": "process"}.get(name, name)].get("command")
        theirs = pod["spec"]["containers"][0]["args"]
        # The API's is the image's own; how many at once is up to the machine.
        assert ours is None if name == "api" else ours[:3] == theirs[:3]


def test_images_are_exact_versions(services: dict[str, Any]) -> None:
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        assert tag[0].isdigit(), name
        assert "." in tag, name


def test_everything_that_serves_says_how_it_is(services: dict[str, Any]) -> None:
    for name in STORES | WORKERS:
        assert services[name]["healthcheck"]["test"], name
    # The image's own.
    assert "healthcheck" not in services["api"]
    assert all(services[name]["healthcheck"] == {"disable": True} for name in ONE_SHOT)


def test_processes_start_when_what_they_need_is_there(services: dict[str, Any]) -> None:
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in WORKERS | {"api"}:
        conditions = {other: how["condition"] for other, how in services[name]["depends_on"].items()}
        models = {"models": "service_completed_successfully"} if name.startswith("process") else {}
        assert conditions == models | {
            "migrate": "service_completed_successfully",
            "valkey": "service_healthy",
            "seaweedfs": "service_healthy",
        }


def test_our_processes_hold_no_rights(services: dict[str, Any]) -> None:
    for name in WORKERS | ONE_SHOT | {"api"}:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["stop_grace_period"] == "120s"
        # Somewhere to write: in memory, and for whole recordings on disk.
        assert service["tmpfs"] == ([] if name in HOLD_RECORDINGS else ["/tmp:mode=1777,size=512m"])  # noqa: S108


def test_recordings_pass_through_a_disk(services: dict[str, Any]) -> None:
    """Ten hours are more than a folder in memory holds, as they came and decoded alike."""
    for name in HOLD_RECORDINGS:
        (scratch,) = [volume for volume in services[name]["volumes"] if volume.endswith(":/tmp")]
        assert scratch == ("scratch:/tmp" if name == "ingest" else "process-scratch:/tmp")


def test_a_process_that_ends_is_started_again(services: dict[str, Any]) -> None:
    """However it ends: a worker whose GPU has failed ends itself in order, with status 0."""
    assert {services[name]["restart"] for name in STORES | WORKERS | {"api"}} == {"unless-stopped"}


def test_nothing_is_published_beyond_this_machine(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"api": ["127.0.0.1:8000:8000"], "seaweedfs": ["127.0.0.1:8333:8333"]}


def test_models_are_fetched_once_and_read_by_workers(services: dict[str, Any]) -> None:
    assert services["models"]["volumes"] == ["models:/models"]
    for name in ("process", "process-gpu"):
        assert "models:/models:ro" in services[name]["volumes"]
    assert services["models"]["environment"] == {}
