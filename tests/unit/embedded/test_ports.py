from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from embedded import ports
from embedded.ports import LOOPBACK, is_free, remembered_ports

NAMES = [f"port {number}" for number in range(12)]


def test_ports_are_free_and_different(tmp_path: Path) -> None:
    chosen = remembered_ports(tmp_path / "ports.json", NAMES)
    assert list(chosen) == NAMES
    assert len(set(chosen.values())) == len(NAMES)
    assert all(is_free(port) for port in chosen.values())


def test_ports_are_the_same_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    assert remembered_ports(file, NAMES) == remembered_ports(file, NAMES)


def test_only_a_port_that_somebody_took_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    before = remembered_ports(file, ["a", "b"])
    with socket.create_server((LOOPBACK, before["a"])):
        after = remembered_ports(file, ["a", "b"])
    assert after["a"] != before["a"]
    assert after["b"] == before["b"]
    assert json.loads(file.read_text()) == after


def test_ports_that_are_not_asked_for_stay_remembered(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    both = remembered_ports(file, ["a", "b"])
    remembered_ports(file, ["a", "c"])
    assert remembered_ports(file, ["a", "b"]) == both


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": "1"}', '{"a": 0}', '{"a": 99999}'])
def test_a_damaged_memory_costs_only_the_old_ports(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(text)
    assert is_free(remembered_ports(file, ["a"])["a"])


def test_no_port_is_one_that_outgoing_connections_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a client that tries again while its server is down could take the server's port."""
    kernel = tmp_path / "range"
    kernel.write_text("31000\t60999\n")
    monkeypatch.setattr(ports, "EPHEMERAL_RANGE", kernel)
    chosen = remembered_ports(tmp_path / "ports.json", NAMES)
    assert all(20_000 <= port < 31_000 for port in chosen.values())


def test_where_nearly_all_ports_are_for_outgoing_connections_they_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = tmp_path / "range"
    kernel.write_text("1024\t65535\n")
    monkeypatch.setattr(ports, "EPHEMERAL_RANGE", kernel)
    assert len(remembered_ports(tmp_path / "ports.json", NAMES)) == len(NAMES)
