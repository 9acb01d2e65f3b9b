"""Reading and checking a URL that a user has named, before anything is looked up.

The parsed value is what the request is made from: no second parser reads the text again and understands it otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

import httpx

from api.outbound.addresses import IPAddress, IPNetwork, is_denied
from api.outbound.errors import UrlNotAllowed

LONGEST_URL = 8192
"""Characters. A presigned URL with a session token has up to about 2,000."""
HOST_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""Labels of letters, digits, hyphens and underscores. The last begins with a letter, because what ends in a number is
an IPv4 address to resolvers: 2130706433, 0x7f000001, 0177.0.0.1 and 127.1 are all 127.0.0.1."""
DEFAULT_PORT = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRules:
    """Which URLs the service takes."""

    ports: frozenset[int] | None = frozenset({443, 8443})
    """Ports that may be connected to; None for any."""
    allow_http: bool = False
    """Whether plain `http` is taken too: for development. Its port has to be among `ports`."""
    allowed_networks: tuple[IPNetwork, ...] = ()
    """Networks that may be connected to although they are private, for an installation with servers of its own."""


def parse_url(text: str, rules: UrlRules) -> httpx.URL:
    """A checked URL: scheme, port and host name are allowed, there is no user or password in it, and no fragment.

    A host given as an address is judged here. One given as a name is judged when it is connected to, by the addresses
    it then has.

    Raises:
        UrlNotAllowed: the URL is malformed or breaks a rule.
    """
    url = _parse(text)
    if url.scheme != "https" and not (rules.allow_http and url.scheme == "http"):
        message = "The URL has to begin with https://"
        raise UrlNotAllowed(message)
    if url.userinfo:
        message = "The URL must not hold a user name or password"
        raise UrlNotAllowed(message)
    if rules.ports is not None and port_of(url) not in rules.ports:
        message = f"The URL's port is not one of {', '.join(map(str, sorted(rules.ports)))}"
        raise UrlNotAllowed(message)
    address = literal(url)
    if address is None and not HOST_NAME.fullmatch(host_of(url)):
        message = "The URL holds no valid host name"
        raise UrlNotAllowed(message)
    if address is not None and is_denied(address, rules.allowed_networks):
        raise UrlNotAllowed
    return url.copy_with(fragment=None)


def host_of(url: httpx.URL) -> str:
    """The host as it is looked up and named to the server: ASCII, an IPv6 address without brackets."""
    return url.raw_host.decode("ascii")


def port_of(url: httpx.URL) -> int:
    """The port, by the scheme where the URL names none. 0 for a scheme that is not HTTP."""
    return url.port if url.port is not None else DEFAULT_PORT.get(url.scheme, 0)


def literal(url: httpx.URL) -> IPAddress | None:
    """The address that stands in place of the host name, if one does."""
    try:
        return ip_address(host_of(url))
    except ValueError:
        return None


def _parse(text: str) -> httpx.URL:
    # White space, control characters and backslashes are where parsers differ; a URL needs none of them.
    if len(text) > LONGEST_URL or re.search(r"[\s\\\x00-\x20\x7f-\xa0]", text):
        message = f"The URL is malformed, or longer than {LONGEST_URL} characters"
        raise UrlNotAllowed(message)
    try:
        return httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        message = "The URL is malformed"
        raise UrlNotAllowed(message) from None
