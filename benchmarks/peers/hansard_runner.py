"""Hansard, in this environment. Options: `work` = `transcribe` | `diarize` | `recognize`; `embedding`; `timed`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.protocol import Answer, FoundTurn, FoundWord, Request
from benchmarks.runner import Loaded, one_by_one, serve
from pipeline.models import ModelStore
from pipeline.types import Transcript, Turn, Word

VAD_STEP = 9.0
"""Seconds between segmentation windows where chunks are all that speech regions are wanted for."""
ALONE = (
    f"Hansard's recognition alone looks for speech in windows {VAD_STEP:g} s apart; in a whole job it takes what"
    " diarization's windows tell of it"
)
TOGETHER = 8
"""Recordings that are worked on at once, one computing at a time: `hansard serve worker process --concurrency 8`."""
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

    return Loaded(job=one_by_one(lambda recording: answer_of(pipeline(recording))), packages=PACKAGES)


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
    from pipeline.alignment.english_aligner import EnglishAligner
    from pipeline.asr.faster_whisper import FasterWhisper
    from pipeline.asr.recognition import Recognizer
    from pipeline.asr.shared_batches import SharedBatches
    from pipeline.audio import decode, downmix
    from pipeline.device import bound_threads, resolve_precision
    from pipeline.memory import share_arenas
    from pipeline.options import PipelineOptions, SegmentationOptions
    from pipeline.segmentation.segmenter import Segmenter
    from pipeline.segmentation.vad import detect_speech
    from pipeline.turnstile import Turnstile

    bound_threads()
    share_arenas(request.threads)
    store, options = ModelStore.from_environment(), PipelineOptions()
    dtype = resolve_precision("auto", "cpu")
    segmenter = Segmenter.from_pretrained(
        store, options=SegmentationOptions(speech_step=VAD_STEP), dtype=dtype, threads=request.threads
    )
    backend = FasterWhisper.from_pretrained(store, _recognizer_of(request), threads=request.threads)
    aligner = EnglishAligner() if request.options["timed"] else None
    turnstile = Turnstile()
    shared = SharedBatches(backend, turnstile)

    def hear(recording: str) -> Answer:
        with turnstile.admitted() as guest:
            audio = downmix(decode(recording))
            recognizer = Recognizer(backend, aligner=aligner, batching=shared.batching(guest))
            return Answer(
                words=_words(recognizer(audio, detect_speech(segmenter.for_speech(audio), options.vad)).words)
            )

    def job(recordings: Sequence[str]) -> list[Answer]:
        with ThreadPoolExecutor(TOGETHER) as threads:
            return list(threads.map(hear, recordings))

    return Loaded(job=job, packages=PACKAGES, notes=(ALONE,))


def answer_of(transcript: Transcript) -> Answer:
    """What is scored of a transcript."""
    return Answer(turns=_turns(transcript.diarization.turns), words=_words(transcript.words))


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
