"""Ports on loopback that stay the same from start to start."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOWEST = 20_000
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
ENOUGH = 1_000
"""Ports to choose among; where fewer lie below the ephemeral ones, those are taken as well."""
HIGHEST = 65_535


def remembered_ports(file: Path, names: Iterable[str]) -> dict[str, int]:
    """A port for every name: the one that `file` remembers where nobody else has it, else a new one.

    New ports are free when this returns; what the servers do not bind at once can be lost to another process.
    """
    before = _read(file)
    ports: dict[str, int] = {}
    # All are held until the last one is chosen, so that none is chosen twice.
    with ExitStack() as held:
        for name in names:
            port = before.get(name)
            if port is None or not _hold(port, held):
                port = _new_port(held)
            ports[name] = port
    if ports.items() - before.items():
        file.write_text(json.dumps(before | ports, indent=2) + "\n", encoding="utf-8")
    return ports


def is_free(port: int) -> bool:
    """Whether a server could listen on a port of loopback now."""
    with ExitStack() as held:
        return _hold(port, held)


def _read(file: Path) -> dict[str, int]:
    # What cannot be read is only a wish: new ports do as well.
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: port for name, port in found.items() if isinstance(port, int) and 0 < port <= HIGHEST}


def _new_port(held: ExitStack) -> int:
    # Below the ports that the kernel gives to outgoing connections: while a server is down for a moment, one of its
    # own clients, trying to connect again, could be given its port and keep it.
    above = _first_ephemeral() - 1
    choice = range(LOWEST, above if above - LOWEST >= ENOUGH else HIGHEST)
    while True:
        port = random.choice(choice)  # noqa: S311 - nothing rests on its being hard to guess
        if _hold(port, held):
            return port


def _first_ephemeral() -> int:
    try:
        return int(EPHEMERAL_RANGE.read_text(encoding="ascii").split()[0])
    except FileNotFoundError:
        return HIGHEST


def _hold(port: int, held: ExitStack) -> bool:
    listener = held.enter_context(socket.socket())
    # As servers do: what is left of closed connections does not count.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        # Two sockets with SO_REUSEADDR may be bound to one port, but only one of them may listen.
        listener.listen()
    except OSError:
        return False
    return True
