"""The whole pipeline over tones: who speaks when, and what is said, is known exactly."""

from __future__ import annotations

import io
import threading
import wave
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from torch import Tensor

from pipeline.errors import EmptyFile, InvalidOption, SpeakerCountUnreachable
from pipeline.hooks import Hook
from pipeline.options import (
    AlignmentOptions,
    AsrOptions,
    DiarizationOptions,
    PipelineOptions,
    SegmentationOptions,
    SpeakerCount,
)
from pipeline.pace import Alone
from pipeline.segmentation.segmenter import Segmentation
from pipeline.types import AttributionMethod, ModelRecord, Notice, Transcript
from pipeline.waveform import Waveform
from tests.unit.pipeline.conversation import PROFILE, ToneNetwork, Turns
from tests.unit.pipeline.talk import MODELS, SECONDS, TALK, ChannelSegmenter, Listener, pipeline_for, spoken

TINY = Notice("fallback_model", "The small one was used.")


def transcribe(*channels: Turns, options: PipelineOptions | None = None, notices: Sequence[Notice] = ()) -> Transcript:
    pipeline, audio = pipeline_for(channels, options, notices)
    return pipeline(audio)


def test_every_word_is_its_speakers() -> None:
    result = transcribe(TALK)
    names = {"a": "SPEAKER_00", "b": "SPEAKER_01"}
    assert [word.text for word in result.words] == [text for _, text in spoken(TALK)]
    assert [word.speaker for word in result.words] == [names[word.text[0]] for word in result.words]
    assert all(word.evidence and word.evidence.method is AttributionMethod.EXCLUSIVE for word in result.words)


def test_a_transcript_knows_its_recording() -> None:
    result = transcribe(TALK)
    assert (result.uri, result.duration, result.channels) == ("talk", SECONDS, 1)
    assert (result.language, result.language_confidence) == ("en", None)
    assert [round(stretch.start) for stretch in result.speech] == [1, 10, 24, 32]
    assert result.diarization.labels == ("SPEAKER_00", "SPEAKER_01")
    assert result.notices == ()
    assert all(word.channel is None for word in result.words)


@pytest.mark.parametrize("channels", [(TALK,), (TALK, {1: [(0.5, 6.0)]})])
def test_both_parts_at_once_give_what_they_give_one_after_the_other(channels: tuple[Turns, ...]) -> None:
    pipeline, audio = pipeline_for(channels)
    one_by_one = pipeline(audio)
    pipeline.pace = Alone(overlaps=True)
    found = pipeline(audio)
    assert (found.words, found.diarization) == (one_by_one.words, one_by_one.diarization)
    assert (found.segments, found.notices) == (one_by_one.segments, one_by_one.notices)


def test_the_recognizer_does_not_wait_for_the_voices() -> None:
    pipeline, audio = pipeline_for([TALK])
    pipeline.pace, heard = Alone(overlaps=True), threading.Event()
    network = cast("ToneNetwork", pipeline.diarizer.encoder.network)
    embed = network.frames

    def frames(features: Tensor) -> Tensor:
        assert heard.wait(5.0)
        return embed(features)

    def hook(stage: str, done: float, total: float) -> None:
        if stage == "asr":
            heard.set()

    network.frames = frames  # type: ignore[method-assign]
    assert pipeline(audio, hook).words


def test_what_the_voices_raise_ends_the_recognizer_as_well() -> None:
    pipeline, audio = pipeline_for([TALK])
    pipeline.pace = Alone(overlaps=True)
    with pytest.raises(SpeakerCountUnreachable):
        pipeline(audio, options=PipelineOptions(speakers=SpeakerCount(exactly=7, strict=True)))


def test_utterances_are_the_words_by_speaker() -> None:
    result = transcribe(TALK)
    assert [utterance.speaker for utterance in result.utterances] == [f"SPEAKER_0{number}" for number in (0, 1, 0, 1)]
    assert [word for utterance in result.utterances for word in utterance.words] == list(result.words)


def test_provenance_says_how_a_result_was_made() -> None:
    options = PipelineOptions(asr=AsrOptions(beam_size=2), speakers=SpeakerCount(exactly=2))
    made = transcribe(TALK, options=options).provenance
    assert made.version
    assert made.models == MODELS
    # Where nobody says how many, the models do.
    filled = {"diarization": None, "asr": {**options.plain()["asr"], "batch_size": 8}}
    assert {**made.options, "diarization": None} == {**options.plain(), **filled}
    assert made.options["asr"]["beam_size"] == 2
    assert made.options["speakers"]["exactly"] == 2
    assert made.device == "cpu"
    assert list(made.stage_seconds)[:4] == ["decode", "segmentation", "diarization", "asr"]
    assert all(seconds >= 0 for seconds in made.stage_seconds.values())


def test_provenance_holds_the_threshold_that_acted() -> None:
    """The embedding model's own, where none was asked for."""
    asked = PipelineOptions(diarization=DiarizationOptions(threshold=0.6))
    assert transcribe(TALK).provenance.options["diarization"]["threshold"] == PROFILE.cut
    assert transcribe(TALK, options=asked).provenance.options["diarization"]["threshold"] == 0.6


def test_an_aligner_that_had_no_part_is_not_in_the_provenance() -> None:
    pipeline, audio = pipeline_for([TALK])
    pipeline.models = (*MODELS, ModelRecord(kind="alignment", name="none", sha256=None))
    assert pipeline(audio).provenance.models == MODELS


def test_separate_channels_have_a_speaker_each() -> None:
    left, right = ({voice: spans} for voice, spans in TALK.items())
    result = transcribe(left, right, options=PipelineOptions(channels="separate"))
    assert result.channels == 2
    assert {(word.text[0], word.speaker, word.channel) for word in result.words} == {
        ("a", "CHANNEL_00", 0),
        ("b", "CHANNEL_01", 1),
    }
    assert len(result.words) == len(spoken(TALK))
    assert all(word.evidence and word.evidence.method is AttributionMethod.CHANNEL for word in result.words)
    assert [word.start for word in result.words] == sorted(word.start for word in result.words)
    assert result.diarization.labels == ("CHANNEL_00", "CHANNEL_01")
    assert {(turn.speaker, turn.channel) for turn in result.diarization.turns} == {("CHANNEL_00", 0), ("CHANNEL_01", 1)}


def test_channels_of_one_party_each_are_segmented_for_speech_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who speaks is known: windows for it would be three times as many."""
    steps: list[float] = []
    hear = ChannelSegmenter.hear

    def noted(self: ChannelSegmenter, audio: Waveform, hook: Hook | None, step: float) -> Segmentation:
        steps.append(step)
        return hear(self, audio, hook, step)

    monkeypatch.setattr(ChannelSegmenter, "hear", noted)
    left, right = ({voice: spans} for voice, spans in TALK.items())
    transcribe(left, right, options=PipelineOptions(channels="separate"))
    transcribe(TALK)
    assert steps == [SegmentationOptions().speech_step, SegmentationOptions().speech_step, 1.0]


def test_segments_of_separate_channels_say_which_as_do_their_words() -> None:
    left, right = ({voice: spans} for voice, spans in TALK.items())
    result = transcribe(left, right, options=PipelineOptions(channels="separate"))
    assert [one.start for one in result.segments] == sorted(one.start for one in result.segments)
    assert {one.channel for one in result.segments} == {0, 1}
    for recognized in result.segments:
        assert {(word.text[0], word.channel) for word in recognized.words} == {
            ("ab"[recognized.channel or 0], recognized.channel)
        }


def test_two_who_speak_at_once_on_channels_of_their_own_keep_all_their_words() -> None:
    left, right = {0: [(2.0, 12.0)]}, {1: [(4.0, 9.0)]}
    result = transcribe(left, right, options=PipelineOptions(channels="separate"))
    assert [utterance.channel for utterance in result.utterances] == [0, 1]
    assert [(round(stretch.start), round(stretch.end)) for stretch in result.speech] == [(2, 12)]
    assert [len(utterance.words) for utterance in result.utterances] == [len(spoken(left)), len(spoken(right))]


def test_exclusive_turns_of_separate_channels_do_not_overlap() -> None:
    result = transcribe({0: [(2.0, 12.0)]}, {1: [(4.0, 15.0)]}, options=PipelineOptions(channels="separate"))
    exclusive = [(turn.channel, round(turn.start), round(turn.end)) for turn in result.diarization.exclusive]
    assert exclusive == [(0, 2, 12), (1, 12, 15)]
    overlap = [word.evidence.overlap for word in result.words if word.evidence and 5 < word.start < 11]
    assert min(overlap) == pytest.approx(1.0)


def test_a_count_that_the_channels_do_not_make_is_said() -> None:
    left, right = ({voice: spans} for voice, spans in TALK.items())
    options = PipelineOptions(channels="separate", speakers=SpeakerCount(exactly=3))
    assert [notice.code for notice in transcribe(left, right, options=options).notices] == ["speaker_count_unreachable"]
    strict = PipelineOptions(channels="separate", speakers=SpeakerCount(exactly=3, strict=True))
    with pytest.raises(SpeakerCountUnreachable):
        transcribe(left, right, options=strict)


def test_channels_that_cannot_be_separate_are_said_to_be_one() -> None:
    result = transcribe(TALK, options=PipelineOptions(channels="separate"))
    assert [notice.code for notice in result.notices] == ["single_channel"]
    assert result.diarization.labels == ("SPEAKER_00", "SPEAKER_01")


def test_progress_over_separate_channels_never_goes_back() -> None:
    left, right = ({voice: spans} for voice, spans in TALK.items())
    pipeline, audio = pipeline_for([left, right], PipelineOptions(channels="separate"))
    told: list[tuple[str, float]] = []
    pipeline(audio, lambda stage, done, total: told.append((stage, done / total)))
    shares = [share for stage, share in told if stage == "asr"]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_a_silent_channel_says_nothing() -> None:
    result = transcribe({0: [(2.0, 12.0)]}, {}, options=PipelineOptions(channels="separate"))
    assert {word.channel for word in result.words} == {0}


def test_silence_gives_an_empty_transcript() -> None:
    result = transcribe({})
    assert (result.words, result.utterances, result.segments, result.speech) == ((), (), (), ())
    assert (result.diarization.speakers, result.text, result.language) == ((), "", "en")


def test_notices_of_all_stages_are_said_once() -> None:
    pipeline, audio = pipeline_for([TALK], PipelineOptions(speakers=SpeakerCount(exactly=4)), [TINY, TINY])
    loss = Notice("truncated", "The end is missing.")
    codes = [notice.code for notice in pipeline(replace(audio, notices=(loss, loss))).notices]
    assert codes == ["fallback_model", "truncated", "speaker_count_unreachable"]


def test_notices_of_separate_channels_are_said_once() -> None:
    left, right = ({voice: spans} for voice, spans in TALK.items())
    pipeline, audio = pipeline_for([left, right], PipelineOptions(channels="separate"), [TINY])
    pipeline.backend = cast("Listener", pipeline.backend)
    pipeline.backend.languages, pipeline.backend.detects = ("en", "de"), {"en": 0.4, "de": 0.3}
    result = pipeline(audio)
    codes = [notice.code for notice in result.notices]
    assert codes[0] == "fallback_model"
    assert len(codes) == len(set(codes)) == 2
    assert result.language == "en"


def test_options_of_one_call_replace_the_pipelines() -> None:
    pipeline, audio = pipeline_for([TALK])
    result = pipeline(audio, options=PipelineOptions(speakers=SpeakerCount(exactly=1)))
    assert result.diarization.labels == ("SPEAKER_00",)
    assert pipeline(audio).diarization.labels == ("SPEAKER_00", "SPEAKER_01")


def test_a_cut_given_with_the_call_reaches_the_diarization() -> None:
    pipeline, audio = pipeline_for([{0: [(1.0, 9.0)], 1: [(21.0, 29.0)]}])
    loose = PipelineOptions(diarization=DiarizationOptions(threshold=1.9))
    assert len(pipeline(audio, options=loose).diarization.speakers) == 1
    assert len(pipeline(audio).diarization.speakers) == 2


def test_a_strict_count_that_is_not_there_raises() -> None:
    with pytest.raises(SpeakerCountUnreachable):
        transcribe(TALK, options=PipelineOptions(speakers=SpeakerCount(exactly=4, strict=True)))


def test_forced_alignment_without_an_aligner_is_refused() -> None:
    with pytest.raises(InvalidOption, match="no forced aligner"):
        transcribe(TALK, options=PipelineOptions(alignment=AlignmentOptions(method="forced")))


def test_progress_passes_all_stages_in_order() -> None:
    pipeline, audio = pipeline_for([TALK])
    told: dict[str, list[float]] = {}
    pipeline(audio, lambda stage, done, total: told.setdefault(stage, []).append(done / total))
    assert list(told) == ["segmentation", "embedding", "clustering", "relabelling", "asr", "alignment"]
    assert all(shares == sorted(shares) and shares[-1] <= 1 for shares in told.values())


def test_bytes_of_a_file_are_decoded_first() -> None:
    """Half a second of silence at 8 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 4000, "NONE", "NONE"))
        writer.writeframes(bytes(8000))
    pipeline, _ = pipeline_for([{}])
    result = pipeline(file.getvalue())
    assert result.duration == pytest.approx(0.5, abs=0.01)
    assert result.words == ()
    with pytest.raises(EmptyFile):
        pipeline(b"")
