"""Whatever the decoder's process does, the worker goes on and knows whom to blame."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.errors import JobCancelled
from pipeline.errors import AudioError, CorruptMedia, SourceNotFound, UnsupportedFormat
from pipeline.options import DecodeLimits
from tests.conftest import REPOSITORY
from tests.unit.pipeline.audio.recordings import tone, wav
from workers.metrics import SANDBOX_FAILURES
from workers.sandbox import conversation, starting
from workers.sandbox.confinement import landlock_version
from workers.sandbox.decode import Decoded, decode_in_sandbox
from workers.sandbox.limits import SandboxLimits
from workers.sandbox.run import SandboxFailed

SHORT = DecodeLimits(max_seconds=10.0)
Misbehave = Callable[..., Decoded]


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(wav(tone(1.0)))
    return path


@pytest.fixture
def misbehave(upload: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> Misbehave:
    """Decode with a process that does what its name says."""
    monkeypatch.setattr(starting, "ENTRY", "tests.unit.workers.sandbox.misbehaving")

    def run(name: str, **limits: float) -> Decoded:
        options = {"stall_seconds": 30.0, **limits}
        return decode_in_sandbox(upload, into, name=name, limits=SandboxLimits(decode=SHORT, **options))  # type: ignore[arg-type]

    return run


@pytest.mark.parametrize(
    ("action", "limits", "how"),
    [
        ("allocate", {}, "status 1"),
        ("spin", {"cpu_seconds": 1}, f"status -{int(signal.SIGXCPU)}"),
        ("sleep", {"stall_seconds": 0.4}, "standstill"),
        ("repeat_itself", {"stall_seconds": 0.4}, "standstill"),
        ("complain", {"stall_seconds": 0.4}, "standstill"),
        ("talk_without_end", {}, "a line without end"),
        ("talk_nonsense", {}, "not a message"),
        ("fill_the_disk", {}, "status 1"),
        ("fault", {}, f"status -{int(signal.SIGSEGV)}"),
        ("abort", {}, f"status -{int(signal.SIGABRT)}"),
        ("say_nothing", {}, "status 0"),
        ("claim_success", {}, "not a finished FLAC file"),
        ("claim_a_thousand_hours", {}, "3600000 s of audio"),
        ("invent_an_error", {}, "no recording is refused with this slug"),
    ],
)
def test_a_process_that_fails_is_the_recordings_fault(
    misbehave: Misbehave, into: Path, action: str, limits: dict[str, float], how: str
) -> None:
    with pytest.raises(CorruptMedia, match="could not cope with this file") as caught:
        misbehave(action, **limits)
    assert how in caught.value.__notes__[0]
    assert list(into.iterdir()) == []


def test_the_reason_of_an_end_is_kept_for_the_log_and_never_in_the_message(misbehave: Misbehave) -> None:
    with pytest.raises(CorruptMedia) as caught:
        misbehave("allocate")
    assert "MemoryError" in caught.value.__notes__[1]
    assert "MemoryError" not in str(caught.value)
    with pytest.raises(CorruptMedia) as caught:
        misbehave("fill_the_disk")
    assert "File too large" in caught.value.__notes__[1]


def test_of_endless_complaints_only_the_end_is_kept(misbehave: Misbehave) -> None:
    with pytest.raises(CorruptMedia) as caught:
        misbehave("complain", stall_seconds=0.4)
    assert len(caught.value.__notes__[1]) == conversation.ERROR_BYTES


def test_a_process_that_closes_its_output_and_stays_is_ended(
    misbehave: Misbehave, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "EXIT_SECONDS", 0.1)
    with pytest.raises(CorruptMedia):
        misbehave("close_output_and_stay")


@pytest.mark.parametrize(
    ("action", "how"),
    [
        ("die_early", "did not start"),
        ("sleep_early", "did not start"),
        ("be_killed", "ended from outside"),
    ],
)
def test_an_end_that_no_recording_can_cause_may_be_tried_again(
    misbehave: Misbehave, into: Path, monkeypatch: pytest.MonkeyPatch, action: str, how: str
) -> None:
    if action == "sleep_early":
        monkeypatch.setattr(conversation, "START_SECONDS", 0.3)
    with pytest.raises(SandboxFailed, match=how):
        misbehave(action)
    assert list(into.iterdir()) == []


def test_once_confined_nothing_can_be_opened_or_started(misbehave: Misbehave) -> None:
    with pytest.raises(UnsupportedFormat, match=r"^done: \[\]$"):
        misbehave("open_something")


@pytest.mark.skipif(landlock_version() < 6, reason="the kernel has no Landlock that scopes signals (Linux 6.12)")
def test_once_confined_no_path_and_no_process_can_be_touched(misbehave: Misbehave) -> None:
    victim = Path(f"/dev/shm/hansard-victim-{os.getpid()}")  # noqa: S108 - open to all users, as a folder of the test is not
    victim.write_bytes(b"whole")
    victim.chmod(0o666)
    try:
        with pytest.raises(UnsupportedFormat, match=r"^done: \[\]$"):
            misbehave("touch_something")
        assert victim.read_bytes() == b"whole"
    finally:
        victim.unlink()


def test_nothing_of_the_workers_is_passed_on(misbehave: Misbehave, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", "postgresql://canary")
    monkeypatch.setenv("PYTHONPATH", "/canary")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        with pytest.raises(UnsupportedFormat) as caught:
            misbehave("look_around")
    finally:
        os.close(reading)
        os.close(writing)
    found = json.loads(str(caught.value))
    assert found["environment"] == starting.ENVIRONMENT
    assert (found["folder"], found["unknown"], found["session"]) == ([], 0, True)


def test_the_name_of_a_recording_is_no_argument(misbehave: Misbehave) -> None:
    """Arguments are shown to every user of a machine."""
    with pytest.raises(UnsupportedFormat) as caught:
        misbehave("look_around")
    assert json.loads(str(caught.value))["arguments"] == ["tests.unit.workers.sandbox.misbehaving"]


def test_a_cancelled_job_ends_the_process(
    upload: Path, into: Path, monkeypatch: pytest.MonkeyPatch, misbehave: Misbehave
) -> None:
    del misbehave
    monkeypatch.setattr(conversation, "TICK_SECONDS", 0.01)
    seen: list[float] = []
    with pytest.raises(JobCancelled):
        decode_in_sandbox(
            upload, into, name="sleep", progress=lambda done, _: seen.append(done), cancelled=lambda: bool(seen)
        )
    assert gone(int(seen[0]))
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("kind", [InterruptedError, ValueError])
def test_an_error_of_the_listener_ends_the_process_and_is_not_the_recordings_fault(
    upload: Path, into: Path, misbehave: Misbehave, kind: type[Exception]
) -> None:
    del misbehave
    seen: list[float] = []

    def listen(done: float, _total: float) -> None:
        seen.append(done)
        raise kind

    with pytest.raises(kind):
        decode_in_sandbox(upload, into, name="sleep", progress=listen)
    assert gone(int(seen[0]))


def test_the_process_dies_with_the_worker(upload: Path, into: Path) -> None:
    script = f"""if True:
        from pathlib import Path
        from workers.sandbox import starting
        from workers.sandbox.decode import decode_in_sandbox
        starting.ENTRY = "tests.unit.workers.sandbox.misbehaving"
        tell = lambda done, total: print(int(done), flush=True)
        decode_in_sandbox(Path({str(upload)!r}), Path({str(into)!r}), name="sleep", progress=tell)"""
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=REPOSITORY)
    with worker:
        assert worker.stdout is not None
        process = int(worker.stdout.readline())
        assert not gone(process)
        worker.kill()
    deadline = time.monotonic() + 30
    while not gone(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gone(process)


def gone(process: int) -> bool:
    """No such process, or one that only waits for its status to be read."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in {"Z", "X"}


def test_a_machine_that_cannot_start_a_process_is_not_the_recordings_fault(
    upload: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(SandboxFailed, match="no process could be started"):
        decode_in_sandbox(upload, into, name="a")
    assert list(into.iterdir()) == []


def test_a_full_disk_is_not_the_recordings_fault(misbehave: Misbehave, into: Path) -> None:
    with pytest.raises(SandboxFailed, match="No space left on device"):
        misbehave("write_to_a_full_disk")
    assert list(into.iterdir()) == []


def test_a_missing_folder_is_not_the_recordings_fault(upload: Path, tmp_path: Path) -> None:
    with pytest.raises(SandboxFailed, match="no place"):
        decode_in_sandbox(upload, tmp_path / "missing", name="a")


def test_a_missing_upload_is_told_without_its_path(into: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound) as caught:
        decode_in_sandbox(tmp_path / "missing", into, name="a")
    assert "missing" not in str(caught.value)
    assert isinstance(caught.value, AudioError)


@pytest.mark.parametrize(
    ("action", "limits", "cause"),
    [
        ("sleep", {"stall_seconds": 0.4}, "stalled"),
        ("talk_nonsense", {}, "unintelligible"),
        ("fault", {}, "crashed"),
        ("be_killed", {}, "ended_from_outside"),
        ("claim_success", {}, "false_result"),
    ],
)
def test_failures_are_counted_by_their_cause(
    misbehave: Misbehave, action: str, limits: dict[str, float], cause: str
) -> None:
    def causes() -> dict[str, float]:
        samples = next(iter(SANDBOX_FAILURES.collect())).samples
        return {one.labels["cause"]: one.value for one in samples if one.name.endswith("_total")}

    before = causes()
    with pytest.raises((CorruptMedia, SandboxFailed)):
        misbehave(action, **limits)
    assert causes() == before | {cause: before.get(cause, 0) + 1}
