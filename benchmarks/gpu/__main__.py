"""`make bench-gpu`: real weights on CUDA, the arithmetic of a large recognizer, and whether a CPU can feed it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from benchmarks.composing import TEST_SPEECH, can_compose, conversation
from benchmarks.engine import same
from benchmarks.facts import facts, section
from benchmarks.gpu.feed import feed
from benchmarks.gpu.random_whisper import TURBO, write_random_whisper
from benchmarks.gpu.recognition import Load, Speed, measure, table
from benchmarks.material import truth_beside
from benchmarks.options import Results, TestSpeech
from benchmarks.peers.hansard_runner import answer_of
from benchmarks.results import RESULTS, write_section
from benchmarks.scoring import score
from pipeline.audio import decode, downmix
from pipeline.cores import usable_cores
from pipeline.evaluation import Recording
from pipeline.models import ModelStore
from pipeline.transcription import TranscriptionPipeline
from pipeline.types import Transcript

TITLE = "On a GPU"
MODEL = "whisper-tiny.en"
BOUND = 30 * 790 / 2.274
"""Hours an hour that the arithmetic of large-v3-turbo allows an H200: 2.274 TFLOP a window of 30 s at 790 TFLOP/s.
Published systems reach 200 to 600."""
NEEDED = 1.5
"""Times what the GPU eats that the CPU should supply."""


def main(
    batches: Annotated[list[int] | None, typer.Argument(help="Windows at once; by default 1 4 8 16 32 64.")] = None,
    tokens: Annotated[int, typer.Option(min=2, help="Generated for each window.")] = 80,
    beam: Annotated[int, typer.Option(min=1)] = 5,
    results: Results = RESULTS,
    test_speech: TestSpeech = TEST_SPEECH,
) -> None:
    """Measure on the first CUDA device; print and keep what was found."""
    if not torch.cuda.is_available():
        sys.exit(f"torch {torch.__version__} sees no CUDA device: run this where there is one")
    console, store = Console(stderr=True), ModelStore.from_environment()
    recording = store.path("sample-conversation")
    if can_compose(test_speech):
        recording = conversation(test_speech, 3600.0, store.cache.parent / "benchmarks" / "composed")
    with console.status("real weights, on the GPU and on the CPU"):
        lines = real_weights(recording, store)
    load = Load(sizes=TURBO, tokens=tokens, beam=beam)
    with console.status("a large recognizer of random weights"):
        speeds = large(load, batches or [1, 4, 8, 16, 32, 64])
    with console.status("decoding and features"):
        supplied = feed(recording) * usable_cores()
    large_model = f"Whisper large-v3-turbo of random weights, {tokens} tokens a window, beam {beam}:"
    lines += ["", large_model, "", *table(speeds), "", *fed(supplied, speeds)]
    told = facts("bench-gpu", f"{recording.stem}, and noise", f"device: {torch.cuda.get_device_name()}")
    body = section(TITLE, told, lines)
    Console().print(body, markup=False, highlight=False, soft_wrap=True)
    write_section(results, "bench-gpu", body)


def real_weights(recording: Path, store: ModelStore) -> list[str]:
    """Transcribe on both devices: seconds by stage, errors, and how many words they share."""
    audio, truth = downmix(decode(recording)), truth_beside(recording)
    found: dict[str, Transcript] = {}
    lines = ["| device | segmentation s / h | diarization s / h | recognition s / h | WER % | DER % |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for device in ("cuda", "cpu"):
        pipeline = TranscriptionPipeline.from_pretrained(MODEL, device=device, threads=1, store=store)
        pipeline(audio)  # once for what only the first job waits for
        found[device] = pipeline(audio)
        stages = found[device].provenance.stage_seconds
        hourly = [3600 * stages[stage] / audio.duration for stage in ("segmentation", "diarization", "asr")]
        lines.append(f"| {device} | {' | '.join(f'{each:.1f}' for each in hourly)} | {_errors(found[device], truth)} |")
    words = len(found["cpu"].words)
    share = 100 * same([(found["cpu"], found["cuda"])]) / max(1, words)
    return [*lines, "", f"- words that both give, with the same speaker: {share:.2f} % of {words}"]


def large(load: Load, batches: list[int]) -> list[Speed]:
    """Windows through a model of that size and random weights, in half precision."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        write_random_whisper(load.sizes, Path(folder))
        return measure(Path(folder), load, batches, "cuda", "float16")


def fed(supplied: float, speeds: list[Speed]) -> list[str]:
    """What the cores make ready beside what the GPU eats at its best, and beside the bound."""
    eaten = max(speed.realtime for speed in speeds)
    ratio = supplied / eaten
    return [
        f"- {100 * eaten / BOUND:.1f} % of what its arithmetic allows an H200 ({BOUND:.0f} hours an hour)",
        f"- decoding and features: {supplied:.0f} hours an hour, one core's by the number of cores",
        f"- that is {ratio:.1f} times what the GPU eats ({NEEDED} are wanted)",
    ]


def _errors(transcript: Transcript, truth: Recording) -> str:
    quality = score([truth], [answer_of(transcript)])
    return " | ".join("–" if rate is None else f"{100 * rate:.1f}" for rate in (quality.wer, quality.der))


if __name__ == "__main__":
    typer.run(main)
