from __future__ import annotations

from pathlib import Path

import pytest

from embedded.errors import ChildFailed
from embedded.seaweedfs import sweep_sockets


def test_sockets_that_were_left_are_removed() -> None:
    # A port that no process can have, so that the socket of none is touched.
    left = Path("/tmp/seaweedfs-master-grpc-99999.sock")  # noqa: S108 - where SeaweedFS puts it
    left.touch()
    sweep_sockets({"master.port": 99998, "master.port.grpc": 99999})
    assert not left.exists()


def test_another_users_socket_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, *, missing_ok: bool) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ChildFailed, match=r"seaweedfs-filer-grpc-99999.sock is in the way"):
        sweep_sockets({"filer.port.grpc": 99999})
