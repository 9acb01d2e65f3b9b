"""faster-whisper as its documentation shows it. Options: `batched`; `timed`: word times by attention.

The batched pipeline takes one recording at a time: there is no batching across recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.protocol import Answer, FoundWord, Request
from benchmarks.runner import Loaded, one_by_one, serve

PACKAGES = ("faster-whisper", "ctranslate2", "onnxruntime")
BATCH_SIZE = 8
"""Chunks decoded together; its default, and Hansard's."""


def load(request: Request) -> Loaded:
    """Load the recognizer."""
    recognize = load_recognizer(request)
    return Loaded(job=one_by_one(lambda recording: Answer(words=recognize(recording))), packages=PACKAGES)


def load_recognizer(request: Request) -> Callable[[str], tuple[FoundWord, ...]]:
    """From the path of a recording to its words."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    model = WhisperModel(
        request.models[str(request.options["asr"])], device="cpu", compute_type="int8", cpu_threads=request.threads
    )
    timed = bool(request.options["timed"])
    if request.options["batched"]:
        batched = BatchedInferencePipeline(model)
        return lambda path: _words(
            batched.transcribe(path, beam_size=5, batch_size=BATCH_SIZE, word_timestamps=timed)[0]
        )
    return lambda path: _words(model.transcribe(path, beam_size=5, vad_filter=True, word_timestamps=timed)[0])


def _words(segments: Iterable[Any]) -> tuple[FoundWord, ...]:
    """Words of faster-whisper's segments, which are decoded while they are read."""
    return tuple(word for segment in segments for word in _words_of(segment))


def _words_of(segment: Any) -> list[FoundWord]:  # noqa: ANN401 - a segment of faster-whisper, which has no annotations
    if segment.words is None:
        return [FoundWord(text=text, start=segment.start, end=segment.end) for text in segment.text.split()]
    return [FoundWord(text=word.word.strip(), start=word.start, end=word.end) for word in segment.words]


if __name__ == "__main__":
    serve(load)
