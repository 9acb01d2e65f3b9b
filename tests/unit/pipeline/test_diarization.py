"""Diarization of tones: segmentation knows who is active, and a voice is its pitch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from pipeline.diarization import DiarizationPipeline, assign, observe
from pipeline.embedding.local_speakers import LocalSpeakers
from pipeline.errors import SpeakerCountUnreachable
from pipeline.options import DiarizationOptions, SpeakerCount
from pipeline.segmentation.segmenter import FRAMES
from pipeline.types import Diarization, Segment, Turn
from pipeline.waveform import Waveform
from tests.unit.pipeline.conversation import (
    KnowingSegmenter,
    SmallNetwork,
    ToneNetwork,
    Turns,
    direction,
    segment,
    sing,
    tone_encoder,
    voice_of,
)

SECONDS = 60.0
MEETING: Turns = {
    2: [(1.0, 9.0), (30.0, 36.0)],
    0: [(9.5, 18.0), (35.0, 44.0), (52.0, 55.0)],
    5: [(19.0, 29.0), (45.0, 51.0)],
}
"""Voices begin in the order 2, 0, 5; voices 2 and 0 overlap from 35 s to 36 s."""


def diarize(
    turns: Turns, seconds: float = SECONDS, count: SpeakerCount | None = None, options: DiarizationOptions | None = None
) -> Diarization:
    pipeline = DiarizationPipeline(KnowingSegmenter(turns), tone_encoder(), options)
    return pipeline(sing(turns, seconds), count)


def wrong_seconds(found: Sequence[Turn], turns: Turns, labels: Sequence[int]) -> float:
    """Speaker seconds on which the turns and the truth differ; `labels`: the voice of SPEAKER_00, SPEAKER_01, …."""
    wrong = 0.0
    for number, voice in enumerate(labels):
        truth = [Segment(*span) for span in turns[voice]]
        mine = [turn.segment for turn in found if turn.speaker == f"SPEAKER_{number:02d}"]
        shared = sum(a.overlap(b) for a in truth for b in mine)
        wrong += sum(s.duration for s in truth) + sum(s.duration for s in mine) - 2 * shared
    return wrong


def test_everyone_gets_their_turns() -> None:
    found = diarize(MEETING)
    assert found.labels == ("SPEAKER_00", "SPEAKER_01", "SPEAKER_02")
    assert wrong_seconds(found.turns, MEETING, [2, 0, 5]) < 0.02 * 52
    assert found.notices == ()


def test_labels_follow_the_order_of_first_appearance() -> None:
    found = diarize(MEETING)
    assert [voice_of(speaker.embedding or ()) for speaker in found.speakers] == [2, 0, 5]
    assert list(dict.fromkeys(turn.speaker for turn in found.turns)) == list(found.labels)


def test_speakers_have_their_seconds_and_a_unit_voice() -> None:
    for speaker in (found := diarize(MEETING)).speakers:
        turns = [turn for turn in found.turns if turn.speaker == speaker.label]
        assert speaker.speech_seconds == pytest.approx(sum(turn.duration for turn in turns))
        assert np.linalg.norm(speaker.embedding or ()) == pytest.approx(1, abs=1e-4)


def test_overlap_is_in_the_regular_turns_only() -> None:
    found = diarize(MEETING)
    overlap = [(a, b) for a, b in pairwise(found.turns) if a.segment.overlap(b.segment) > 0.5]
    assert [(a.speaker, b.speaker) for a, b in overlap] == [("SPEAKER_00", "SPEAKER_01")]
    assert all(before.end <= after.start for before, after in pairwise(found.exclusive))
    assert {turn.speaker for turn in found.exclusive} == set(found.labels)


def test_one_voice_is_one_speaker() -> None:
    found = diarize({3: [(1.0, 7.0), (9.0, 14.0)]}, 20.0)
    assert found.labels == ("SPEAKER_00",)
    assert wrong_seconds(found.turns, {3: [(1.0, 7.0), (9.0, 14.0)]}, [3]) < 0.3


@pytest.mark.parametrize("seconds", [0.0, 1 / 16_000, 0.05, 9.0, 25.0])
def test_silence_has_no_speakers(seconds: float) -> None:
    assert diarize({}, seconds) == Diarization(turns=(), exclusive=(), speakers=())


def test_silence_is_said_not_to_hold_the_speakers_asked_for() -> None:
    (notice,) = diarize({}, 9.0, SpeakerCount(exactly=2)).notices
    assert notice.code == "speaker_count_unreachable"
    with pytest.raises(SpeakerCountUnreachable):
        diarize({}, 9.0, SpeakerCount(at_least=1, strict=True))
    assert diarize({}, 9.0, SpeakerCount(at_most=3)).notices == ()


def test_who_never_speaks_alone_is_an_unknown_voice() -> None:
    """Somebody speaks for a quarter of a second: a turn, but nothing to know the voice by."""
    found = diarize({1: [(3.0, 3.25)]}, 10.0)
    assert found.labels == ("SPEAKER_00",)
    assert found.speakers[0].embedding is None
    assert found.turns[0].duration == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_an_exact_count_is_honoured(wanted: int) -> None:
    found = diarize(MEETING, count=SpeakerCount(exactly=wanted))
    assert len(found.speakers) == wanted
    assert found.notices == ()


def test_bounds_are_honoured_and_otherwise_change_nothing() -> None:
    assert len(diarize(MEETING, count=SpeakerCount(at_most=2)).speakers) == 2
    assert diarize(MEETING, count=SpeakerCount(at_least=2, at_most=5)) == diarize(MEETING)


def test_a_count_that_cannot_be_reached_is_said_in_a_notice() -> None:
    found = diarize(MEETING, count=SpeakerCount(exactly=5))
    assert len(found.speakers) == 3
    (notice,) = found.notices
    assert notice.code == "speaker_count_unreachable"
    assert "5 speakers were asked for and 3 could be told apart" in notice.message


def test_a_lower_bound_that_cannot_be_reached_is_said_as_well() -> None:
    (notice,) = diarize(MEETING, count=SpeakerCount(at_least=4)).notices
    assert notice.code == "speaker_count_unreachable"
    assert "4 to any speakers" in notice.message


@pytest.mark.parametrize("count", [SpeakerCount(exactly=5, strict=True), SpeakerCount(at_least=4, strict=True)])
def test_a_strict_count_that_cannot_be_reached_raises(count: SpeakerCount) -> None:
    with pytest.raises(SpeakerCountUnreachable, match="3 could be told apart"):
        diarize(MEETING, count=count)


def test_a_strict_count_that_is_reached_does_not_raise() -> None:
    assert len(diarize(MEETING, count=SpeakerCount(exactly=2, strict=True)).speakers) == 2


def test_a_lower_threshold_tells_more_voices_apart() -> None:
    """Of voices that no window hears together, the threshold alone decides."""
    apart: Turns = {0: [(1.0, 9.0)], 1: [(20.0, 28.0)], 2: [(40.0, 48.0)]}
    found = [len(diarize(apart, options=DiarizationOptions(threshold=cut)).speakers) for cut in (0.7, 1.9)]
    assert found == [3, 1]


def test_voices_that_speak_side_by_side_stay_apart_at_any_threshold() -> None:
    assert len(diarize(MEETING, options=DiarizationOptions(threshold=1.9)).speakers) == 3


def test_pauses_are_left_out_of_turns_where_asked() -> None:
    """Segmentation bridges a pause of half a second, energy does not."""
    heard, believed = {0: [(1.0, 5.0), (5.5, 9.0)]}, {0: [(1.0, 9.0)]}
    audio = sing(heard, 10.0)
    trimmed, whole = (
        DiarizationPipeline(KnowingSegmenter(believed), tone_encoder(), DiarizationOptions(trim_pauses=trim))(audio)
        for trim in (True, False)
    )
    assert len(whole.turns) == 1
    assert [round(edge, 1) for turn in trimmed.turns for edge in (turn.start, turn.end)] == [1.0, 5.0, 5.5, 9.0]


def test_short_gaps_are_filled_and_short_turns_dropped() -> None:
    options = DiarizationOptions(min_gap=1.0, min_turn=0.5, trim_pauses=False)
    found = diarize({0: [(1.0, 4.0), (4.5, 8.0)], 1: [(12.0, 18.0), (8.5, 8.8)]}, 20.0, options=options)
    assert [round(turn.duration) for turn in found.turns] == [7, 6]


def test_relabelling_corrects_what_segmentation_confuses() -> None:
    """Segmentation takes both for one local speaker wherever they follow each other without a pause."""
    believed = {0: [(1.0, 20.0), (40.0, 48.0)], 1: [(21.0, 30.0)]}
    truth: Turns = {0: [(1.0, 17.0), (40.0, 48.0)], 1: [(17.0, 20.0), (21.0, 30.0)]}
    pipeline = DiarizationPipeline(KnowingSegmenter(believed), tone_encoder())
    corrected = pipeline(sing(truth, 50.0)).turns
    left = pipeline.with_options(DiarizationOptions(relabel=False))(sing(truth, 50.0)).turns
    assert wrong_seconds(left, truth, [0, 1]) > 5.0
    assert wrong_seconds(corrected, truth, [0, 1]) < 3.0


def test_other_options_share_the_models() -> None:
    pipeline = DiarizationPipeline(KnowingSegmenter(MEETING), tone_encoder())
    other = pipeline.with_options(DiarizationOptions(threshold=0.3))
    assert other.segmenter is pipeline.segmenter
    assert other.encoder is pipeline.encoder
    assert (pipeline.options.threshold, other.options.threshold) == (None, 0.3)


def test_a_given_cut_also_bounds_how_far_it_is_lowered() -> None:
    pipeline = DiarizationPipeline(KnowingSegmenter({}), tone_encoder(), DiarizationOptions(threshold=0.3))
    options = pipeline.clustering
    assert (options.cut, options.lowest_cut, options.lowest_known_cut) == (0.3, 0.3, 0.3)


def test_progress_passes_every_stage_and_never_goes_back() -> None:
    told: dict[str, list[float]] = {}

    def hook(stage: str, done: float, total: float) -> None:
        assert total == SECONDS
        told.setdefault(stage, []).append(done)

    DiarizationPipeline(KnowingSegmenter(MEETING), tone_encoder())(sing(MEETING, SECONDS), hook=hook)
    assert list(told) == ["embedding", "clustering", "relabelling"]
    assert all(seconds == sorted(seconds) for seconds in told.values())
    assert all(0 < seconds[-1] <= SECONDS for seconds in told.values())


def test_a_reader_learns_that_there_was_no_memory_for_whole_batches() -> None:
    """Neither for the windows nor for the pieces; each is said, and nothing is heard otherwise."""
    network = SmallNetwork()
    network.room = 1
    turns: Turns = {0: [(0.5, 4.3), (10.2, 14.0)], 1: [(5.0, 8.8), (14.5, 18.3)]}
    audio, segmenter = sing(turns, 19.0), KnowingSegmenter(turns)
    plenty, short = (DiarizationPipeline(segmenter, tone_encoder(kind)) for kind in (ToneNetwork(), network))
    segmentation, expected = segmenter(audio), plenty(audio)
    windows = short.with_options(DiarizationOptions(relabel=False))(audio)
    pieces = short.diarize(audio, segmentation, local=plenty.embed(audio, segmentation))
    assert expected.notices == ()
    for found in (windows, pieces, short(audio)):
        assert {notice.code for notice in found.notices} == {"memory_short"}
    assert short(audio).turns == pieces.turns == expected.turns


def local_speakers(clean: list[list[float]], voices: list[list[int]]) -> LocalSpeakers:
    """Voices by number, -1 where there was nothing to hear."""
    embeddings = np.stack([[direction(max(voice, 0)) for voice in row] for row in voices])
    embeddings[np.array(voices) < 0] = np.nan
    seconds = np.array(clean, dtype=np.float32)
    return LocalSpeakers(embeddings, seconds, seconds)


def test_windows_are_as_far_apart_as_they_start() -> None:
    observations = observe(local_speakers([[3.0, 3.0]] * 12, [[0, 1]] * 12), np.arange(12) * 59, 2.0)
    assert observations.windows.tolist() == np.repeat(np.arange(12), 2).tolist()
    assert observations.step == pytest.approx(59 * FRAMES.step)


def test_only_who_was_alone_long_enough_is_clustered() -> None:
    local = local_speakers([[5.0, 1.0], [2.0, 0.0], [3.0, 9.0]], [[0, 1], [0, -1], [0, -1]])
    assert observe(local, np.array([0, 59, 118]), 2.0).windows.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("clean", "expected"), [([0.9, 0.6], 2), ([0.05, 0.01], 2), ([5.0, 0.7], 2)])
def test_too_few_are_made_up_for_by_shorter_ones(clean: list[float], expected: int) -> None:
    assert len(observe(local_speakers([clean], [[0, 1]]), np.array([0]), 2.0)) == expected


def test_every_local_speaker_goes_to_the_closest_voice() -> None:
    local = local_speakers([[5.0, 0.5], [2.0, 0.0]], [[4, 1], [1, -1]])
    voices = np.stack([direction(1), direction(4)])
    assert assign(local, voices).tolist() == [[1, 0], [0, -1]]
    assert assign(local, voices[:1]).tolist() == [[0, 0], [0, -1]]
    assert assign(local, voices[:0]).tolist() == [[-1, -1], [-1, -1]]


CALLER: Turns = {4: [(2.0, 5.0), (8.0, 12.0), (14.0, 14.2)]}


def alone(turns: Turns, seconds: float = 20.0) -> Diarization:
    pipeline = DiarizationPipeline(KnowingSegmenter(turns), tone_encoder())
    return pipeline.single_voice(sing(turns, seconds), segment(turns, seconds), "CHANNEL_01", 1)


def test_a_channel_of_its_own_has_one_speaker_without_clustering() -> None:
    found = alone(CALLER)
    assert [round(turn.duration, 1) for turn in found.turns] == [3.0, 4.0, 0.2]
    assert {(turn.speaker, turn.channel) for turn in found.turns} == {("CHANNEL_01", 1)}
    (speaker,) = found.speakers
    assert (speaker.label, speaker.channel) == ("CHANNEL_01", 1)
    assert voice_of(speaker.embedding or ()) == 4
    assert found.exclusive == found.turns


def test_two_on_one_channel_are_still_that_channel() -> None:
    found = alone({0: [(1.0, 6.0)], 1: [(5.0, 9.0)]})
    assert [(round(turn.start), round(turn.end)) for turn in found.turns] == [(1, 9)]
    assert all(turn.confidence is not None and 0 <= turn.confidence <= 1 for turn in found.turns)


def test_a_silent_channel_has_no_speaker() -> None:
    assert alone({}) == Diarization(turns=(), exclusive=(), speakers=())
    assert alone({}, 0.0).speakers == ()


def test_scraps_on_a_channel_are_a_speaker_without_a_voice() -> None:
    (speaker,) = alone({1: [(3.0, 3.25)]}).speakers
    assert speaker.embedding is None


def test_two_channels_are_not_diarized_as_one() -> None:
    stereo = Waveform.of(np.zeros((2, 16_000), dtype=np.float32))
    with pytest.raises(ValueError, match="expected one channel"):
        DiarizationPipeline(KnowingSegmenter({0: [(0.0, 1.0)]}), tone_encoder())(stereo)


def test_the_voice_of_a_channel_is_known_however_quiet_it_is() -> None:
    """Segmentation hears speech far below what counts as sound: a quiet party must not fail the recording."""
    turns = {0: [(1.0, 6.0)]}
    loud = sing(turns, 12.0)
    quiet = Waveform.of(loud.samples * np.float32(1e-5))
    pipeline = DiarizationPipeline(KnowingSegmenter(turns), tone_encoder(), DiarizationOptions(trim_pauses=False))
    (speaker,) = pipeline.single_voice(quiet, segment(turns, 12.0), "CHANNEL_00", 0).speakers
    assert speaker.embedding is not None
    assert np.linalg.norm(speaker.embedding) == pytest.approx(1.0, abs=1e-3)
