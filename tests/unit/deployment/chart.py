"""The chart as a cluster would get it, in the variants that the examples describe."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import helm_python
import yaml

from tests.conftest import REPOSITORY

HELM = REPOSITORY / "helm"
CHART = HELM / "hansard"
VARIANTS: Mapping[str, tuple[str, ...]] = {
    "default": ("default",),
    "gpu": ("default", "gpu"),
    "existing-secret": ("existing-secret",),
    "minimal": ("default", "minimal"),
}
"""The value files of each, later ones over earlier ones."""
EVERYTHING = "everything"
"""Both kinds of process workers, scaled by KEDA, models on a volume, metrics scraped: all that can be switched on."""
KUBERNETES = "1.33"
MADE_UP = "A" * 43 + "="
"""What a Secret of the user's holds: 32 bytes in base64, as a key has to be; of the others nothing is asked."""

Object = dict[str, Any]


def values(variant: str) -> Object:
    """What is given with `--values`."""
    files = VARIANTS.get(variant, ("existing-secret", "gpu"))
    given = merged(*(yaml.safe_load((HELM / "examples" / f"{name}.yaml").read_text()) for name in files))
    return merged(given, {"processCpu": {"enabled": True}}) if variant == EVERYTHING else given


def merged(*layers: Object) -> Object:
    """Mappings one over the other, as Helm does it."""
    result: Object = {}
    for layer in layers:
        for key, value in layer.items():
            below = result.get(key)
            result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def rendered(given: Object) -> list[Object]:
    """Every object of a release."""
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(given, name="demo", namespace="speech")
    manifests = [text for name, text in files.items() if not name.endswith("NOTES.txt")]
    return [one for text in manifests for one in yaml.safe_load_all(text) if one]


@cache
def objects(variant: str) -> tuple[Object, ...]:
    """Every object of a variant; not to be changed."""
    return tuple(rendered(values(variant)))


def of_kind(variant: str, *kinds: str) -> dict[str, Object]:
    """Objects of a variant by their name without the release's."""
    found = [one for one in objects(variant) if one["kind"] in kinds]
    return {one["metadata"]["name"].removeprefix("demo-hansard").removeprefix("-"): one for one in found}


def pods(variant: str) -> dict[str, Object]:
    """The pod templates of a variant, by the name of their Deployment or Job."""
    return {name: one["spec"]["template"] for name, one in of_kind(variant, "Deployment", "Job").items()}


def environment(variant: str, pod: Object) -> dict[str, str]:
    """What a pod's process finds in its environment. What a Secret of the user's holds is made up."""
    settings = {one["metadata"]["name"]: one["data"] for one in of_kind(variant, "ConfigMap").values()}
    secrets = {one["metadata"]["name"]: one["stringData"] for one in of_kind(variant, "Secret").values()}
    container = pod["spec"]["containers"][0]
    result: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        result |= settings[source["configMapRef"]["name"]]
    for variable in container.get("env", ()):
        result |= {variable["name"]: variable["value"]} if "value" in variable else _secret(variable, secrets)
    return result


def _secret(variable: Object, secrets: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    wanted = variable["valueFrom"]["secretKeyRef"]
    if wanted["name"] not in secrets:
        return {variable["name"]: MADE_UP}
    held = secrets[wanted["name"]]
    assert wanted.get("optional") or wanted["key"] in held, f"{wanted['key']} is in no Secret"
    return {variable["name"]: held[wanted["key"]]} if wanted["key"] in held else {}
