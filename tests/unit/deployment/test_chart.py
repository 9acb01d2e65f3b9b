"""The chart renders to what Kubernetes takes, and refuses what it does not know."""

from __future__ import annotations

import tomllib

import helm_python
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from api.settings import Settings
from tests.conftest import REPOSITORY
from tests.unit.deployment.chart import (
    CHART,
    EVERYTHING,
    KUBERNETES,
    VARIANTS,
    Object,
    merged,
    objects,
    of_kind,
    rendered,
    values,
)

ALL = [*VARIANTS, EVERYTHING]
OF_OPERATORS = {"keda.sh", "monitoring.coreos.com"}
"""API groups that Kubernetes itself does not know."""
SET_BY_ROLE = {"device", "places", "threads"}
"""Settings that differ between the Deployments."""


@pytest.mark.parametrize("variant", ALL)
def test_objects_are_valid_to_the_letter(variant: str) -> None:
    """No unknown field, no wrong type: Kubernetes drops a misspelt field without a word."""
    for one in objects(variant):
        if one["apiVersion"].split("/")[0] not in OF_OPERATORS:
            kubernetes_validate.validate(one, KUBERNETES, strict=True)


def test_validation_would_notice_a_misspelt_field() -> None:
    service = merged(of_kind("default", "Service")[""], {"spec": {"prots": []}})
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, KUBERNETES, strict=True)


@pytest.mark.parametrize("variant", ALL)
def test_lint_finds_nothing(variant: str) -> None:
    report = helm_python.lint(CHART, values(variant), strict=True, kube_version=f"v{KUBERNETES}.0")
    found = [message["error"] for message in report["messages"]]
    assert (report["errors"], found) == ([], ["icon is recommended"])


@pytest.mark.parametrize("variant", ALL)
def test_no_two_objects_share_a_name(variant: str) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in objects(variant)]
    assert len(set(names)) == len(names)
    assert {one["metadata"]["namespace"] for one in objects(variant)} == {"speech"}


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("default", {"api", "dispatcher", "ingest", "process-cpu", "webhooks"}),
        ("gpu", {"api", "dispatcher", "ingest", "process-gpu", "webhooks"}),
        ("existing-secret", {"api", "dispatcher", "ingest", "process-cpu", "webhooks"}),
        ("minimal", {"api", "dispatcher", "ingest", "process-cpu", "webhooks"}),
        (EVERYTHING, {"api", "dispatcher", "ingest", "process-cpu", "process-gpu", "webhooks"}),
    ],
)
def test_every_role_has_its_deployment(variant: str, expected: set[str]) -> None:
    assert set(of_kind(variant, "Deployment")) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"ingres": {"enabled": True}},
        {"api": {"replica": 2}},
        {"processGpu": {"gpu": {"cuont": 1}}},
        {"settings": {"s3_buckett": "speech"}},
        {"settings": {"database_url": "postgresql://in/plain"}},
        {"images": {"api": {"tag": "latest"}}},
        {"models": {"source": "download"}},
        {"models": {"source": "claim"}},
        {"models": {"source": "image", "claim": "unused"}},
        {"secrets": {"existingSecret": "beside-those-given"}},
        {"networkPolicy": {"s3": {"to": []}}},
        {"ingest": {"autoscaling": {"maxReplicas": 0}}},
        {"api": {"resources": {"limits": {"memory": "1Gi"}}, "replicas": "two"}},
    ],
    ids=str,
)
def test_wrong_values_are_refused(wrong: Object) -> None:
    with pytest.raises(helm_python.HelmValuesError):
        rendered(merged(values("default"), wrong))


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"secrets": {"database_url": ""}}, "secrets.database_url"),
        ({"secrets": {"redis_url": ""}}, "secrets.redis_url"),
        ({"secrets": {"secret_keys": ""}}, "secrets.secret_keys"),
        ({"ingress": {"enabled": True}}, "ingress.host"),
    ],
    ids=str,
)
def test_what_is_missing_is_named(missing: Object, named: str) -> None:
    with pytest.raises(helm_python.HelmRenderError, match=named):
        rendered(merged(values("default"), missing))


def test_values_are_all_in_the_schema_and_the_other_way_round() -> None:
    """A value without a schema is refused; a schema without a value is one that nobody finds."""
    with helm_python.Chart.load(CHART) as chart:
        schema, defaults = chart.schema, chart.values
    assert schema is not None
    assert set(schema["properties"]) - {"global"} == set(defaults)


def test_every_setting_of_the_service_can_be_set() -> None:
    with helm_python.Chart.load(CHART) as chart:
        schema = chart.schema
    assert schema is not None
    secrets = set(schema["properties"]["secrets"]["properties"]) - {"existingSecret"}
    assert set(schema["properties"]["settings"]["properties"]) | secrets | SET_BY_ROLE == set(Settings.model_fields)


def test_numbers_and_lists_reach_the_service_as_they_are_written() -> None:
    """5,000,000,000 is a float in a template, and would come out as 5e+09."""
    given: Object = {"max_upload_bytes": 5_000_000_000, "max_audio_seconds": 0.5, "allow_http_sources": False}
    given |= {"allowed_networks": ["10.0.0.0/8", "192.168.0.0/16"]}
    found = rendered(merged(values("default"), {"settings": given}))
    settings = next(one["data"] for one in found if one["kind"] == "ConfigMap")
    assert settings["HANSARD_MAX_UPLOAD_BYTES"] == "5000000000"
    assert settings["HANSARD_MAX_AUDIO_SECONDS"] == "0.5"
    assert settings["HANSARD_ALLOW_HTTP_SOURCES"] == "false"
    assert settings["HANSARD_ALLOWED_NETWORKS"] == "10.0.0.0/8,192.168.0.0/16"


def test_images_are_those_of_this_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == project["version"]


def test_a_digest_takes_the_place_of_the_tag() -> None:
    digest = f"sha256:{'a' * 64}"
    found = rendered(merged(values("default"), {"images": {"registry": "r.example/x/", "api": {"digest": digest}}}))
    images = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"]
        for one in found
        if one["kind"] == "Deployment"
    }
    assert images["demo-hansard-api"] == f"r.example/x/hansard-api@{digest}"
    assert images["demo-hansard-ingest"] == "r.example/x/hansard-worker-cpu:0.1.0"
