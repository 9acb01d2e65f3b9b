"""WhisperX with pyannote's diarization. Option: `batch`, as for pyannote.

Its speech detection is the one it ships. Its alignment model is fetched on first use; where it cannot be had, WhisperX
runs without, and its words are spread evenly over their segment, so that it can attribute them one by one all the same.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import whisperx.alignment  # type: ignore[import-not-found]
import whisperx.asr  # type: ignore[import-not-found]
import whisperx.diarize  # type: ignore[import-not-found]
from numpy.typing import NDArray

from benchmarks.peers.pyannote_runner import NOTE, load_pipeline
from benchmarks.peers.pyannote_runner import PACKAGES as PYANNOTE_PACKAGES
from benchmarks.peers.wav import SAMPLE_RATE, read_wav
from benchmarks.protocol import Answer, FoundTurn, FoundWord, Request
from benchmarks.runner import Loaded, one_by_one, serve

BATCH_SIZE = 8
"""Chunks decoded together, as for all."""
ALIGNED = "WhisperX aligned its words with WAV2VEC2_ASR_BASE_960H"
UNALIGNED = (
    "WhisperX ran without forced alignment, as its model could not be had ({why}): its CPU time lacks that stage, and"
    " its words are spread evenly over their segment before it attributes them"
)
PATIENCE = 30.0
"""Seconds without an answer after which a server counts as out of reach."""

Segments = list[dict[str, Any]]
Aligner = Callable[[Segments, NDArray[Any]], Segments]


def load(request: Request) -> Loaded:
    """Load recognizer, diarization and, where it can be had, the alignment model."""
    recognizer = whisperx.asr.load_model(
        request.models[str(request.options["asr"])],
        "cpu",
        compute_type="int8",
        language="en",
        threads=request.threads,
    )
    # Its own class takes a name of the hub and nothing else.
    diarizer = whisperx.diarize.DiarizationPipeline.__new__(whisperx.diarize.DiarizationPipeline)
    diarizer.model = load_pipeline(request)
    align, note = _load_aligner(offline=request.offline)

    def job(recording: str) -> Answer:
        audio = read_wav(recording)
        segments = align(recognizer.transcribe(audio, batch_size=BATCH_SIZE)["segments"], audio)
        turns = diarizer(audio)
        whisperx.diarize.assign_word_speakers(turns, {"segments": segments})
        return Answer(
            turns=tuple(
                FoundTurn(start=turn.start, end=turn.end, speaker=turn.speaker)
                for turn in turns.itertuples(index=False)
            ),
            words=tuple(_word(word, segment) for segment in segments for word in segment["words"]),
        )

    packages = ("whisperx", "faster-whisper", "ctranslate2", *PYANNOTE_PACKAGES)
    return Loaded(job=one_by_one(job), packages=packages, notes=(note, NOTE))


def _load_aligner(*, offline: bool) -> tuple[Aligner, str]:
    """Forced alignment, or what stands in for it; and which."""
    if offline:
        return _spread, UNALIGNED.format(why="offline")
    socket.setdefaulttimeout(PATIENCE)
    try:
        model, metadata = whisperx.alignment.load_align_model("en", "cpu")

        def align(segments: Segments, audio: NDArray[Any]) -> Segments:
            found: Segments = whisperx.alignment.align(segments, model, metadata, audio, "cpu")["segments"]
            return found

        # What splits sentences is fetched on first use, so that it has to be tried as well.
        align([{"text": "yes", "start": 0.0, "end": 1.0}], np.zeros(SAMPLE_RATE, dtype=np.float32))
    except (OSError, LookupError, RuntimeError) as error:
        return _spread, UNALIGNED.format(why=type(error).__name__)
    return align, ALIGNED


def _spread(segments: Segments, _: NDArray[Any]) -> Segments:
    """Give each word of a segment the same share of its time."""
    return [segment | {"words": _evenly(segment)} for segment in segments]


def _evenly(segment: Mapping[str, Any]) -> Segments:
    words = segment["text"].split()
    step = (segment["end"] - segment["start"]) / max(1, len(words))
    starts = [segment["start"] + step * number for number in range(len(words))]
    return [{"word": word, "start": start, "end": start + step} for word, start in zip(words, starts, strict=True)]


def _word(word: Mapping[str, Any], segment: Mapping[str, Any]) -> FoundWord:
    """What could not be aligned has no time of its own and no speaker: those of its segment stand in."""
    return FoundWord(
        text=word["word"],
        start=float(word.get("start", segment["start"])),
        end=float(word.get("end", segment["end"])),
        speaker=word.get("speaker", segment.get("speaker")),
    )


if __name__ == "__main__":
    serve(load)
