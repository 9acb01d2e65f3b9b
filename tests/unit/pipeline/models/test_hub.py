"""The hub: what is taken, and that it stays what it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.models import hub as hub_module
from pipeline.models.attempt import Attempt, SourceFailed, SourceTampered
from pipeline.models.catalog import HubSource, SourceFile
from pipeline.models.hub import fetch_hub
from pipeline.models.hub_lock import HubLock
from tests.unit.pipeline.models.fakes import attempt_in, digest
from tests.unit.pipeline.models.hub_server import COMMIT, FakeHub, use_hub

FILES = {"model.bin": b"numbers" * 100, "config.json": b"{}", "vocabulary.txt": b"a b", "README.md": b"read me"}
SOURCE = HubSource(
    repository="owner/net",
    revision="main",
    files=(SourceFile(name="model.bin", path="model.bin"), SourceFile(name="config.json", path="config.json")),
    optional=("vocabulary.*", "tokenizer.json"),
)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    fake = FakeHub("owner/net", dict(FILES))
    with fake.running() as address:
        use_hub(monkeypatch, address)
        yield fake


@pytest.fixture
def lock(tmp_path: Path) -> HubLock:
    return HubLock(tmp_path)


def _taken(attempt: Attempt) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in attempt.into.iterdir()}


@pytest.mark.usefixtures("hub")
def test_required_files_and_those_of_the_patterns_are_taken(tmp_path: Path, lock: HubLock) -> None:
    attempt = attempt_in(tmp_path)
    fetch_hub(SOURCE, attempt, lock)
    assert _taken(attempt) == {name: FILES[name] for name in ("model.bin", "config.json", "vocabulary.txt")}


@pytest.mark.usefixtures("hub")
def test_first_pull_locks_commit_and_digests(tmp_path: Path, lock: HubLock) -> None:
    fetch_hub(SOURCE, attempt_in(tmp_path), lock)
    locked = lock.get("owner/net", "main")
    assert locked is not None
    assert locked.commit == COMMIT
    assert locked.files["model.bin"] == digest(FILES["model.bin"])


def test_other_bytes_under_a_locked_commit_are_refused(hub: FakeHub, tmp_path: Path, lock: HubLock) -> None:
    fetch_hub(SOURCE, attempt_in(tmp_path / "first"), lock)
    hub.files["model.bin"] = b"changed" * 100
    with pytest.raises(SourceTampered, match=r"model\.bin differ"):
        fetch_hub(SOURCE, attempt_in(tmp_path / "second"), lock)


def test_later_pulls_ask_for_the_locked_commit(hub: FakeHub, tmp_path: Path, lock: HubLock) -> None:
    fetch_hub(SOURCE, attempt_in(tmp_path / "first"), lock)
    hub.asked.clear()
    fetch_hub(SOURCE, attempt_in(tmp_path / "second"), lock)
    assert hub.asked[0] == f"GET /api/models/owner/net/revision/{COMMIT}"


def test_pinned_file_of_other_bytes_is_refused_and_locks_nothing(hub: FakeHub, tmp_path: Path, lock: HubLock) -> None:
    pinned = HubSource(
        repository="owner/net",
        revision="main",
        files=(SourceFile(name="model.bin", path="model.bin", sha256="0" * 64),),
    )
    attempt = attempt_in(tmp_path)
    with pytest.raises(SourceTampered, match=r"model\.bin has sha256"):
        fetch_hub(pinned, attempt, lock)
    assert lock.get("owner/net", "main") is None
    assert not list(attempt.downloads.iterdir())


def test_file_below_the_top_is_never_taken_by_a_pattern(hub: FakeHub, tmp_path: Path, lock: HubLock) -> None:
    """A pattern's star matches slashes, so a repository could name a path that leads elsewhere."""
    hub.files["vocabulary.x/../../../escaped"] = b"evil"
    attempt = attempt_in(tmp_path)
    fetch_hub(SOURCE, attempt, lock)
    assert "escaped" not in {path.name for path in tmp_path.rglob("*")}


def test_missing_file_is_a_reason(hub: FakeHub, tmp_path: Path, lock: HubLock) -> None:
    del hub.files["model.bin"]
    with pytest.raises(SourceFailed, match=r"holds no model\.bin"):
        fetch_hub(SOURCE, attempt_in(tmp_path), lock)
    assert lock.get("owner/net", "main") is None


@pytest.mark.usefixtures("hub")
def test_unknown_repository_is_a_reason(tmp_path: Path, lock: HubLock) -> None:
    with pytest.raises(SourceFailed, match="404"):
        fetch_hub(HubSource(repository="owner/other", revision="main", files=()), attempt_in(tmp_path), lock)


def test_repository_with_nothing_known_is_a_reason(hub: FakeHub, tmp_path: Path, lock: HubLock) -> None:
    nothing = HubSource(repository="owner/net", revision="main", files=(), optional=("*.onnx",))
    with pytest.raises(SourceFailed, match=r"holds no \*\.onnx"):
        fetch_hub(nothing, attempt_in(tmp_path), lock)


def test_hub_that_does_not_answer_is_a_reason(tmp_path: Path, lock: HubLock, monkeypatch: pytest.MonkeyPatch) -> None:
    use_hub(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(SourceFailed, match="ConnectError"):
        fetch_hub(SOURCE, attempt_in(tmp_path), lock)


@pytest.mark.usefixtures("hub")
def test_bytes_are_reported_to_the_end(tmp_path: Path, lock: HubLock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "WATCH_SECONDS", 0.01)
    seen: list[tuple[str, int, int | None]] = []
    base = attempt_in(tmp_path)
    attempt = Attempt(
        name="net",
        into=base.into,
        downloads=base.downloads,
        directories=(),
        progress=lambda *report: seen.append(report),
    )
    fetch_hub(SOURCE, attempt, lock)
    total = sum(len(content) for content in _taken(attempt).values())
    assert seen[-1] == ("net", total, total)
