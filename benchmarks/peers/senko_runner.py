"""senko, by its public API.

Options: `segments`, those that count, `raw_segments` or `merged_segments`; `recognize`: also faster-whisper, its words
given to senko's turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import senko  # type: ignore[import-not-found]

from benchmarks.peers.faster_whisper_runner import PACKAGES, load_recognizer
from benchmarks.peers.wav import wav_seconds
from benchmarks.protocol import Answer, FoundTurn, FoundWord, Request
from benchmarks.runner import Loaded, one_by_one, serve

RAW = (
    "senko's raw segments are scored: its merged ones, which its examples use, close pauses of up to 4 s (on the"
    " composed conversation of 600 s, DER 14.3 % and 19.0 %)"
)
WORDS = (
    "senko has no words: those of faster-whisper's batched pipeline, with its word times, go to the turn that they"
    " overlap longest, or else to the nearest"
)
COMPILED_FROM = 1200.0
"""Seconds of audio from which senko clusters with what is compiled on first use; below, warming that up is in vain."""


def load(request: Request) -> Loaded:
    """Load senko with its own copies of the weights, which are those of the catalog, and Silero for speech."""
    long = any(wav_seconds(recording) >= COMPILED_FROM for recording in request.recordings)
    diarizer = senko.Diarizer(device="cpu", quiet=True, warmup=long)
    # After its speech detection it sets torch to every core of the machine; this is where it takes their number from.
    diarizer.logical_cores = request.threads

    def diarize(recording: str) -> tuple[FoundTurn, ...]:
        found = diarizer.diarize(recording, generate_colors=False)
        return () if found is None else tuple(FoundTurn(**turn) for turn in found[str(request.options["segments"])])

    notes = (RAW,) if request.options["segments"] == "raw_segments" else ()
    if not request.options.get("recognize"):
        return Loaded(
            job=one_by_one(lambda recording: Answer(turns=diarize(recording))),
            packages=("senko", "torch", "silero-vad"),
            notes=notes,
        )
    recognize = load_recognizer(request)

    def transcribe(recording: str) -> Answer:
        turns = diarize(recording)
        return Answer(turns=turns, words=tuple(attributed(word, turns) for word in recognize(recording)))

    return Loaded(
        job=one_by_one(transcribe),
        packages=("senko", "torch", "silero-vad", *PACKAGES),
        notes=(*notes, WORDS),
    )


def attributed(word: FoundWord, turns: Sequence[FoundTurn]) -> FoundWord:
    """Give a word the speaker of the turn that it overlaps longest, or else of the nearest."""

    def overlap(turn: FoundTurn) -> float:
        """Seconds shared; negative: seconds apart."""
        return min(word.end, turn.end) - max(word.start, turn.start)

    return replace(word, speaker=max(turns, key=overlap).speaker) if turns else word


if __name__ == "__main__":
    serve(load)
