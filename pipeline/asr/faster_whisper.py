"""Whisper, loaded by faster-whisper. That is given samples, never a path: it would open anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline.asr.chunk_audio import ChunkAudio
from pipeline.asr.cublas import preload_cublas
from pipeline.asr.encoded import Encoded
from pipeline.asr.own_whisper import can_be_own, load_own
from pipeline.asr.search.samples import SEED
from pipeline.asr.whisper_batch import WhisperBatch
from pipeline.asr.whisper_model import WhisperParts
from pipeline.cores import usable_cores
from pipeline.device import resolve_precision, threads_kept
from pipeline.errors import InvalidOption, ModelCorrupt
from pipeline.extras import require
from pipeline.types import FloatArray
from pipeline.waveform import SAMPLE_RATE

FRAMES_PER_SECOND = 100
"""Mel frames; the encoder halves them."""
_WINDOW_SECONDS = 30.0
# What Whisper was trained on. It takes less, and computes less then.
_TAIL_SECONDS = 1.5
# Silence after a chunk, at least. tiny.en errs as much with 1.5 s of it as with 3, with which it writes what it writes
# with the full 30 s. With 1 s it errs more on conversations (15.7 instead of 14.9 % in an hour), with none it babbles.
_LENGTH_STEP = 2.5
# Seconds. Chunks come in these lengths where only those of one length share a batch: a chunk's text depends on the
# length that it is filled up to, so that it would depend on its neighbours if the longest of a batch decided for all.
_FINE_LENGTH_STEP = 0.5
# The same where each chunk is filled up by itself: a second less of silence on average, a twentieth of the encoder.
_MIN_SAMPLES = 1600
# The spectrogram's reflected edges need something to reflect.
_ATTENTION_BIAS: Mapping[str, float] = {"whisper-tiny.en": 0.075, "whisper-base.en": -0.08}
# Median lateness of word starts against hand labels (TIMIT, clean, telephone, noise), by model. Measured the same way,
# base.en is early: by 80 ms clean (660 words), by 78 ms in 10 dB of noise (629 words).
_COMPUTE_TYPES: Mapping[str, str] = {"cpu": "int8", "cuda": "float16"}
_BATCH_SIZE = 8
_MOST_THREADS = 4
# Where nobody says how many, as CTranslate2 does it.


class ModelFolders(Protocol):
    """Where weights come from: `pipeline.models.ModelStore`."""

    def path(self, name: str) -> Path:
        """Folder with the model of that name, fetched if it is not there."""


class FasterWhisper:
    """A Whisper model as `AsrBackend`. May be shared between threads, which compute at the same time on x86.

    For int8 on x86 all is computed by our own networks (`pipeline.asr.own_whisper`), and CTranslate2's weights are let
    go of once it has read the model's settings; for other numbers, on other processors and on GPUs CTranslate2 does it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        device: str,
        compute_type: str | None,
        threads: int,
        precision: str = "auto",
    ) -> None:
        if device not in _COMPUTE_TYPES:
            message = f"speech recognition runs on cpu or cuda, not on {device!r}"
            raise InvalidOption(message)
        for file in ("model.bin", "tokenizer.json"):
            # faster-whisper would fetch a missing tokenizer from a hub behind the caller's back.
            if not (folder / file).is_file():
                message = f"model {name} lacks {file}"
                raise ModelCorrupt(message)
        if device == "cuda":
            preload_cublas()
        module = require("faster_whisper", "pipeline")
        compute_type = compute_type or _COMPUTE_TYPES[device]
        with threads_kept():
            model: Any = module.WhisperModel(str(folder), device=device, compute_type=compute_type, cpu_threads=threads)
        self._name, self._device, self._features = name, device, model.feature_extractor
        self._languages = tuple(model.supported_languages)
        seeded = partial(_seeded_network, folder, device=device, compute_type=compute_type, threads=threads)
        own, dtype = None, resolve_precision(precision, device)
        if device == "cpu" and compute_type == _COMPUTE_TYPES["cpu"] and can_be_own():
            # Before ours is loaded, which takes as much.
            model.model.unload_model()
            cores = threads or min(_MOST_THREADS, usable_cores())
            own = load_own(folder, model.hf_tokenizer.token_to_id, dtype, cores)
            if own is None:
                with threads_kept():
                    model.model.load_model()
        known = {code: model.hf_tokenizer.token_to_id(f"<|{code}|>") for code in self._languages}
        self._parts = WhisperParts(
            network=model.model,
            tokenizer=model.hf_tokenizer,
            max_tokens=int(model.max_length),
            # On a GPU a second copy of a large model may not fit: there, sampled text may differ from run to run.
            fresh_network=seeded if device == "cpu" else lambda: model.model,
            own=own,
            languages={} if len(known) == 1 else {code: token for code, token in known.items() if token is not None},
        )

    @classmethod
    def from_pretrained(
        cls,
        store: ModelFolders,
        name: str = "whisper-tiny.en",
        device: str = "cpu",
        compute_type: str | None = None,
        threads: int = 0,
        precision: str = "auto",
    ) -> FasterWhisper:
        """Load a model of the catalog.

        `device` is `cpu` or `cuda`; `compute_type` one of CTranslate2's, None for int8 on a CPU and float16 on a
        GPU; `threads` are those that chunks are encoded in, 0 for up to four. `precision`, for int8 on x86, is that of
        the encoder's convolutions and attention: `auto`, `float32` or `bfloat16`. Raises what the store raises,
        `ModelCorrupt` where files are missing, `MissingDependency` where packages are.
        """
        return cls(
            store.path(name),
            name=name,
            device=device,
            compute_type=compute_type,
            threads=threads,
            precision=precision,
        )

    @property
    def name(self) -> str:
        """Name in the catalog."""
        return self._name

    @property
    def languages(self) -> Sequence[str]:
        """ISO 639-1 codes of the languages it was trained on."""
        return self._languages

    @property
    def translates(self) -> bool:
        """Multilingual Whisper models translate into English."""
        return self._parts.multilingual

    @property
    def attention_bias(self) -> float:
        """Seconds by which word starts by cross-attention are late."""
        return _ATTENTION_BIAS.get(self._name, 0.0)

    @property
    def batch_size(self) -> int:
        """8: on a CPU 4 take 4 to 8 % longer to decode and some 70 MB less (tiny.en); on a GPU not measured."""
        return _BATCH_SIZE

    @property
    def mixes_lengths(self) -> bool:
        """Where the search is our own it takes chunks of any length at once."""
        return self._parts.own is not None

    def padded_seconds(self, seconds: float) -> float:
        """Length to which a chunk is filled up with silence: at least 1.5 s more, 30 s at most."""
        step = _FINE_LENGTH_STEP if self.mixes_lengths else _LENGTH_STEP
        return min(_WINDOW_SECONDS, math.ceil((seconds + _TAIL_SECONDS) / step) * step)

    def encode(self, chunks: Sequence[ChunkAudio]) -> WhisperBatch:
        """Encode chunks, but for those that are encoded; on a GPU all, filled up as the longest of them asks for.

        Raises `ValueError` where a chunk is longer than 30 s.
        """
        durations = tuple(len(chunk.samples) / SAMPLE_RATE for chunk in chunks)
        if max(durations) > _WINDOW_SECONDS + 1 / SAMPLE_RATE:  # a chunk of 30 s may begin and end within a sample
            message = f"a chunk is longer than {_WINDOW_SECONDS:.0f} s"
            raise ValueError(message)
        filled = [self.padded_seconds(duration) for duration in durations]
        if self._device != "cpu":
            filled = [max(filled)] * len(filled)
        encoded = self._encoded(chunks, filled)
        return WhisperBatch(parts=self._parts, encoded=encoded, durations=durations, padded_seconds=tuple(filled))

    def _encoded(self, chunks: Sequence[ChunkAudio], filled: Sequence[float]) -> Encoded:
        """Encode chunks, filled up to so many seconds each, where that was not done before."""
        new = [(chunk, seconds) for chunk, seconds in zip(chunks, filled, strict=True) if chunk.encoded is None]
        made = self._parts.encode([self._mel(chunk.samples, seconds) for chunk, seconds in new])
        if self._device != "cpu":  # all in one, from which none can be taken
            return made
        for (chunk, _), encoded in zip(new, made.chunks, strict=True):
            chunk.encoded = encoded
        return Encoded.apart([chunk.encoded for chunk in chunks if chunk.encoded is not None])

    def _mel(self, chunk: FloatArray, seconds: float) -> FloatArray:
        """Log-mel spectrogram, (mels, frames), filled up to so many seconds."""
        frames = round(seconds * FRAMES_PER_SECOND)
        samples = np.pad(chunk, (0, max(0, _MIN_SAMPLES - len(chunk))))
        mel = np.asarray(self._features(samples), dtype=np.float32)[:, :frames]
        return np.pad(mel, ((0, 0), (0, frames - mel.shape[1])))


def _seeded_network(folder: Path, *, device: str, compute_type: str, threads: int) -> Any:  # noqa: ANN401
    """Load the network once more, with a generator of random numbers at its beginning.

    CTranslate2 keeps one generator a worker thread and reads the seed when the thread first draws; after that there is
    no way to set it, so that a text would depend on the recordings before. Loading tiny.en takes 0.12 s on one core, a
    sampled chunk 0.2 s and more; chunks that need sampling are rare.
    """
    library = require("ctranslate2", "pipeline")
    library.set_random_seed(SEED)
    with threads_kept():
        return library.models.Whisper(str(folder), device=device, compute_type=compute_type, intra_threads=threads)
