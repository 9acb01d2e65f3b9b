"""Hansard, in this environment. Options: `work` = `transcribe` | `diarize` | `recognize`; `embedding`; `timed`."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.protocol import Answer, FoundTurn, FoundWord, Request
from benchmarks.runner import Loaded, one_by_one, serve
from pipeline.models import ModelStore
from pipeline.types import Turn, Word

PACKAGES = ("hansard", "faster-whisper", "ctranslate2", "torch", "pocketsphinx")


def load(request: Request) -> Loaded:
    """Load what the request's `work` needs."""
    jobs = {"transcribe": _transcribe, "diarize": _diarize, "recognize": _recognize}
    return jobs[str(request.options["work"])](request)


def _transcribe(request: Request) -> Loaded:
    """Everything: who said what, when, as `hansard transcribe` does it."""
    from pipeline.transcription import TranscriptionPipeline

    pipeline = TranscriptionPipeline.from_pretrained(
        _recognizer_of(request), embedding=_embedding_of(request), device="cpu", threads=request.threads
    )

    def job(recording: str) -> Answer:
        transcript = pipeline(recording)
        return Answer(turns=_turns(transcript.diarization.turns), words=_words(transcript.words))

    return Loaded(job=one_by_one(job), packages=PACKAGES)


def _diarize(request: Request) -> Loaded:
    """Who spoke when, as `hansard diarize` does it."""
    from pipeline.transcription import TranscriptionPipeline

    pipeline = TranscriptionPipeline.without_words(
        embedding=_embedding_of(request), device="cpu", threads=request.threads
    )
    job = one_by_one(lambda recording: Answer(turns=_turns(pipeline(recording).diarization.turns)))
    return Loaded(job=job, packages=("hansard", "torch"))


def _recognize(request: Request) -> Loaded:
    """Speech detection and recognition; word times by forced alignment where `timed`."""
    from pipeline.alignment.pocketsphinx import PocketSphinx
    from pipeline.asr.faster_whisper import FasterWhisper
    from pipeline.asr.recognition import Recognizer
    from pipeline.audio import decode, downmix
    from pipeline.device import use_threads
    from pipeline.options import PipelineOptions
    from pipeline.segmentation.segmenter import Segmenter
    from pipeline.segmentation.vad import detect_speech

    use_threads(request.threads)
    store, options = ModelStore.from_environment(), PipelineOptions()
    segmenter = Segmenter.from_pretrained(store)
    backend = FasterWhisper.from_pretrained(store, _recognizer_of(request), threads=request.threads)
    recognizer = Recognizer(backend, aligner=PocketSphinx() if request.options["timed"] else None)

    def job(recording: str) -> Answer:
        audio = downmix(decode(recording))
        return Answer(words=_words(recognizer(audio, detect_speech(segmenter(audio), options.vad)).words))

    return Loaded(job=one_by_one(job), packages=PACKAGES)


def _recognizer_of(request: Request) -> str:
    return str(request.options["asr"])


def _embedding_of(request: Request) -> str:
    return str(request.options.get("embedding", "campplus"))


def _turns(turns: Sequence[Turn]) -> tuple[FoundTurn, ...]:
    return tuple(FoundTurn(start=turn.start, end=turn.end, speaker=turn.speaker) for turn in turns)


def _words(words: Sequence[Word]) -> tuple[FoundWord, ...]:
    return tuple(FoundWord(text=word.text, start=word.start, end=word.end, speaker=word.speaker) for word in words)


if __name__ == "__main__":
    serve(load)
