"""Diarization: who spoke when. Composes segmentation, speaker embedding and clustering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.clustering import ClusteringOptions, Observations, find_known_speakers, find_speakers
from pipeline.device import resolve_precision
from pipeline.embedding.encoder import MIN_SECONDS, SpeakerEncoder
from pipeline.embedding.local_speakers import LocalSpeakers, embed_local_speakers
from pipeline.errors import SpeakerCountUnreachable
from pipeline.hooks import Hook, NullHook
from pipeline.models.store import ModelStore
from pipeline.options import DiarizationOptions, SegmentationOptions, SpeakerCount
from pipeline.pauses import quiet_frames
from pipeline.relabelling import embed_pieces, merge_same, relabel
from pipeline.segmentation.segmenter import FRAME_SAMPLES, Segmentation, Segmenter
from pipeline.timeline import drop_short, exclusive, select_speakers, smooth, speaker_scores, to_turns
from pipeline.types import BoolArray, Diarization, FloatArray, IntArray, Notice, Segment, Speaker, Turn, rename_speakers
from pipeline.waveform import SAMPLE_RATE, Waveform

VOICE_SECONDS = 30.0
"""Enough of a voice to know it, in seconds."""
SHORTEST_CLEAN = 0.1
"""A voice heard alone for less, in seconds, cannot be told from another."""


class DiarizationPipeline:
    """Loaded segmentation and embedding models."""

    def __init__(
        self, segmenter: Segmenter, encoder: SpeakerEncoder, options: DiarizationOptions | None = None
    ) -> None:
        self.segmenter = segmenter
        self.encoder = encoder
        self.options = options or DiarizationOptions()

    @classmethod
    def from_pretrained(
        cls,
        store: ModelStore,
        *,
        segmentation: str = "segmentation-3.0",
        embedding: str = "campplus",
        device: str = "cpu",
        precision: str = "auto",
        threads: int = 1,
        options: DiarizationOptions | None = None,
        segmentation_options: SegmentationOptions | None = None,
    ) -> DiarizationPipeline:
        """Load the models from the store; `precision` is `auto`, `float32` or `bfloat16`.

        `threads`, on a CPU: batches of the networks that are at work at the same time; what is found is the same.
        Raises `ModelUnavailable`, `ModelCorrupt`, `UnknownModel`, or `InvalidOption` for an unknown precision.
        """
        dtype = resolve_precision(precision, device)
        segmenter = Segmenter.from_pretrained(store, segmentation, device, segmentation_options, dtype, threads)
        return cls(segmenter, SpeakerEncoder.from_pretrained(store, embedding, device, dtype, threads), options)

    def __call__(self, audio: Waveform, count: SpeakerCount | None = None, hook: Hook | None = None) -> Diarization:
        """Diarize a one-channel recording.

        Raises `SpeakerCountUnreachable` where `count` is strict and cannot be honoured.
        """
        return self.diarize(audio, self.segmenter(audio, hook), count, hook)

    def with_options(self, options: DiarizationOptions) -> DiarizationPipeline:
        """Share the loaded models under other options."""
        return DiarizationPipeline(self.segmenter, self.encoder, options)

    def single_voice(self, audio: Waveform, segmentation: Segmentation, label: str, channel: int) -> Diarization:
        """Turns of the one voice of a channel; raises nothing, silence gives no turns."""
        speaking = segmentation.speech.values[:, None]
        active = self.shape_turns(audio, segmentation, speaking > self.options.speech_onset)
        turns = tuple(replace(turn, channel=channel) for turn in to_turns(active, speaking, [label], audio.duration))
        speakers = (
            Speaker(
                label=label,
                speech_seconds=sum(turn.duration for turn in turns),
                embedding=self._voice_of(audio, turns),
                channel=channel,
            ),
        )
        return Diarization(
            turns=turns, exclusive=turns, speakers=speakers if turns else (), notices=segmentation.notices
        )

    def _voice_of(self, audio: Waveform, turns: Sequence[Turn]) -> tuple[float, ...] | None:
        """Embed the longest turns, up to half a minute of them; None where there are only scraps."""
        chosen, seconds = [], 0.0
        for turn in sorted(turns, key=lambda turn: -turn.duration):
            if turn.duration < MIN_SECONDS or seconds >= VOICE_SECONDS:
                break
            stretch = Segment(turn.start, min(turn.end, turn.start + VOICE_SECONDS - seconds))
            chosen.append(audio.crop(stretch))
            seconds += stretch.duration
        if not chosen:
            return None
        return tuple(self.encoder.voice(np.concatenate(chosen)).tolist())

    def embed(self, audio: Waveform, segmentation: Segmentation, hook: Hook | None = None) -> LocalSpeakers:
        """Listen to the local speakers of all windows of a one-channel recording."""
        return embed_local_speakers(audio, segmentation, self.encoder, hook)

    def diarize(
        self,
        audio: Waveform,
        segmentation: Segmentation,
        count: SpeakerCount | None = None,
        hook: Hook | None = None,
        local: LocalSpeakers | None = None,
    ) -> Diarization:
        """Diarize a one-channel recording whose segmentation is at hand, and maybe the voices of `embed`, too."""
        count, hook = count or SpeakerCount(), hook or NullHook()
        local = local or self.embed(audio, segmentation, hook)
        voices = self.find_voices(local, segmentation, count)  # (speakers, dimension)
        labels = assign(local, voices)  # (windows, local speakers)
        hook("clustering", audio.duration, audio.duration)
        scores = speaker_scores(segmentation, labels, len(voices))  # (frames, speakers)
        active = select_speakers(segmentation, scores, self.options.speech_onset, self.options.overlap_onset)
        notices = [*segmentation.notices, *local.notices]
        if self.options.relabel and len(voices) > 1:
            relabelling = self.options.relabelling
            pieces = embed_pieces(audio, active, self.encoder, relabelling, hook)
            heard = relabel(active, scores, pieces, relabelling)
            notices += pieces.notices
            voices = np.where(np.isnan(heard), voices, heard)
            same = self.encoder.profile.same_speaker
            active, scores, voices = merge_same(active, scores, voices, same, count.lower)
        active = self.shape_turns(audio, segmentation, active)
        found = _assemble(active, scores, voices, audio.duration)
        return honour_count(replace(found, notices=tuple(dict.fromkeys(notices))), count)

    def find_voices(self, local: LocalSpeakers, segmentation: Segmentation, count: SpeakerCount) -> FloatArray:
        """Cluster the local speakers that were heard alone long enough: (speakers, dimension), unit norm."""
        if not local.embedded.any():  # somebody speaks, but never alone for long: one voice, unknown
            return np.zeros((int((local.active_seconds > 0).any()), self.encoder.dimension), dtype=np.float32)
        options = self.clustering
        voices = find_speakers(observe(local, segmentation.starts, self.options.min_clean), options)
        wanted = max(count.lower, min(len(voices), count.upper or len(voices)))
        if wanted != len(voices):
            observations = observe(local, segmentation.starts, self.options.min_known_clean)
            voices = find_known_speakers(observations, options, wanted)
        return voices

    @property
    def precision(self) -> str:
        """Numbers in which the networks compute: `float32` or `bfloat16`."""
        return str(self.encoder.dtype).removeprefix("torch.")

    @property
    def clustering(self) -> ClusteringOptions:
        """Clustering options of the embedding model, with the cut that was asked for."""
        profile = self.encoder.profile
        cut = profile.cut if self.options.threshold is None else self.options.threshold
        return ClusteringOptions(
            cut=cut,
            lowest_cut=min(cut, profile.lowest_cut),
            lowest_known_cut=min(cut, profile.lowest_known_cut),
        )

    def shape_turns(self, audio: Waveform, segmentation: Segmentation, active: BoolArray) -> BoolArray:
        """Take out pauses, fill short gaps, drop short turns: (frames, speakers)."""
        shaped = smooth(active, self.options.min_gap, self.options.min_turn)
        if not self.options.trim_pauses:
            return shaped
        quiet = quiet_frames(audio, segmentation.speech, self.options.pauses)
        for speaker in range(shaped.shape[1]):
            pauses = quiet & shaped[:, speaker]
            drop_short(pauses, self.options.min_pause)
            shaped[pauses, speaker] = False
        return smooth(shaped, self.options.min_gap, self.options.min_turn)


def observe(local: LocalSpeakers, starts: IntArray, min_clean: float) -> Observations:
    """Collect what can be clustered: local speakers alone for `min_clean` seconds, for less where there are too few."""
    while (chosen := local.embedded & (local.clean_seconds >= min_clean)).sum() < 2:  # noqa: PLR2004
        if min_clean < SHORTEST_CLEAN:
            chosen = local.embedded
            break
        min_clean /= 2
    steps = np.diff(starts[:2]) if len(starts) > 1 else np.ones(1)
    step = float(steps[0]) * FRAME_SAMPLES / SAMPLE_RATE
    windows = np.nonzero(chosen)[0]
    return Observations(local.embeddings[chosen], local.clean_seconds[chosen], windows.astype(np.int64), step)


def assign(local: LocalSpeakers, voices: FloatArray) -> IntArray:
    """Give every local speaker to the closest voice, -1 where there was nothing to hear: (windows, local speakers)."""
    if len(voices) == 1:
        return np.where(local.active_seconds > 0, 0, -1).astype(np.int64)
    labels = np.full(local.active_seconds.shape, -1, dtype=np.int64)
    if len(voices):
        labels[local.embedded] = (local.embeddings[local.embedded] @ voices.T).argmax(axis=1)
    return labels


def _assemble(active: BoolArray, scores: FloatArray, voices: FloatArray, duration: float) -> Diarization:
    numbers = [str(speaker) for speaker in range(active.shape[1])]
    turns = to_turns(active, scores, numbers, duration)
    single = to_turns(exclusive(active, scores), scores, numbers, duration)
    names = rename_speakers(turns)
    speakers = tuple(
        Speaker(
            label=name,
            speech_seconds=float(sum(turn.duration for turn in turns if turn.speaker == number)),
            embedding=tuple(voices[int(number)].tolist()) if voices[int(number)].any() else None,
        )
        for number, name in names.items()
    )
    return Diarization(
        turns=tuple(replace(turn, speaker=names[turn.speaker]) for turn in turns),
        exclusive=tuple(replace(turn, speaker=names[turn.speaker]) for turn in single if turn.speaker in names),
        speakers=speakers,
    )


def honour_count(diarization: Diarization, count: SpeakerCount) -> Diarization:
    """Say so where the number of speakers is not what was asked for.

    Raises `SpeakerCountUnreachable` instead where `count` is strict.
    """
    found, fewest = len(diarization.speakers), count.exactly or count.at_least or 0
    if fewest <= found <= (count.upper or found):
        return diarization
    asked = f"{count.exactly}" if count.exactly else f"{count.at_least or 'any'} to {count.at_most or 'any'}"
    message = (
        f"{asked} speakers were asked for and {found} could be told apart: voices that speak too little on their own, "
        "or sound too much alike, cannot be. A lower threshold tells more voices apart."
    )
    if count.strict:
        raise SpeakerCountUnreachable(message)
    return replace(diarization, notices=(*diarization.notices, Notice("speaker_count_unreachable", message)))
