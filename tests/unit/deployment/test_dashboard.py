"""The dashboard and the alerts ask for what the code counts, and leave out nothing that it counts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from tests.conftest import REPOSITORY
from tests.unit.deployment.chart import CHART, EVERYTHING, HELM, Object, merged, of_kind, rendered, values

SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
UNITS = ("_seconds", "_bytes", "_ratio")
OF_TARGETS = {"job", "instance", "le"}
"""Labels that Prometheus itself gives to targets and buckets."""
OF_CLIENT = {"process_resident_memory_bytes"}
"""What every Python process exports by itself."""
DASHBOARD: Object = json.loads((CHART / "dashboards" / "hansard.json").read_text())
ALERTS: Object = yaml.safe_load((CHART / "alerts" / "hansard.yaml").read_text())
WORDS = {"sum", "max", "by", "rate", "increase", "time", "absent", "unless", "or", "ignoring", "group_left",
         "histogram_quantile"}  # fmt: skip
"""Of the query language, as far as it is used."""


def metrics() -> dict[str, MetricWrapperBase]:
    """Everything that the code counts, by name."""
    sources = [
        path
        for top in ("api", "workers")
        for path in REPOSITORY.glob(f"{top}/**/*.py")
        if re.search(r"^[A-Z_]+.* = (Counter|Gauge|Histogram)\(", path.read_text(), re.MULTILINE)
    ]
    modules = [import_module(".".join(path.relative_to(REPOSITORY).with_suffix("").parts)) for path in sources]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, MetricWrapperBase)]
    return {metric._name: metric for metric in found}


METRICS = metrics()
LABELS = {
    f"{name}{ending}": set(metric._labelnames)
    for name, metric in METRICS.items()
    for ending in SAMPLES[str(metric._type)]
}
"""Labels of every sample."""


def queries() -> Iterator[tuple[str, str]]:
    """Everything that is asked, by where."""
    for panel in DASHBOARD["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))
    for group in ALERTS["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])


def asked(query: str) -> set[str]:
    """Names of the samples in a query."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)|ignoring \([^)]*\)", " ", query)
    return set(re.findall(r"[a-z_]\w*", bare)) - WORDS


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_every_query_asks_for_samples_and_labels_that_there_are(where: str, query: str) -> None:
    samples = asked(query)
    assert samples
    assert samples <= LABELS.keys() | OF_CLIENT, where
    for name, selector in re.findall(r"([a-z_]\w*)\{([^}]*)\}", query):
        assert set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", selector)) <= LABELS.get(name, set()) | OF_TARGETS
    there = set().union(*(LABELS.get(name, set()) for name in samples)) | OF_TARGETS
    for group in re.findall(r"(?:by|ignoring) \(([^)]*)\)", query):
        assert set(group.split(", ")) <= there, where


@pytest.mark.parametrize(
    "panel", [one for one in DASHBOARD["panels"] if one["type"] != "row"], ids=lambda one: one["title"]
)
def test_legends_name_labels_that_the_query_leaves(panel: Any) -> None:
    for target in panel["targets"]:
        kept = [set(group.split(", ")) for group in re.findall(r"by \(([^)]*)\)", target["expr"])]
        there = set().union(*kept) if kept else set().union(*(LABELS.get(n, set()) for n in asked(target["expr"])))
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= there | OF_TARGETS


def test_everything_that_is_counted_is_shown() -> None:
    shown = {
        name for panel in DASHBOARD["panels"] for target in panel.get("targets", ()) for name in asked(target["expr"])
    }
    hidden = {
        name for name, metric in METRICS.items() if not shown & {f"{name}{end}" for end in SAMPLES[str(metric._type)]}
    }
    assert hidden == set()


def test_a_metric_that_there_is_not_would_be_noticed() -> None:
    assert asked('sum by (pool) (rate(hansard_no_such_total{pool="x"}[5m])) > 3') == {"hansard_no_such_total"}
    assert len(METRICS) > 25


@pytest.mark.parametrize("name", METRICS)
def test_names_follow_the_conventions_of_prometheus(name: str) -> None:
    metric = METRICS[name]
    assert re.fullmatch(r"hansard(_[a-z]+)+", name)
    assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_info", "_minutes", "_milliseconds", "_percent"))
    assert metric._documentation.endswith(".")
    if any(unit in name for unit in UNITS) and metric._type != "counter":
        assert name.endswith(UNITS)
    assert {"job_id", "recording_id", "request_id", "url", "endpoint"}.isdisjoint(metric._labelnames)


def test_panels_have_ids_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert rows == [
        "Traffic and queues",
        "Workers and speed",
        "Quality of results, by tenant and model",
        "Webhooks",
        "API",
    ]


def test_the_dashboard_asks_whichever_source_is_chosen() -> None:
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert all(panel["datasource"] == source for panel in DASHBOARD["panels"] if panel["type"] != "row")
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "tenant", "model"]
    assert variables["datasource"]["type"] == "datasource"


def test_alerts_say_what_is_wrong_and_what_it_may_be() -> None:
    for rule in ALERTS["groups"][0]["rules"]:
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_the_chart_brings_both_as_they_are_where_they_are_switched_on() -> None:
    dashboard = of_kind(EVERYTHING, "ConfigMap")["dashboard"]
    assert json.loads(dashboard["data"]["hansard.json"]) == DASHBOARD
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    (rule,) = of_kind(EVERYTHING, "PrometheusRule").values()
    assert rule["spec"] == ALERTS


def test_the_chart_brings_neither_by_default() -> None:
    assert "dashboard" not in of_kind("default", "ConfigMap")
    assert of_kind("default", "PrometheusRule") == {}


def test_labels_for_whoever_collects_them_can_be_set() -> None:
    given: Object = {
        "alerts": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboards": {"enabled": True, "labels": {"dashboards": "yes"}, "annotations": {"grafana_folder": "Speech"}},
    }
    found = {
        (one["kind"], one["metadata"]["name"]): one["metadata"] for one in rendered(merged(values("default"), given))
    }
    assert found["PrometheusRule", "demo-hansard"]["labels"]["release"] == "prometheus"
    made = found["ConfigMap", "demo-hansard-dashboard"]
    assert made["labels"]["dashboards"] == "yes"
    assert made["annotations"] == {"grafana_folder": "Speech"}


def test_the_readme_says_what_every_signal_of_quality_may_mean() -> None:
    text = (HELM / "README.md").read_text()
    signals = {name for name, metric in METRICS.items() if {"tenant", "model"} <= set(metric._labelnames)}
    assert {name for name in signals if f"`{name}" not in text} == set()
