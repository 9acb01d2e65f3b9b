"""Which IP addresses the service may connect to, whatever name led to them.

The list is our own. Python 3.11's `is_global` is true for 64:ff9b::a9fe:a9fe and 2002:a9fe:a9fe:: (both carry
169.254.169.254), 192.0.0.192 (a metadata service), 224.0.0.1, fec0::1 and ::127.0.0.1.

Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries, and the metadata addresses of the large clouds.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

DENIED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the own host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata service is 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent: a public address that only means the own host
        "169.254.0.0/16",  # link-local; 169.254.169.254 is most clouds' metadata service
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols; Oracle's metadata service is 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

GLOBAL_IPV6 = IPv6Network("2000::/3")
"""The only part of IPv6 that is handed out to the public. Outside it are, among others, loopback and unspecified,
IPv4 written as IPv6 (::/96, ::ffff:0:0/96), local NAT64 (64:ff9b:1::/48), discard (100::/64), segment routing
(5f00::/16), unique local (fc00::/7), link-local (fe80::/10), site-local (fec0::/10) and multicast (ff00::/8)."""

DENIED_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocols: Teredo (2001::/32), benchmarking (2001:2::/48), ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

NAT64 = IPv6Network("64:ff9b::/96")
"""How an IPv6-only network reaches IPv4 (RFC 6052). Denying it would cut such networks off from every IPv4 site, so the
address inside is judged instead."""


def is_denied(address: IPAddress, allowed: Iterable[IPNetwork] = ()) -> bool:
    """Whether the service must not connect to an address. Networks in `allowed` are exempt, by the operator's word."""
    if any(address in network for network in allowed):
        return False
    if isinstance(address, IPv4Address):
        return any(address in network for network in DENIED_IPV4)
    if address in NAT64:
        return is_denied(IPv4Address(int(address) & 0xFFFF_FFFF), allowed)
    return address not in GLOBAL_IPV6 or any(address in network for network in DENIED_IPV6)


def networks(*texts: str) -> tuple[IPNetwork, ...]:
    """Networks from their notation, for example "10.1.0.0/16" or "fd00::/8".

    Raises:
        ValueError: a text is no network, or has bits set beyond its prefix.
    """
    return tuple(ip_network(text) for text in texts)
