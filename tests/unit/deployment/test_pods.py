"""What the chart's pods may do, and how they come and go."""

from __future__ import annotations

import pytest

from api.http.state import UPLOADS_AT_ONCE
from api.settings import Settings
from api.storage.s3 import PART_BYTES
from embedded.system import DRAIN_SECONDS
from tests.unit.deployment.chart import EVERYTHING, VARIANTS, merged, objects, of_kind, pods, rendered, values

ALL = [*VARIANTS, EVERYTHING]
SCRATCH = "/tmp"  # noqa: S108 - the containers', not this machine's
POOLS = {"ingest": "ingest", "process-cpu": "process", "process-gpu": "process", "webhooks": "webhooks"}


@pytest.mark.parametrize("variant", ALL)
def test_pods_fit_the_restricted_security_standard(variant: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards, and a read-only root beside it."""
    for pod in pods(variant).values():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all({"emptyDir", "persistentVolumeClaim"} & set(volume) for volume in spec["volumes"])
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


@pytest.mark.parametrize("variant", ALL)
def test_containers_ask_for_what_they_need_and_are_bounded_in_memory(variant: str) -> None:
    for pod in pods(variant).values():
        resources = pod["spec"]["containers"][0]["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}
        assert "memory" in resources["limits"]
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod["spec"]["volumes"] if "emptyDir" in volume)


@pytest.mark.parametrize("variant", ALL)
def test_the_api_has_memory_for_all_uploads_that_it_takes_at_once(variant: str) -> None:
    """Up to three parts each, and one for what is not there for uploads: beyond its limit, a process is killed."""
    limit = pods(variant)["api"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    assert in_bytes(limit) >= UPLOADS_AT_ONCE * 4 * PART_BYTES


@pytest.mark.parametrize("variant", ALL)
def test_decoded_recordings_that_fit_into_memory_fit_on_the_disk(variant: str) -> None:
    """A sample takes four bytes in memory, and in a FLAC file at most two."""
    for name in {"process-cpu", "process-gpu"} & set(pods(variant)):
        limit = pods(variant)[name]["spec"]["containers"][0]["resources"]["limits"]["memory"]
        assert in_bytes(scratch(variant, name)) >= in_bytes(limit) / 2


@pytest.mark.parametrize("variant", ALL)
def test_recordings_that_are_decoded_at_once_fit_on_the_disk(variant: str) -> None:
    most = Settings.model_fields["max_upload_bytes"].default
    at_once = int(pods(variant)["ingest"]["spec"]["containers"][0]["args"][4])
    assert in_bytes(scratch(variant, "ingest")) > at_once * most


@pytest.mark.parametrize("variant", ALL)
def test_processes_have_time_to_hand_their_job_back(variant: str) -> None:
    for name in of_kind(variant, "Deployment"):
        assert pods(variant)[name]["spec"]["terminationGracePeriodSeconds"] == 120 > DRAIN_SECONDS


@pytest.mark.parametrize("variant", ALL)
def test_probes_ask_a_port_that_is_there(variant: str) -> None:
    for name in of_kind(variant, "Deployment"):
        container = pods(variant)[name]["spec"]["containers"][0]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        probes = [container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe")]
        assert {probe["path"] for probe in probes} == {"/healthz"}
        assert {probe["port"] for probe in probes} == set(ports)
        assert set(ports.values()) == {8000 if name == "api" else 9090}


def test_the_api_is_sent_requests_only_while_it_is_ready() -> None:
    container = pods("default")["api"]["spec"]["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["args"] == ["serve", "api", "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104 - a container's


@pytest.mark.parametrize(("name", "pool"), POOLS.items())
def test_workers_take_from_their_pool(name: str, pool: str) -> None:
    arguments = pods(EVERYTHING)[name]["spec"]["containers"][0]["args"]
    assert arguments[:4] == ["serve", "worker", pool, "--concurrency"]
    assert int(arguments[4]) > 0
    assert arguments[5:] == ["--metrics-port", "9090"]


@pytest.mark.parametrize("variant", ALL)
def test_selectors_find_the_pods_of_one_role_alone(variant: str) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(variant).items()}
    for kind in ("Deployment", "PodDisruptionBudget", "NetworkPolicy"):
        for name, one in of_kind(variant, kind).items():
            selector = one["spec"]["podSelector" if kind == "NetworkPolicy" else "selector"]["matchLabels"]
            assert [role for role in labels if selector.items() <= labels[role].items()] == [name]


def test_the_service_leads_to_the_api() -> None:
    selector = of_kind("default", "Service")[""]["spec"]["selector"]
    chosen = [name for name, pod in pods("default").items() if selector.items() <= pod["metadata"]["labels"].items()]
    assert chosen == ["api"]


def test_a_gpu_worker_holds_a_gpu() -> None:
    assert pods("gpu")["process-gpu"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_a_node_can_always_be_emptied() -> None:
    """A budget that keeps the only pod of a role would stop every upgrade of the cluster."""
    budgets = of_kind("default", "PodDisruptionBudget")
    assert set(budgets) == set(of_kind("default", "Deployment"))
    assert {one["spec"]["maxUnavailable"] for one in budgets.values()} == {1}
    assert not of_kind("minimal", "PodDisruptionBudget")


def test_jobs_before_an_install_need_nothing_that_comes_with_it() -> None:
    """Hooks run before the ConfigMap, the Secret and the service account of the chart are there."""
    for variant in ("default", EVERYTHING):
        hooks = {
            one["metadata"]["name"]
            for one in objects(variant)
            if "helm.sh/hook" in one["metadata"].get("annotations", {})
        }
        for name, job in of_kind(variant, "Job").items():
            assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
            spec = job["spec"]["template"]["spec"]
            assert "serviceAccountName" not in spec
            container = spec["containers"][0]
            assert "envFrom" not in container
            secrets = {entry["valueFrom"]["secretKeyRef"]["name"] for entry in container["env"] if "valueFrom" in entry}
            assert secrets <= hooks | {"hansard-credentials"}, name


def test_models_lie_on_a_volume_that_workers_cannot_change() -> None:
    mounts = {
        name: {
            mount["mountPath"]: mount.get("readOnly", False) for mount in pod["spec"]["containers"][0]["volumeMounts"]
        }
        for name, pod in pods(EVERYTHING).items()
    }
    assert mounts["process-gpu"] == mounts["process-cpu"] == {SCRATCH: False, "/models": True}
    assert mounts["models"] == {SCRATCH: False, "/models": False}
    assert mounts["ingest"] == {SCRATCH: False}
    assert pods("gpu")["models"]["spec"]["containers"][0]["args"][:2] == ["models", "pull"]
    assert "models" not in pods("default")


def test_every_kind_of_metrics_is_scraped() -> None:
    endpoints = of_kind("existing-secret", "PodMonitor")[""]["spec"]["podMetricsEndpoints"]
    ports = {
        port["name"]
        for name in of_kind("existing-secret", "Deployment")
        for port in pods("existing-secret")[name]["spec"]["containers"][0]["ports"]
    }
    assert {endpoint["port"] for endpoint in endpoints} == ports


def scratch(variant: str, name: str) -> str:
    """How large the folder is in which a pod keeps files."""
    (volume,) = [volume for volume in pods(variant)[name]["spec"]["volumes"] if volume["name"] == "tmp"]
    size: str = volume["emptyDir"]["sizeLimit"]
    return size


def in_bytes(quantity: str) -> int:
    """What a quantity like 512Mi comes to."""
    return int(quantity[:-2]) * {"Mi": 2**20, "Gi": 2**30}[quantity[-2:]]


def test_workers_of_a_kind_have_settings_of_their_own() -> None:
    own = {"pinned_models": ["whisper-small", "whisper-base.en"], "memory_bytes": 10_000_000_000}
    given = merged(values(EVERYTHING), {"processGpu": {"settings": own}})
    found = {
        one["metadata"]["name"]: {
            variable["name"]: variable.get("value")
            for variable in one["spec"]["template"]["spec"]["containers"][0].get("env", ())
        }
        for one in rendered(given)
        if one["kind"] == "Deployment"
    }
    gpu = found["demo-hansard-process-gpu"]
    assert gpu["HANSARD_PINNED_MODELS"] == "whisper-small,whisper-base.en"
    assert gpu["HANSARD_MEMORY_BYTES"] == "10000000000"
    others = [variables for name, variables in found.items() if not name.endswith("gpu")]
    assert not any("HANSARD_MEMORY_BYTES" in variables for variables in others)
