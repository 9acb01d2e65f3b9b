"""`hansard up` as a user starts it, and what of it is running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.child import Account
from embedded.spawning import launched
from tests.conftest import REPOSITORY
from tests.e2e.waiting import until
from tests.integration.embedded.household import alive

ADDRESS = "HANSARD_URL="
KEY = "HANSARD_API_KEY="
STOP_SECONDS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A started `hansard up`, whose address has been printed."""

    process: subprocess.Popen[str]
    folder: Path
    address: str

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def stop(self, number: signal.Signals = signal.SIGINT) -> list[str]:
        """Send a signal and wait for the end; what else was printed."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=STOP_SECONDS)
        return said.splitlines()

    def told(self) -> list[str]:
        """What it told people besides: lines on standard error."""
        return (self.folder / "told.txt").read_text(encoding="utf-8").splitlines()

    def pids(self) -> dict[str, int]:
        """The processes of the service, by name."""
        found: dict[str, int] = {}
        for pid, words in of(self.folder).items():
            if "serve" in words:
                role = words[words.index("serve") + 1 :]
                found[role[1] if role[0] == "worker" else role[0]] = pid
        return found


@contextmanager
def up(
    folder: Path, cache: Path, *, model: str, account: Account | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Up]:
    """Run it with everything it keeps below `folder`; whatever is left at the end is killed."""
    for name in ("home", "tmp"):
        (folder / name).mkdir(exist_ok=True)
        if account is not None and not account.namespace:
            os.chown(folder / name, account.uid, account.gid)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANSARD_")} | {
        # In the environment of all that it starts: by this they are found.
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder / "home"),
        "HANSARD_CACHE": str(cache),
        "HANSARD_OFFLINE": "1",
        **(variables or {}),
    }
    command = [sys.executable, "-m", "hansard", "up", "--data", str(folder / "data"), "--model", model]
    with (folder / "told.txt").open("wb") as told:
        process = subprocess.Popen(
            launched(command, account=account),
            stdout=subprocess.PIPE,
            stderr=told,
            env=environment,
            cwd=REPOSITORY,
            text=True,
        )
    with process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline().strip()
            assert first.startswith(ADDRESS), (folder / "told.txt").read_text(encoding="utf-8")
            yield Up(process=process, folder=folder, address=first.removeprefix(ADDRESS))
        finally:
            process.kill()
    until(lambda: not of(folder))


def of(folder: Path) -> dict[int, list[str]]:
    """Processes whose command line, environment or working directory lies in a folder; their command lines."""
    found: dict[int, list[str]] = {}
    for place in Path("/proc").iterdir():
        if not place.name.isdecimal() or int(place.name) == os.getpid():
            continue
        try:
            command, environment = ((place / name).read_bytes() for name in ("cmdline", "environ"))
            inside = (place / "cwd").resolve().is_relative_to(folder)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        mark = os.fsencode(folder)
        if (inside or mark in command or mark in environment) and alive(int(place.name)):
            found[int(place.name)] = command.decode(errors="replace").split("\0")
    return found
