"""Server-side request forgery: no user can make the service connect to what only the service can reach.

Every forbidden host, however spelled, as a literal, as the answer of a name service and as the target of a redirect,
for recordings and for webhooks. A network that takes note of every connection proves that there is none.
"""

from __future__ import annotations

import io

import pytest

from api.outbound.client import MAX_REDIRECTS
from api.outbound.errors import UrlNotAllowed
from api.outbound.faults import Fault
from api.outbound.urls import UrlRules
from tests.unit.api.outbound.fakes import OTHER_PUBLIC, PUBLIC, WAV, FakeNames, RecordingNetwork, fake_client, reply
from tests.unit.api.outbound.forbidden import DENIED_ADDRESSES, DENIED_SPELLINGS, in_url

HOSTS = [in_url(address) for address in DENIED_ADDRESSES] + list(DENIED_SPELLINGS)
SOURCE = "https://recordings.example/a.wav"
OPEN_RULES = UrlRules(ports=None, allow_http=True)
"""The loosest that can be set without naming a network."""


def names() -> FakeNames:
    table = {host.lower().rstrip("."): [[address]] for host, address in DENIED_SPELLINGS.items()}
    return FakeNames({**table, "recordings.example": [[PUBLIC]], "hooks.example": [[PUBLIC]]})


def test_table_holds_at_least_sixty_hosts() -> None:
    assert len(set(HOSTS)) >= 60


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("host", HOSTS)
def test_forbidden_host_is_never_connected_to(host: str, scheme: str) -> None:
    network = RecordingNetwork()
    client = fake_client(network, names(), OPEN_RULES)
    with pytest.raises(UrlNotAllowed):
        client.fetch(f"{scheme}://{host}/latest/meta-data/", io.BytesIO())
    assert client.post(f"{scheme}://{host}/", b"{}", {}).error == Fault.URL_NOT_ALLOWED
    assert network.connections == []


@pytest.mark.parametrize("address", DENIED_ADDRESSES)
@pytest.mark.parametrize("others", [(), (PUBLIC,), (PUBLIC, OTHER_PUBLIC)])
def test_name_is_refused_when_any_of_its_addresses_is_forbidden(address: str, others: tuple[str, ...]) -> None:
    for answer in ([*others, address], [address, *others]):
        network = RecordingNetwork()
        client = fake_client(network, FakeNames({"recordings.example": [answer]}))
        with pytest.raises(UrlNotAllowed):
            client.fetch(SOURCE, io.BytesIO())
        assert client.post(SOURCE, b"{}", {}).error == Fault.URL_NOT_ALLOWED
        assert network.connections == []


@pytest.mark.parametrize("host", HOSTS)
def test_redirect_to_a_forbidden_host_is_not_followed(host: str) -> None:
    for location in (f"https://{host}/", f"//{host}/"):
        network = RecordingNetwork(reply(302, b"", location=location))
        with pytest.raises(UrlNotAllowed):
            fake_client(network, names(), OPEN_RULES).fetch(SOURCE, io.BytesIO())
        assert network.connections == [(PUBLIC, 443)]


@pytest.mark.parametrize("host", HOSTS)
def test_redirect_of_a_webhook_is_not_followed_anywhere(host: str) -> None:
    network = RecordingNetwork(reply(307, b"", location=f"https://{host}/"))
    posted = fake_client(network, names()).post("https://hooks.example/", b"{}", {})
    assert (posted.status, posted.error, posted.accepted) == (307, Fault.REDIRECT, False)
    assert network.connections == [(PUBLIC, 443)]


def test_last_allowed_redirect_is_checked_like_the_first() -> None:
    hops = [reply(302, b"", location=SOURCE) for _ in range(MAX_REDIRECTS - 1)]
    network = RecordingNetwork(*hops, reply(302, b"", location="https://169.254.169.254/"))
    with pytest.raises(UrlNotAllowed):
        fake_client(network, names()).fetch(SOURCE, io.BytesIO())
    assert network.connections == [(PUBLIC, 443)] * MAX_REDIRECTS


def test_name_that_changes_its_address_after_the_check_gains_nothing() -> None:
    """One look-up serves both the check and the connection: there is no second one to be lied to in."""
    network = RecordingNetwork(reply())
    lying = FakeNames({"recordings.example": [[PUBLIC], ["169.254.169.254"]]})
    fetched = fake_client(network, lying).fetch(SOURCE, io.BytesIO())
    assert fetched.bytes == len(WAV)
    assert network.connections == [(PUBLIC, 443)]
    assert lying.asked == ["recordings.example"]


def test_name_that_changes_its_address_between_two_requests_is_refused_then() -> None:
    network = RecordingNetwork(reply())
    client = fake_client(network, FakeNames({"recordings.example": [[PUBLIC], ["10.0.0.1"]]}))
    client.fetch(SOURCE, io.BytesIO())
    with pytest.raises(UrlNotAllowed):
        client.fetch(SOURCE, io.BytesIO())
    assert network.connections == [(PUBLIC, 443)]


def test_name_that_changes_its_address_between_two_hops_is_refused_then() -> None:
    network = RecordingNetwork(reply(302, b"", location="/again"))
    client = fake_client(network, FakeNames({"recordings.example": [[PUBLIC], ["127.0.0.1"]]}))
    with pytest.raises(UrlNotAllowed):
        client.fetch(SOURCE, io.BytesIO())
    assert network.connections == [(PUBLIC, 443)]


def test_refusal_does_not_say_what_lies_behind() -> None:
    """The same words for every address, so that nobody can map a network by asking."""
    said = set()
    for address in DENIED_ADDRESSES:
        with pytest.raises(UrlNotAllowed) as refusal:
            fake_client(RecordingNetwork(), FakeNames({"recordings.example": [[address]]})).fetch(SOURCE, io.BytesIO())
        said.add(str(refusal.value))
    assert said == {"The URL is not one that this service connects to."}


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:3128")
    network = RecordingNetwork(reply())
    fake_client(network, names()).fetch(SOURCE, io.BytesIO())
    assert network.connections == [(PUBLIC, 443)]
