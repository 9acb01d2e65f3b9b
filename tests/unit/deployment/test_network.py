"""Where the chart lets its pods go."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from api.outbound.urls import UrlRules
from tests.unit.deployment.chart import EVERYTHING, Object, merged, of_kind, rendered, values

STORES = {5432, 6379, 443}
ABROAD = {"ingest", "webhooks"}
"""Who talks to addresses that tenants name."""
TAKEN = set(UrlRules().ports or ())
"""Ports that may stand in such an address."""
PUBLIC = ("93.184.216.34", "8.8.8.8", "2606:2800:220:1::1")
INSIDE = (
    "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "192.0.0.192", "224.0.0.1",
    "0.0.0.1", "255.255.255.255", "fd00::1", "fe80::1", "::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::", "fec0::1", "ff02::1", "2001::1",
)  # fmt: skip


def egress(policy: Object) -> list[Object]:
    """What a policy lets out."""
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    rules: list[Object] = policy["spec"]["egress"]
    return rules


def reaches(rule: Object, address: str) -> bool:
    """Whether a rule lets its pods go to an address."""
    found: IPv4Address | IPv6Address = ip_address(address)
    return any(
        found in ip_network(block["cidr"]) and not any(found in ip_network(part) for part in block.get("except", ()))
        for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer)
    )


def test_every_pod_has_a_policy() -> None:
    assert set(of_kind(EVERYTHING, "NetworkPolicy")) == set(of_kind(EVERYTHING, "Deployment", "Job"))


@pytest.mark.parametrize("name", sorted(of_kind(EVERYTHING, "NetworkPolicy")))
def test_every_rule_says_where_to(name: str) -> None:
    """A rule without `to` lets out to everywhere, one without `ports` on every port."""
    for rule in egress(of_kind(EVERYTHING, "NetworkPolicy")[name]):
        assert rule["to"]
        assert rule["ports"]


@pytest.mark.parametrize("name", sorted(of_kind(EVERYTHING, "Deployment")))
def test_only_ingest_and_webhooks_reach_the_internet(name: str) -> None:
    rules = egress(of_kind(EVERYTHING, "NetworkPolicy")[name])
    ports = STORES | {53} | (TAKEN if name in ABROAD else set())
    assert {port["port"] for rule in rules for port in rule["ports"]} == ports
    for address in PUBLIC:
        assert any(reaches(rule, address) for rule in rules) == (name in ABROAD)


@pytest.mark.parametrize("name", sorted(ABROAD))
def test_every_port_that_the_api_takes_in_an_address_can_be_reached(name: str) -> None:
    """What it accepts and the network then drops would end in a time-out that nobody understands."""
    rules = egress(of_kind("default", "NetworkPolicy")[name])
    (abroad,) = [rule for rule in rules if reaches(rule, PUBLIC[0])]
    assert {port["port"] for port in abroad["ports"]} == TAKEN


@pytest.mark.parametrize("name", sorted(ABROAD))
@pytest.mark.parametrize("address", INSIDE)
def test_the_way_out_does_not_lead_inside(name: str, address: str) -> None:
    abroad = [rule for rule in egress(of_kind(EVERYTHING, "NetworkPolicy")[name]) if reaches(rule, PUBLIC[0])]
    assert len(abroad) == 1
    assert not reaches(abroad[0], address)


def test_jobs_reach_no_more_than_they_need() -> None:
    policies = of_kind(EVERYTHING, "NetworkPolicy")
    assert [{port["port"] for port in rule["ports"]} for rule in egress(policies["migrate"])] == [{53}, {5432}]
    assert [{port["port"] for port in rule["ports"]} for rule in egress(policies["models"])] == [{53}, {443, 8443}]


def test_nobody_is_let_in_but_to_the_api_and_the_metrics() -> None:
    policies = of_kind("default", "NetworkPolicy")
    assert policies["api"]["spec"]["ingress"] == [{"ports": [{"port": "http", "protocol": "TCP"}]}]
    assert all(one["spec"]["ingress"] == [] for name, one in policies.items() if name != "api")
    monitored = of_kind("existing-secret", "NetworkPolicy")["webhooks"]["spec"]["ingress"]
    assert [[port["port"] for port in rule["ports"]] for rule in monitored] == [["metrics"]]
    assert all(rule["from"] for rule in monitored)


def test_more_can_be_let_out_for_all() -> None:
    rule = {"to": [{"ipBlock": {"cidr": "10.9.9.9/32"}}], "ports": [{"port": 4317, "protocol": "TCP"}]}
    found = rendered(merged(values("default"), {"networkPolicy": {"extraEgress": [rule]}}))
    policies = [one for one in found if one["kind"] == "NetworkPolicy"]
    assert policies
    assert all(rule in egress(one) for one in policies)


def test_policies_can_be_left_to_the_cluster() -> None:
    found = rendered(merged(values("default"), {"networkPolicy": {"enabled": False}}))
    assert "NetworkPolicy" not in {one["kind"] for one in found}
