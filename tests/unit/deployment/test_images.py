"""How the images are made."""

from __future__ import annotations

import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.unit.deployment.chart import pods

DOCKER = REPOSITORY / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
MODEL_LIBRARIES = {"av", "ctranslate2", "faster-whisper", "pocketsphinx", "scipy", "soxr", "torch"}


def stem(path: Path) -> str:
    return path.name.removesuffix(".Dockerfile")


def instructions(path: Path, word: str) -> list[str]:
    """What follows a word at the beginning of a line."""
    lines = path.read_text().replace("\\\n", " ").splitlines()
    return [line.removeprefix(word).strip() for line in lines if line.startswith(f"{word} ")]


@pytest.mark.parametrize("path", DOCKERFILES, ids=stem)
def test_hadolint_finds_nothing(path: Path) -> None:
    program = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run([program, "--failure-threshold", "style", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_there_is_an_image_for_every_pod() -> None:
    used = {pod["spec"]["containers"][0]["image"] for variant in ("default", "gpu") for pod in pods(variant).values()}
    assert used == {f"hansard-{stem(path)}:0.1.0" for path in DOCKERFILES}


def test_all_images_stand_on_one_exact_base() -> None:
    bases = {base.split()[0] for path in DOCKERFILES for base in instructions(path, "FROM")}
    (outside,) = bases - {"base", "dependencies", "app"}
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", outside)


def test_the_interpreter_finds_the_code() -> None:
    """The folder of packages carries the interpreter's version."""
    for path in DOCKERFILES:
        text = path.read_text()
        (version,) = set(re.findall(r"FROM python:(3\.\d+)\.", text))
        assert f"echo /app > /opt/venv/lib/python{version}/site-packages/app.pth" in text


@pytest.mark.parametrize("path", DOCKERFILES, ids=stem)
def test_processes_are_not_root_and_hear_signals(path: Path) -> None:
    assert instructions(path, "USER") == ["10001:10001"]
    assert instructions(path, "STOPSIGNAL") == ["SIGTERM"]
    # Exec form: no shell between the runtime and the process.
    assert instructions(path, "ENTRYPOINT") == ['["hansard"]']
    assert all(command.startswith("[") for command in instructions(path, "CMD"))
    port = 8000 if stem(path) == "api" else 9090
    (check,) = instructions(path, "HEALTHCHECK")
    assert f"http://127.0.0.1:{port}/healthz" in check


def test_pods_run_as_the_user_of_the_images() -> None:
    context = pods("default")["api"]["spec"]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (10001, 10001)


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("api", ["api", "tracing"]),
        ("worker-cpu", ["pipeline", "service", "tracing"]),
        ("worker-cuda", ["gpu", "pipeline", "service", "tracing"]),
    ],
)
def test_images_hold_what_their_processes_need(name: str, extras: list[str]) -> None:
    text = (DOCKER / f"{name}.Dockerfile").read_text()
    assert re.findall(r"requirements\.py /src/pyproject\.toml ([a-z ]+) >", text) == [" ".join(extras)]
    wanted = {re.split(r"[\[<>=]", line)[0] for line in requirements(extras)}
    assert MODEL_LIBRARIES & wanted == (set() if name == "api" else MODEL_LIBRARIES - {"ctranslate2"})
    assert ("nvidia-cublas-cu12" in wanted) == (name == "worker-cuda")


def test_requirements_of_an_extra_hold_those_of_the_extras_it_names() -> None:
    service = set(requirements(["service"]))
    assert set(PROJECT["project"]["dependencies"]) < service
    assert service < set(requirements(["api"]))
    assert not [line for line in requirements(["all"]) if line.startswith("hansard")]


def requirements(extras: list[str]) -> list[str]:
    """What an image installs before the code."""
    import runpy

    module = runpy.run_path(str(DOCKER / "requirements.py"))
    found: list[str] = module["requirements"](PROJECT["project"], extras)
    return found


def test_the_build_sees_the_code_and_nothing_else() -> None:
    """What .dockerignore keeps out is not built; what it lets in spoils the cache with every change."""
    lines = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[:1] not in {"", "#"}]
    packages = {name for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"] if "." not in name}
    modules = {f"{name}.py" for name in PROJECT["tool"]["setuptools"]["py-modules"]}
    files = {"pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    assert allowed == packages | modules | files | {"docker/requirements.py"}
    assert all((REPOSITORY / name).exists() for name in allowed)
