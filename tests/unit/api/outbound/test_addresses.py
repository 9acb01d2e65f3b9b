"""Which addresses may be connected to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.outbound.addresses import NAT64, is_denied, networks
from tests.unit.api.outbound.fakes import OTHER_PUBLIC, PUBLIC
from tests.unit.api.outbound.forbidden import DENIED_ADDRESSES


@pytest.mark.parametrize("address", DENIED_ADDRESSES)
def test_address_that_is_not_public_is_denied(address: str) -> None:
    assert is_denied(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC,
        OTHER_PUBLIC,
        "8.8.8.8",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "168.63.129.15",
        "2a00:1450:4001:800::200e",
    ],
)
def test_public_address_is_allowed(address: str) -> None:
    assert not is_denied(ip_address(address))


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_is_allowed_that_python_calls_private(address: IPv4Address | IPv6Address) -> None:
    """Ours denies more than the standard library, never less."""
    assert is_denied(address) or address.is_global


@given(st.ip_addresses(v=4))
def test_ipv4_address_behind_nat64_is_judged_as_itself(address: IPv4Address) -> None:
    """On an IPv6-only network every IPv4 site has such an address."""
    assert is_denied(NAT64[int(address)]) == is_denied(address)


@given(st.ip_addresses(v=4))
def test_ipv4_address_in_any_other_dress_is_denied(address: IPv4Address) -> None:
    number = int(address)
    mapped, compatible, six_to_four = 0xFFFF << 32 | number, number, 0x2002 << 112 | number << 80
    assert all(is_denied(IPv6Address(dressed)) for dressed in (mapped, compatible, six_to_four))


def test_network_named_by_the_operator_is_allowed_and_no_other() -> None:
    allowed = networks("10.1.0.0/16", "fd12::/16")
    assert not is_denied(ip_address("10.1.2.3"), allowed)
    assert not is_denied(ip_address("fd12::3"), allowed)
    assert not is_denied(ip_address("64:ff9b::10.1.2.3"), allowed)
    assert is_denied(ip_address("10.2.0.1"), allowed)
    assert is_denied(ip_address("fd13::3"), allowed)
    assert is_denied(ip_address("::ffff:10.1.2.3"), allowed)


@pytest.mark.parametrize("text", ["10.1.2.3/16", "10.0.0.0/33", "internal", ""])
def test_network_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|has host bits set"):
        networks(text)
