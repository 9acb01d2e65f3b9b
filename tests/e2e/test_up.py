"""`hansard up`, from the first start to the last kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.client import ApiError, Client, Unreachable
from embedded.accounts import SEEN_AS
from embedded.child import Account
from embedded.errors import PortTaken
from embedded.ports import LOOPBACK
from embedded.system import running
from tests.conftest import REPOSITORY
from tests.e2e.processes import KEY, STOP_SECONDS, of, up
from tests.e2e.recordings import silence
from tests.e2e.waiting import until
from tests.integration.embedded.household import alive
from tests.integration.embedded.test_starts import NOBODY, ROOT, needs_root, open_to_others

pytestmark = pytest.mark.weights

STORES = ("postgres", "valkey", "seaweedfs")
ROLES = ("api", "dispatcher", "ingest", "process", "webhooks")
STANDARD_PORTS = (5432, 6379, 9000)
"""Of Postgres, Redis, and S3 servers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLife:
    """What happened from a first start to Ctrl-C."""

    folder: Path
    account: Account | None
    """A normal user, where root runs the tests; None for who runs them."""
    address: str
    key: str
    recording: str
    owners: set[int]
    """Whose processes they all were."""
    before: dict[str, int]
    """Processes of the service as they were started."""
    killed: tuple[str, ...]
    after: dict[str, int]
    """And as they were when those that were killed had come back."""
    printed: list[str]
    """After address and key."""
    told: list[str]
    status: int
    left: list[int]
    """Processes that were there before Ctrl-C, and still are."""
    strangers: int
    """Connections to standard ports."""


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike those that pytest makes."""
    folder = Path(tempfile.mkdtemp(prefix="hansard-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def account(cache: Path, open_folder: Path) -> Account | None:
    """A normal user, whom the folder belongs to. Root on the system is tried by the tests beside this file.

    Where nobody else can enter the interpreter's home: somebody who is root to the machine alone.
    """
    if not ROOT:
        return None
    places = (Path(sys.executable), REPOSITORY, cache)
    found = NOBODY if all(open_to_others(place) for place in places) else SEEN_AS
    if not found.namespace:
        os.chown(open_folder, found.uid, found.gid)
    return found


@pytest.fixture(scope="module")
def first_life(model: str, cache: Path, open_folder: Path, account: Account | None) -> FirstLife:
    """Started on an empty folder, used, hurt, and stopped with Ctrl-C."""
    folder = open_folder
    with ExitStack() as closing:
        doors = closing.enter_context(standard_ports())
        started = closing.enter_context(up(folder, cache, model=model, account=account))
        key = started.line().removeprefix(KEY)
        client = closing.enter_context(Client(started.address, key))
        submitted = client.submit_file(silence(folder / "silence.wav", 1.0))
        assert client.wait(submitted["job"]["id"])["state"] == "succeeded"
        before, killed = started.pids(), ("api", "ingest")
        owners = {owner(pid) for pid in of(folder)}
        for name in killed:
            os.kill(before[name], signal.SIGKILL)
        until(lambda: all(started.pids().get(name, before[name]) != before[name] for name in killed))
        until(lambda: answers(client, submitted["recording"]["id"]))
        again = client.submit_file(silence(folder / "more.wav", 1.0))
        assert client.wait(again["job"]["id"])["state"] == "succeeded"
        after, family = started.pids(), of(folder)
        assert len(family) > len(STORES) + len(ROLES)
        printed = started.stop()
        left = [pid for pid in family if alive(pid)]
        strangers = sum(knocks(door) for door in doors)
    return FirstLife(
        folder=folder,
        account=account,
        owners=owners,
        address=started.address,
        key=key,
        recording=submitted["recording"]["id"],
        before=before,
        killed=killed,
        after=after,
        printed=printed,
        told=started.told(),
        status=started.process.returncode,
        left=left,
        strangers=strangers,
    )


@contextmanager
def standard_ports() -> Iterator[list[socket.socket]]:
    """Somebody's servers on the ports that everybody looks at first, where those are free."""
    with ExitStack() as closing:
        doors: list[socket.socket] = []
        for port in STANDARD_PORTS:
            try:
                door = socket.create_server((LOOPBACK, port))
            except OSError:
                continue
            door.setblocking(False)
            doors.append(closing.enter_context(door))
        yield doors


def knocks(door: socket.socket) -> int:
    """How many have connected."""
    count = 0
    while True:
        try:
            door.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def answers(client: Client, recording: str) -> bool:
    try:
        return bool(client.recording(recording))
    except (ApiError, Unreachable):
        return False


def test_the_first_start_prints_its_address_and_one_key(first_life: FirstLife) -> None:
    assert urlsplit(first_life.address).hostname == LOOPBACK
    assert first_life.key.startswith("hs_live_")
    assert first_life.printed == []
    assert not [line for line in first_life.told if first_life.key in line]
    logs = list((first_life.folder / "data" / "logs").iterdir())
    assert len(logs) == len(STORES) + len(ROLES)
    assert not [log.name for log in logs if first_life.key in log.read_text(encoding="utf-8", errors="replace")]


def test_servers_on_standard_ports_are_not_asked_anything(first_life: FirstLife) -> None:
    assert first_life.strangers == 0


def test_processes_that_are_killed_come_back_and_the_others_stay(first_life: FirstLife) -> None:
    assert first_life.before.keys() == first_life.after.keys() == set(ROLES)
    changed = {name for name in ROLES if first_life.before[name] != first_life.after[name]}
    assert changed == set(first_life.killed)


def test_ctrl_c_stops_everything_in_order(first_life: FirstLife) -> None:
    assert first_life.status == 0
    assert first_life.left == []
    stopped = [line.split(":")[0].strip() for line in first_life.told if ": stopped" in line]
    assert stopped[0] == "api"
    assert set(stopped[1:5]) == set(ROLES) - {"api"}
    assert set(stopped[5:]) == set(STORES)
    assert not [line for line in first_life.told if "killed" in line]


@contextmanager
def impostor(port: int) -> Iterator[None]:
    """A server that says yes to everything, in the place of the API."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((LOOPBACK, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="impostor", daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join()


def test_a_second_start_finds_its_data_and_leaves_nothing_when_it_is_killed(
    first_life: FirstLife, model: str, cache: Path
) -> None:
    """In the meantime somebody else has taken the API's port."""
    port = urlsplit(first_life.address).port
    assert port is not None
    with impostor(port), up(first_life.folder, cache, model=model, account=first_life.account) as started:
        assert started.address != first_life.address
        with Client(started.address, first_life.key) as client:
            assert client.recording(first_life.recording)["job"]["state"] == "succeeded"
            assert len(list(client.recordings())) == 2
        family = of(first_life.folder)
        assert len(family) > len(STORES) + len(ROLES)
        started.process.kill()
        said, _ = started.process.communicate(timeout=STOP_SECONDS)
        assert said == ""
        until(lambda: not any(alive(pid) for pid in family))
        assert of(first_life.folder) == {}


def owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


@needs_root
def test_a_normal_user_can_do_all_of_it(first_life: FirstLife) -> None:
    account = first_life.account
    assert account is not None
    assert account.uid != 0
    assert first_life.owners == {os.geteuid() if account.namespace else account.uid}


def test_a_server_on_the_port_that_is_asked_for_is_not_taken_for_the_api(
    model: str, no_settings: None, tmp_path: Path
) -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as other,
        pytest.raises(PortTaken, match="is taken by another process"),
        running(tmp_path / "data", port=other.getsockname()[1], model=model),
    ):
        pytest.fail("it was taken for the API")
