"""Peers' own environments: built once from pinned requirements, kept in the user's cache, found again by their digest.

`requirements/NAME.txt` is installed with its dependencies, `requirements/NAME.alone.txt`, where there is one, without.
An environment that was cut off while it was built is taken up where it was left.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

REQUIREMENTS = Path(__file__).with_name("requirements")
ROOT = Path(__file__).parents[2]
COMPLETE = ".complete"
"""Written last."""
LAST_LINES = 5
"""Of what pip said, shown where it failed."""

Tell = Callable[[str], None]
"""Shows one line of progress."""


class PeerUnavailable(Exception):
    """The environment of a peer could not be built."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An environment to build."""

    name: str
    """Of its files in `requirements`."""
    runner: str
    """The module that has to be importable in it."""
    cache: Path
    """The folder that holds all of them."""

    @property
    def folder(self) -> Path:
        """Where it lies: another folder for other requirements, or another Python."""
        content = "\n".join([platform.python_version(), *(path.read_text(encoding="utf-8") for path in self.files)])
        return self.cache / f"{self.name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    @property
    def files(self) -> list[Path]:
        """The files with its requirements."""
        named = [REQUIREMENTS / f"{self.name}{suffix}" for suffix in (".txt", ".alone.txt")]
        return [path for path in named if path.exists()]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def log(self) -> Path:
        """What was said while it was built."""
        return self.folder / "install.log"


def build(environment: Environment, tell: Tell, *, offline: bool = False) -> Path:
    """Make sure that the environment is there, and return its interpreter.

    Raises `PeerUnavailable`, with what to do, where it is not complete and `offline` refuses to fetch, where pip cannot
    install it, or where the peer cannot be imported.
    """
    folder = environment.folder
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if (folder / COMPLETE).exists():
            return environment.python
        if offline:
            message = f"{environment.name} is not installed, and HANSARD_OFFLINE refuses to fetch it"
            raise PeerUnavailable(message)
        if not environment.python.exists():
            venv.create(folder, with_pip=False, symlinks=True)
        for path in environment.files:
            _run(environment, _pip(environment, path), tell)
        _drop_unusable_extension(environment, tell)
        _run(environment, [str(environment.python), "-c", f"import {environment.runner}"], tell)
        (folder / COMPLETE).touch()
    return environment.python


def _pip(environment: Environment, path: Path) -> list[str]:
    """This environment's pip, installing into the peer's."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(environment.python),
        "--disable-pip-version-check",
        "--no-input",
    ]
    alone = ["--no-deps"] if path.name.endswith(".alone.txt") else []
    return [*pip, "install", "--only-binary=:all:", "--progress-bar=off", *alone, "--requirement", str(path)]


def _drop_unusable_extension(environment: Environment, tell: Tell) -> None:
    """Take the compiled part of torchaudio away where it does not load.

    Package indexes have one torchaudio for Linux on x86, compiled for CUDA. Beside a torch for the CPU it fails to
    import, unless its extension is absent; nothing that is raced here calls it.
    """
    where = "import importlib.util as u; s = u.find_spec('torchaudio'); print(s.origin if s else '')"
    found = _output(environment, where).strip()
    extension = Path(found).parent / "lib"
    if found and extension.is_dir() and not _imports(environment, "torchaudio"):
        tell(f"removing {extension}, which needs CUDA")
        shutil.rmtree(extension)


def _imports(environment: Environment, module: str) -> bool:
    command = [str(environment.python), "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


def _output(environment: Environment, script: str) -> str:
    command = [str(environment.python), "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603


def _run(environment: Environment, command: Sequence[str], tell: Tell) -> None:
    """Run a step, telling and logging what it says; raises `PeerUnavailable` where it fails."""
    said: list[str] = []
    with (
        environment.log.open("a", encoding="utf-8") as log,
        subprocess.Popen(  # noqa: S603 - fixed words, and paths of our own
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
        ) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            said.append(line.rstrip())
            tell(said[-1])
    if process.returncode:
        last = "\n".join(f"  {line}" for line in said[-LAST_LINES:])
        message = (
            f"the environment of {environment.name} could not be built:\n{last}\n"
            f"All of it is in {environment.log}. Run the command again to go on, remove {environment.folder} to start"
            f" over, or leave {environment.name} out with --without."
        )
        raise PeerUnavailable(message)
