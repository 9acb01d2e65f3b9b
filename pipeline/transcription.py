"""From a recording to who said what, when: the stages in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Final

from pipeline.alignment.aligner import ForcedAligner
from pipeline.alignment.english_aligner import EnglishAligner
from pipeline.artefacts import diarization as diarization_artefact
from pipeline.artefacts import embeddings as embeddings_artefact
from pipeline.artefacts import recognition as recognition_artefact
from pipeline.artefacts import segmentation as segmentation_artefact
from pipeline.asr.backend import AsrBackend
from pipeline.asr.batching import Batching, OwnBatches
from pipeline.asr.choice import best_available
from pipeline.asr.faster_whisper import FasterWhisper
from pipeline.asr.recognition import Recognizer
from pipeline.attribution import assign_channels, assign_speakers, build_utterances, channel_label
from pipeline.audio import AudioSource, decode, downmix
from pipeline.checkpoints import Checkpoints, NoCheckpoints, Stages
from pipeline.cores import default_threads
from pipeline.device import begin_thread, bound_threads, device_errors, resolve_device
from pipeline.diarization import DiarizationPipeline, honour_count
from pipeline.embedding.local_speakers import LocalSpeakers
from pipeline.frames import merge_touching
from pipeline.hooks import Hook, NullHook
from pipeline.memory import give_back
from pipeline.models.store import ModelStore
from pipeline.options import PipelineOptions
from pipeline.pace import Alone, Pace, Reports
from pipeline.parties import (
    ChannelHook,
    join_diarizations,
    join_recognitions,
    keeps_channels_apart,
    noting_single_channel,
    on_channel,
)
from pipeline.segmentation.segmenter import Segmentation
from pipeline.segmentation.vad import detect_speech
from pipeline.stopwatch import Stopwatch
from pipeline.types import (
    UNDETERMINED,
    Diarization,
    ModelRecord,
    Notice,
    Provenance,
    Recognition,
    Segment,
    Timing,
    Transcript,
    Word,
)
from pipeline.waveform import Waveform

WORD_STAGES: Final = {"asr", "alignment", "attribution"}
"""Options that have no part in a result without words."""

LONG: Final = 600.0
"""Seconds of audio from which memory is given back between two stages: 0.1 GB in a hundredth of a second."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What was heard on one channel, or on all of them mixed."""

    speech: tuple[Segment, ...]
    recognition: Recognition
    diarization: Diarization


class TranscriptionPipeline:
    """Loaded models and the options they run with. Holds nothing of a recording: one pipeline serves many.

    Without a `backend` it tells who spoke when, and no words. `pace` says whether speech is recognized while voices are
    told apart.
    """

    def __init__(
        self,
        diarizer: DiarizationPipeline,
        backend: AsrBackend | None,
        aligner: ForcedAligner | None = None,
        options: PipelineOptions | None = None,
        *,
        models: Sequence[ModelRecord] = (),
        notices: Sequence[Notice] = (),
        batching: Batching = OwnBatches,
        pace: Pace | None = None,
    ) -> None:
        self.diarizer = diarizer
        self.backend = backend
        self.aligner = aligner
        self.options = options or PipelineOptions(diarization=diarizer.options)
        self.models = tuple(models)
        self.notices = tuple(notices)
        self.batching = batching
        self.pace = pace or Alone()

    @classmethod
    def from_pretrained(
        cls,
        model: str | None = None,
        *,
        segmentation: str = "segmentation-3.0",
        embedding: str = "campplus",
        device: str = "auto",
        precision: str = "auto",
        compute_type: str | None = None,
        threads: int | None = None,
        options: PipelineOptions | None = None,
        store: ModelStore | None = None,
    ) -> TranscriptionPipeline:
        """Load everything; what is not on this machine yet is fetched.

        `model`, `segmentation`, `embedding` are names of the catalog or local paths. Without `model` the recognizer is
        Whisper large-v3-turbo on a GPU and small on a CPU, or else the tiny English one, and results then say so.
        `device` is `auto`, `cpu` or `cuda`; `threads` are CPU threads, None for as many as there are cores, up to
        eight. With more than one, on a CPU, voices are told apart beside the recognizer; results are the same.
        `precision` is that of diarization and, in int8 on x86, of the recognizer's encoder: `auto`, `float32` or
        `bfloat16`. `compute_type` is the recognizer's, one of CTranslate2's (None: float16 on a GPU, int8 on a CPU).
        Libraries of the whole process are held to a thread (`pipeline.device.bound_threads`).

        Raises `ModelUnavailable`, `ModelCorrupt`, `UnknownModel`, `MissingDependency`, or `InvalidOption` where there
        is no CUDA device.
        """
        store, threads = store or ModelStore.from_environment(), threads or default_threads()
        wordless = cls.without_words(
            segmentation=segmentation,
            embedding=embedding,
            device=device,
            precision=precision,
            threads=threads,
            options=options,
            store=store,
        )
        return wordless.with_recognizer(
            model,
            EnglishAligner(),
            device=device,
            compute_type=compute_type,
            precision=precision,
            threads=threads,
            store=store,
            parallel=threads > 1 and resolve_device(device) == "cpu",
        )

    def with_recognizer(
        self,
        model: str | None,
        aligner: ForcedAligner,
        *,
        device: str = "auto",
        compute_type: str | None = None,
        precision: str = "auto",
        threads: int | None = None,
        store: ModelStore,
        parallel: bool = False,
    ) -> TranscriptionPipeline:
        """Share what tells who spoke when, and load a recognizer beside it.

        `threads` None: up to four. Raises what `from_pretrained` raises.
        """
        device, options = resolve_device(device), self.options
        name, notices = (model, []) if model else best_available(store, device, options.asr)
        backend = FasterWhisper.from_pretrained(store, name, device, compute_type, threads or 0, precision)
        give_back()  # weights in the numbers that they were stored in
        recognizer = replace(store.record(name), kind="asr")
        alignment = ModelRecord(kind="alignment", name=aligner.name, sha256=None)
        models = (*self.models, recognizer, alignment)
        return TranscriptionPipeline(
            self.diarizer, backend, aligner, options, models=models, notices=notices, pace=Alone(overlaps=parallel)
        )

    @classmethod
    def without_words(
        cls,
        *,
        segmentation: str = "segmentation-3.0",
        embedding: str = "campplus",
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        options: PipelineOptions | None = None,
        store: ModelStore | None = None,
    ) -> TranscriptionPipeline:
        """Load what tells who spoke when, and no recognizer: as `from_pretrained`."""
        store = store or ModelStore.from_environment()
        options = options or PipelineOptions()
        bound_threads()
        diarizer = DiarizationPipeline.from_pretrained(
            store,
            segmentation=segmentation,
            embedding=embedding,
            device=resolve_device(device),
            precision=precision,
            threads=threads or default_threads(),
            options=options.diarization,
            segmentation_options=options.segmentation,
        )
        kinds = {"segmentation": segmentation, "embedding": embedding}
        models = [replace(store.record(used), kind=kind) for kind, used in kinds.items()]
        return cls(diarizer, None, None, options, models=models)

    def among_others(self, pace: Pace, batching: Batching) -> TranscriptionPipeline:
        """Share the loaded models, at another pace, and with chunks put together in another way."""
        models, notices = self.models, self.notices
        return TranscriptionPipeline(
            self.diarizer,
            self.backend,
            self.aligner,
            self.options,
            models=models,
            notices=notices,
            batching=batching,
            pace=pace,
        )

    @device_errors()
    def __call__(
        self,
        source: AudioSource | Waveform,
        hook: Hook | None = None,
        options: PipelineOptions | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> Transcript:
        """Transcribe a path, bytes, a binary file or a decoded waveform.

        `options` replace the pipeline's own for this recording, except those of loaded models (segmentation step).
        `checkpoints` keep what each stage finishes; stages they have are not run again, and the result is the same.
        Raises `AudioError` where the recording cannot be used, `InvalidOption` where the model cannot do what is asked,
        `SpeakerCountUnreachable` where a strict number of speakers is not there, `OutOfMemory` where not even batches
        of one fit, `DeviceLost` where the GPU has failed; and what `checkpoints` raise.
        """
        begin_thread()
        hook, options, watch = Reports(hook or NullHook(), self.pace), options or self.options, Stopwatch()
        checkpoints = NoCheckpoints() if checkpoints is None else checkpoints
        with watch.stage("decode"):
            audio = source if isinstance(source, Waveform) else decode(source, limits=options.limits, hook=hook)
            separate = keeps_channels_apart(audio, options)
            channels = audio.channels
            audio = audio if separate else downmix(noting_single_channel(audio, options))
        stages = Stages(checkpoints=checkpoints, watch=watch, duration=audio.duration, pace=self.pace)
        if separate:
            heard = self._hear_parties(audio, options, hook, stages)
            words = assign_channels(heard.recognition.words, heard.diarization)
        else:
            heard = self._hear(audio, options, hook, stages)
            words = assign_speakers(heard.recognition.words, heard.diarization, options.attribution)
        return Transcript(
            uri=audio.uri,
            duration=audio.duration,
            channels=channels,
            language=heard.recognition.language,
            language_confidence=heard.recognition.language_confidence,
            words=words,
            utterances=build_utterances(words, options.attribution),
            segments=heard.recognition.segments,
            diarization=heard.diarization,
            speech=heard.speech,
            dropped=heard.recognition.dropped,
            notices=_unique(self.notices, audio.notices, heard.recognition.notices, heard.diarization.notices),
            provenance=Provenance(
                version=version("hansard"),
                models=_in_use(self.models, words),
                options=self._plain(options),
                device=str(self.diarizer.segmenter.device),
                stage_seconds=watch.seconds,
            ),
        )

    def _hear(self, audio: Waveform, options: PipelineOptions, hook: Hook, stages: Stages) -> Heard:
        """Listen to one channel: that of one party, or, without a number, everyone's, whose voices are told apart."""
        segmenter = self.diarizer.segmenter
        slide = segmenter if stages.channel is None else segmenter.for_speech
        with stages.watch.stage("segmentation"):
            segmentation = stages("segmentation", segmentation_artefact, lambda: slide(audio, hook))
            speech = detect_speech(segmentation, options.vad)

        kept = [segmentation]
        del segmentation  # large for a long recording

        def diarize(step: Hook) -> Diarization:
            try:
                return self._diarize(audio, kept.pop(), options, step, stages)
            finally:
                if audio.duration >= LONG:
                    give_back()

        def recognize(step: Hook) -> Recognition:
            return self._recognize(audio, speech, options, step, stages)

        if self.pace.overlaps and self.backend is not None:
            diarization, recognition = self.pace.together(diarize, recognize, hook)
        else:
            diarization = diarize(hook)
            recognition = recognize(hook)
        return Heard(
            speech=speech,
            recognition=recognition if stages.channel is None else on_channel(recognition, stages.channel),
            diarization=diarization,
        )

    def _diarize(
        self, audio: Waveform, segmentation: Segmentation, options: PipelineOptions, hook: Hook, stages: Stages
    ) -> Diarization:
        with stages.watch.stage("diarization"):
            found = stages(
                "diarization",
                diarization_artefact,
                lambda: self._find_turns(audio, segmentation, options, hook, stages),
            )
        hook("relabelling", audio.duration, audio.duration)  # also where there was nothing to tell apart
        return found

    def _find_turns(
        self, audio: Waveform, segmentation: Segmentation, options: PipelineOptions, hook: Hook, stages: Stages
    ) -> Diarization:
        """Turns of the one voice of a channel, or of all the voices that can be told apart."""
        diarizer, channel = self.diarizer.with_options(options.diarization), stages.channel
        if channel is not None:
            return diarizer.single_voice(audio, segmentation, channel_label(channel), channel)

        def fits(kept: LocalSpeakers) -> bool:
            windows, speakers = len(segmentation.starts), segmentation.powerset.speakers
            return kept.embeddings.shape == (windows, speakers, diarizer.encoder.dimension)

        local = stages("embedding", embeddings_artefact, lambda: diarizer.embed(audio, segmentation, hook), fits)
        return diarizer.diarize(audio, segmentation, options.speakers, hook, local)

    def _hear_parties(self, audio: Waveform, options: PipelineOptions, hook: Hook, stages: Stages) -> Heard:
        """One party on each channel, heard one after the other."""
        parties = [
            self._hear(
                audio.channel(number),
                options,
                ChannelHook(hook, number, audio.channels),
                replace(stages, channel=number),
            )
            for number in range(audio.channels)
        ]
        diarization = join_diarizations([party.diarization for party in parties])
        return Heard(
            speech=merge_touching([segment for party in parties for segment in party.speech]),
            recognition=join_recognitions([party.recognition for party in parties]),
            diarization=honour_count(diarization, options.speakers),
        )

    def _plain(self, options: PipelineOptions) -> dict[str, Any]:
        """The options as they acted, with what the models decide filled in."""
        plain = options.plain()
        if self.backend is None:
            plain = {stage: value for stage, value in plain.items() if stage not in WORD_STAGES}
        else:
            plain["asr"]["batch_size"] = options.asr.batch_size or self.backend.batch_size
        plain["diarization"]["precision"] = self.diarizer.precision
        plain["diarization"]["threshold"] = self.diarizer.with_options(options.diarization).clustering.cut
        return plain

    def _recognize(
        self, audio: Waveform, speech: Sequence[Segment], options: PipelineOptions, hook: Hook, stages: Stages
    ) -> Recognition:
        if self.backend is None:
            return Recognition(segments=(), dropped=(), language=UNDETERMINED, language_confidence=None)
        recognizer = Recognizer(self.backend, options.asr, self.aligner, options.alignment, self.batching)
        with stages.watch.stage("asr"):
            return stages("recognition", recognition_artefact, lambda: recognizer(audio, speech, hook))


def _in_use(models: Sequence[ModelRecord], words: Sequence[Word]) -> tuple[ModelRecord, ...]:
    """The models that had a part: an aligner has none where no word was aligned."""
    aligned = any(word.timing is Timing.ALIGNED for word in words)
    return tuple(model for model in models if model.kind != "alignment" or aligned)


def _unique(*groups: Sequence[Notice]) -> tuple[Notice, ...]:
    """All notices, in order, each once."""
    return tuple(dict.fromkeys(notice for group in groups for notice in group))
