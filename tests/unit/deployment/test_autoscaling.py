"""What KEDA is told: objects that it takes, and questions that the database can answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from api.states import JobState, Pool
from api.tables import METADATA
from tests.unit.deployment.chart import EVERYTHING, Object, merged, objects, of_kind, rendered, values

POOLS = {"ingest", "process-cpu", "process-gpu", "webhooks"}
DELIVERY_STATES = {"pending"}


def closed(schema: Any) -> Any:
    """A schema that refuses fields it does not name: a cluster drops them without a word."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: closed(part) for key, part in schema.items()}
    # Of `metadata`, a resource definition says only that it is an object.
    return parts | {"additionalProperties": False} if "properties" in schema and "type" in schema else parts


def schema_of(folder: Path, one: Object) -> Any:
    """The schema of an object's kind and version."""
    for path in folder.glob(f"keda.sh_{one['kind'].lower()}s.yaml"):
        definition = yaml.safe_load(path.read_text())
        version = one["apiVersion"].split("/")[1]
        schemas = [v["schema"]["openAPIV3Schema"] for v in definition["spec"]["versions"] if v["name"] == version]
        return closed(schemas[0])
    pytest.fail(f"no resource definition for {one['kind']} in {folder}")


@pytest.mark.parametrize("variant", ["gpu", "existing-secret", EVERYTHING])
def test_objects_are_valid_to_the_letter(variant: str, keda: Path) -> None:
    found = [one for one in objects(variant) if one["apiVersion"].startswith("keda.sh/")]
    assert {one["kind"] for one in found} == {"ScaledObject", "TriggerAuthentication"}
    for one in found:
        jsonschema.validate(one, schema_of(keda, one))


def test_validation_would_notice_a_misspelt_field(keda: Path) -> None:
    wrong = merged(of_kind("gpu", "ScaledObject")["process-gpu"], {"spec": {"coldownPeriod": 1}})
    with pytest.raises(jsonschema.ValidationError, match="coldownPeriod"):
        jsonschema.validate(wrong, schema_of(keda, wrong))


def test_every_pool_is_scaled() -> None:
    scaled = of_kind(EVERYTHING, "ScaledObject")
    assert set(scaled) == POOLS
    for name, one in scaled.items():
        assert one["spec"]["scaleTargetRef"]["name"] == f"demo-hansard-{name}"


def test_whoever_is_scaled_has_no_number_of_replicas() -> None:
    """An upgrade would put it back."""
    fixed = {name for name, one in of_kind(EVERYTHING, "Deployment").items() if "replicas" in one["spec"]}
    assert fixed == set(of_kind(EVERYTHING, "Deployment")) - POOLS
    assert all("replicas" in one["spec"] for one in of_kind("default", "Deployment").values())
    assert not of_kind("default", "ScaledObject", "TriggerAuthentication")


def test_gpu_workers_go_when_there_is_no_work() -> None:
    least = {name: one["spec"]["minReplicaCount"] for name, one in of_kind(EVERYTHING, "ScaledObject").items()}
    assert least == {"ingest": 1, "process-cpu": 1, "process-gpu": 0, "webhooks": 1}


@pytest.mark.parametrize("name", sorted(POOLS))
def test_queries_name_what_is_in_the_tables(name: str) -> None:
    """A column or a state that is renamed is renamed there as well."""
    query = of_kind(EVERYTHING, "ScaledObject")[name]["spec"]["triggers"][0]["metadata"]["query"]
    (table,) = re.findall(r"FROM (\w+) WHERE", query)
    condition = query.split(" WHERE ")[1].split(" LIMIT ")[0]
    words = set(re.findall(r"(?<!')\b[a-z_]+\b(?!['(])", condition))
    assert words <= set(METADATA.tables[table].columns.keys())
    allowed = {*map(str, JobState), *map(str, Pool)} if table == "jobs" else DELIVERY_STATES
    assert set(re.findall(r"'(\w+)'", condition)) <= allowed


def test_running_jobs_keep_their_workers() -> None:
    for name in sorted(POOLS - {"webhooks"}):
        query = of_kind(EVERYTHING, "ScaledObject")[name]["spec"]["triggers"][0]["metadata"]["query"]
        assert f"pool = '{name.split('-')[0]}'" in query
        assert "state = 'running'" in query


def test_counting_ends_where_more_would_change_nothing() -> None:
    scaling = {"minReplicas": 0, "maxReplicas": 7, "jobsPerReplica": 3, "cooldownSeconds": 60}
    found = rendered(merged(values("gpu"), {"processGpu": {"autoscaling": scaling}}))
    one = next(x for x in found if x["kind"] == "ScaledObject" and x["metadata"]["name"].endswith("process-gpu"))
    metadata = one["spec"]["triggers"][0]["metadata"]
    assert " LIMIT 21)" in metadata["query"]
    assert metadata["targetQueryValue"] == "3"
    assert one["spec"]["maxReplicaCount"] == 7


def test_keda_connects_with_a_key_of_the_secret() -> None:
    (own,) = of_kind("existing-secret", "TriggerAuthentication").values()
    target = {"parameter": "connection", "name": "hansard-credentials", "key": "KEDA_DATABASE_URL"}
    assert own["spec"]["secretTargetRef"] == [target]
    triggers = [one["spec"]["triggers"][0] for one in of_kind("existing-secret", "ScaledObject").values()]
    assert {trigger["authenticationRef"]["name"] for trigger in triggers} == {own["metadata"]["name"]}
