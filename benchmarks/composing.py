"""Conversations with exact truth, composed of the test speech by the script beside it; kept in the cache."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

TEST_SPEECH = Path(__file__).parents[2] / "shared" / "testdata" / "public"
"""Where test speech lies unless HANSARD_TESTDATA says otherwise."""
CONVERSATION = "--speakers 4 --overlap 0.3 --collections all --seed 13"
"""One meeting of four: of its turns, three in ten overlap."""
CALL = "--speakers 2 --telephone --turn-utts 1-1 --max-utt 12"
SHORTEST, LONGEST = 8.0, 86.0
"""Lengths asked for, in seconds: a call ends with its last sentence, a few seconds later."""
FIRST_SEED = 100


def conversation(half: Path, seconds: float, cache: Path) -> Path:
    """One conversation of about so many seconds; `half` is a folder of test speech, with the script beside it."""
    return compose(half, f"{CONVERSATION} --duration {seconds:g}", cache)


def calls(half: Path, number: int, cache: Path) -> list[Path]:
    """So many telephone calls, of about 10 to 90 s, their lengths spread evenly."""
    step = (LONGEST - SHORTEST) / max(1, number - 1)
    return [
        compose(half, f"{CALL} --duration {SHORTEST + step * place:.1f} --seed {FIRST_SEED + place}", cache)
        for place in range(number)
    ]


def compose(half: Path, arguments: str, cache: Path) -> Path:
    """A recording with its truth beside it. The same arguments give the same samples.

    Raises `subprocess.CalledProcessError` where the script fails; it says why.
    """
    script = half.parent / "compose.py"
    key = hashlib.sha256(f"{half.resolve()} {arguments}".encode() + script.read_bytes()).hexdigest()[:12]
    recording = cache / f"{key}.wav"
    truth = recording.with_suffix(".uem")
    if not (recording.exists() and truth.exists()):
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(script), "--half", half.name, *arguments.split(), "--out", str(recording)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - the user's own script
    return recording


def can_compose(half: Path) -> bool:
    """Whether there is test speech, and the script that composes it."""
    return half.is_dir() and (half.parent / "compose.py").is_file()
