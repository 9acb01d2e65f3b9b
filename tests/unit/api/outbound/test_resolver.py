"""Looking names up with the system's own resolver; no test here leaves the machine."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from threading import Event

import pytest

from api.outbound.addresses import is_denied
from api.outbound.resolver import NameNotResolved, system_resolver


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1"])
def test_every_spelling_of_the_loopback_is_resolved_and_denied(spelling: str) -> None:
    addresses = system_resolver(spelling, 5)
    assert addresses == (ip_address("127.0.0.1"),)
    assert is_denied(addresses[0])


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_name_that_cannot_be_asked_for_has_no_address(host: str) -> None:
    with pytest.raises(NameNotResolved):
        system_resolver(host, 5)


def test_name_without_an_address_is_not_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NameNotResolved):
        system_resolver("nowhere.example", 5)


def test_addresses_come_once_each_in_the_order_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [("::2", 0, 0, 0), ("192.0.2.1", 0), ("::2", 0, 0, 0)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", address) for address in found])
    assert system_resolver("two.example", 5) == (ip_address("::2"), ip_address("192.0.2.1"))


def test_name_service_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = Event()

    def silent(*_: object, **__: object) -> list[object]:
        over.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        with pytest.raises(TimeoutError):
            system_resolver("silent.example", 0.05)
    finally:
        over.set()
