"""What is raced. Each runs in a process of its own: `python -m benchmarks.contestants NAME RECORDING`.

Prints one json line: seconds of audio, CPU and wall-clock seconds of the work (models loaded before the clock starts),
peak memory of the process, words.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from pipeline.audio import decode, downmix
from pipeline.models import ModelStore
from pipeline.waveform import Waveform

MODEL = "whisper-tiny.en"
BATCH_SIZE = 8

Job = Callable[[Waveform], int]
"""From a decoded recording to the number of words."""


class Segment(Protocol):
    """A segment of faster-whisper."""

    text: str


def hansard_whole() -> Job:
    """Everything: who said what, when."""
    from pipeline.transcription import TranscriptionPipeline

    pipeline = TranscriptionPipeline.from_pretrained(MODEL, threads=1)
    return lambda audio: len(pipeline(audio).words)


def hansard_diarization() -> Job:
    """Who spoke when; counts turns instead of words."""
    from pipeline.diarization import DiarizationPipeline

    diarizer = DiarizationPipeline.from_pretrained(ModelStore.from_environment())
    return lambda audio: len(diarizer(audio).turns)


def hansard_words() -> Job:
    """Speech detection and recognition, with word times by forced alignment."""
    return _hansard_recognition(timed=True)


def hansard_text() -> Job:
    """Speech detection and recognition, without forced alignment."""
    return _hansard_recognition(timed=False)


def _hansard_recognition(*, timed: bool) -> Job:
    from pipeline.alignment.pocketsphinx import PocketSphinx
    from pipeline.asr.faster_whisper import FasterWhisper
    from pipeline.asr.recognition import Recognizer
    from pipeline.options import PipelineOptions
    from pipeline.segmentation.segmenter import Segmenter
    from pipeline.segmentation.vad import detect_speech

    store = ModelStore.from_environment()
    segmenter = Segmenter.from_pretrained(store)
    aligner = PocketSphinx() if timed else None
    recognizer = Recognizer(FasterWhisper.from_pretrained(store, MODEL, threads=1), aligner=aligner)
    return lambda audio: len(recognizer(audio, detect_speech(segmenter(audio), PipelineOptions().vad)).words)


def faster_whisper_sequential() -> Job:
    """faster-whisper as its documentation shows it, with its own speech detection and no word times."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(ModelStore.from_environment().path(MODEL)), compute_type="int8", cpu_threads=1)
    return lambda audio: _words(model.transcribe(audio.mono, beam_size=5, vad_filter=True)[0])


def faster_whisper_batched() -> Job:
    """faster-whisper's batched pipeline, without word times."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    path = str(ModelStore.from_environment().path(MODEL))
    batched = BatchedInferencePipeline(WhisperModel(path, compute_type="int8", cpu_threads=1))
    return lambda audio: _words(batched.transcribe(audio.mono, beam_size=5, batch_size=BATCH_SIZE)[0])


def _words(segments: Iterable[Segment]) -> int:
    return sum(len(segment.text.split()) for segment in segments)


CONTESTANTS: dict[str, Callable[[], Job]] = {
    "hansard": hansard_whole,
    "hansard diarization": hansard_diarization,
    "hansard words": hansard_words,
    "hansard text": hansard_text,
    "faster-whisper": faster_whisper_sequential,
    "faster-whisper batched": faster_whisper_batched,
}


def race(name: str, recording: Path) -> dict[str, float]:
    """Run one contestant once."""
    import torch

    torch.set_num_threads(1)
    job = CONTESTANTS[name]()
    audio = downmix(decode(recording))
    cpu, wall = time.process_time(), time.perf_counter()
    words = job(audio)
    return {
        "audio_seconds": audio.duration,
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "words": words,
    }


if __name__ == "__main__":
    print(json.dumps(race(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201 - the parent process reads it
