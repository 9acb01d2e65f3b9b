from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.attribution import assign_channels, assign_speakers, build_utterances, snap_boundaries
from pipeline.options import AttributionOptions
from pipeline.types import AttributionMethod, Diarization, Segment, Speaker, SpeakerEvidence, Timing, Turn, Word
from tests.unit.pipeline import strategies

LONG = AttributionOptions(max_nearest=5.0)


def word(text: str, start: float, end: float, channel: int | None = None) -> Word:
    return Word(text=text, start=start, end=end, confidence=0.9, timing=Timing.ALIGNED, channel=channel)


def diarization(*turns: tuple[str, float, float], exclusive: Sequence[tuple[str, float, float]] = ()) -> Diarization:
    """Turns as (speaker, start, end); the same for exclusive ones unless given."""
    regular = tuple(Turn(speaker=speaker, start=start, end=end) for speaker, start, end in turns)
    single = tuple(Turn(speaker=speaker, start=start, end=end) for speaker, start, end in exclusive)
    speakers = tuple(
        Speaker(label=label, speech_seconds=1.0) for label in dict.fromkeys(turn.speaker for turn in regular)
    )
    return Diarization(turns=regular, exclusive=single or regular, speakers=speakers)


def only(
    spoken: Word, found: Diarization, options: AttributionOptions | None = None
) -> tuple[str | None, SpeakerEvidence]:
    (attributed,) = assign_speakers([spoken], found, options)
    assert attributed.evidence is not None
    return attributed.speaker, attributed.evidence


@st.composite
def options(draw: st.DrawFn) -> AttributionOptions:
    return AttributionOptions(
        max_nearest=draw(st.sampled_from([0.0, 0.5, 2.0, 1e6])),
        snap=draw(st.booleans()),
        max_pause=draw(st.floats(0, 3)),
    )


spoken_words = st.lists(strategies.words(st.none()), max_size=15)


@given(spoken_words, strategies.diarizations(), options())
def test_every_word_is_kept_as_it_was_said(words: list[Word], found: Diarization, chosen: AttributionOptions) -> None:
    """Whatever the words and turns: their order, their times and their text stay."""
    attributed = assign_speakers(words, found, chosen)
    assert [replace(one, speaker=None, evidence=None) for one in attributed] == words


@given(spoken_words, strategies.diarizations(), options())
def test_evidence_is_there_exactly_where_a_speaker_is(
    words: list[Word], found: Diarization, chosen: AttributionOptions
) -> None:
    for one in assign_speakers(words, found, chosen):
        assert (one.evidence is None) == (one.speaker is None)
        assert one.speaker is None or one.speaker in found.labels
        if one.evidence:
            assert 0 <= one.evidence.confidence <= 1
            assert 0 <= one.evidence.margin <= 1
            assert 0 <= one.evidence.overlap <= 1


@given(strategies.words(st.none()), st.floats(0, 5), st.floats(0, 5))
def test_a_word_inside_one_turn_is_its_speakers(spoken: Word, before: float, after: float) -> None:
    speaker, evidence = only(spoken, diarization(("Ann", spoken.start - before, spoken.end + after + 0.01)))
    assert speaker == "Ann"
    assert (evidence.confidence, evidence.margin, evidence.overlap) == (1.0, 1.0, 0.0)


def test_a_word_across_two_turns_is_whose_share_is_larger() -> None:
    speaker, evidence = only(word("both", 1.0, 2.0), diarization(("Ann", 0, 1.25), ("Ben", 1.25, 3)))
    assert speaker == "Ben"
    assert evidence == SpeakerEvidence(confidence=0.75, margin=0.5, overlap=0.0, method=AttributionMethod.EXCLUSIVE)


def test_silence_inside_a_word_speaks_for_nobody() -> None:
    speaker, evidence = only(word("slow", 1.0, 2.0), diarization(("Ann", 0, 1.1)))
    assert (speaker, evidence.confidence) == ("Ann", 1.0)


def test_overlap_is_the_share_of_the_word_in_which_two_speak() -> None:
    found = diarization(("Ann", 0, 1.75), ("Ben", 1.5, 3), exclusive=[("Ann", 0, 1.75), ("Ben", 1.75, 3)])
    speaker, evidence = only(word("over", 1.0, 2.0), found)
    assert speaker == "Ann"
    assert evidence.overlap == pytest.approx(0.25)


def test_three_at_once_overlap_no_more_than_two() -> None:
    found = diarization(("Ann", 0, 3), ("Ben", 0, 3), ("Cleo", 0, 3), exclusive=[("Ann", 0, 3)])
    assert only(word("crowd", 1.0, 2.0), found)[1].overlap == pytest.approx(1.0)


def test_a_word_in_silence_goes_to_the_nearest_turn() -> None:
    found = diarization(("Ann", 0, 1), ("Ben", 4, 5))
    assert only(word("who", 1.5, 1.8), found)[0] == "Ann"
    speaker, evidence = only(word("who", 3.4, 3.6), found, LONG)
    assert speaker == "Ben"
    assert evidence.method is AttributionMethod.NEAREST
    assert 0.5 < evidence.confidence < 1


@pytest.mark.parametrize("start", [3.2, 10.0])
def test_a_word_far_from_every_turn_has_no_speaker(start: float) -> None:
    (lost,) = assign_speakers([word("hm", start, start + 0.2)], diarization(("Ann", 0, 1), ("Ben", 20, 21)))
    assert (lost.speaker, lost.evidence) == (None, None)


def test_an_earlier_attribution_is_forgotten() -> None:
    old = assign_channels([word("hm", 10, 10.2, 0)], diarization())
    assert old[0].speaker == "CHANNEL_00"
    (lost,) = assign_speakers(old, diarization(("Ben", 0, 1)))
    assert (lost.speaker, lost.evidence) == (None, None)


def test_a_word_without_length_belongs_to_the_turn_around_it() -> None:
    """Also where no distance to a turn is allowed."""
    for reach in (0.0, 2.0):
        speaker, _ = only(word("hm", 3.0, 3.0), diarization(("Ann", 0, 5)), AttributionOptions(max_nearest=reach))
        assert speaker == "Ann"


def test_without_turns_nobody_speaks() -> None:
    assert [one.speaker for one in assign_speakers([word("hm", 1, 2)], diarization())] == [None]
    assert assign_speakers([], diarization()) == ()


def test_a_long_turn_is_found_behind_many_short_ones() -> None:
    """A turn that began long ago still runs."""
    many = [("Ben", 100 + second, 100.5 + second) for second in range(500)]
    found = diarization(("Ann", 0, 1000), *many, exclusive=[("Ann", 0, 100), *many, ("Ann", 700, 1000)])
    _, evidence = only(word("now", 550.1, 550.3), found)
    assert evidence.overlap == pytest.approx(1.0)


def test_a_channels_words_are_its_partys() -> None:
    (said,) = assign_channels([word("hello", 0, 1, 1)], diarization())
    assert said.speaker == "CHANNEL_01"
    assert said.evidence == SpeakerEvidence(confidence=1.0, margin=1.0, overlap=0.0, method=AttributionMethod.CHANNEL)


def test_overlap_on_channels_is_the_share_in_which_the_other_party_speaks() -> None:
    """Its own turn does not count, whether or not it runs to the word's very edge."""
    turns = (
        Turn(start=0.0, end=0.9, speaker="CHANNEL_00", channel=0),
        Turn(start=0.75, end=3.0, speaker="CHANNEL_01", channel=1),
    )
    found = Diarization(turns=turns, exclusive=turns, speakers=())
    left, right = assign_channels([word("hello", 0, 1, 0), word("yes", 1.5, 2.0, 1)], found)
    assert left.evidence is not None
    assert right.evidence is not None
    assert left.evidence.overlap == pytest.approx(0.25)
    assert right.evidence.overlap == 0.0


def test_a_word_without_a_channel_is_nobodys_channel() -> None:
    plain = word("hm", 0, 1)
    assert assign_channels([plain], diarization()) == (plain,)


def attributed(text: str, speaker: str | None, start: float, *, margin: float = 1.0, method: str = "exclusive") -> Word:
    """A word of 0.3 s; a margin of 0 means that its two speakers share it evenly."""
    evidence = SpeakerEvidence(
        confidence=(1 + margin) / 2, margin=margin, overlap=0.0, method=AttributionMethod(method)
    )
    plain = word(text, start, round(start + 0.3, 3))
    return plain if speaker is None else replace(plain, speaker=speaker, evidence=evidence)


def line(*parts: tuple[str, str, float], pause: dict[int, float] | None = None) -> list[Word]:
    """Words as (text, speaker, margin) one after the other; `pause`: seconds of silence before a word."""
    words, now = [], 0.0
    for number, (text, speaker, margin) in enumerate(parts):
        now = round(now + (pause or {}).get(number, 0.0), 3)
        words.append(attributed(text, speaker or None, now, margin=margin))
        now = round(now + 0.3, 3)
    return words


def speakers(words: Sequence[Word]) -> str:
    return "".join(snapped.speaker or "-" for snapped in snap_boundaries(words))


SNAPPING = {
    "the first word of a sentence goes with its sentence": (
        line(("Yes.", "A", 1), ("I", "A", 0.4), ("do", "B", 1), ("too", "B", 1)),
        "ABBB",
    ),
    "the last word of a sentence stays with it": (
        line(("I", "A", 1), ("do", "A", 1), ("too.", "B", 0.4), ("Good", "B", 1)),
        "AAAB",
    ),
    "a pause draws the boundary like a sentence end": (
        line(("I", "A", 1), ("do", "A", 0.4), ("well", "B", 1), pause={1: 0.2}),
        "ABB",
    ),
    "two words move if both are weak": (
        line(("Yes.", "A", 1), ("But", "A", 0.5), ("I", "A", 0.4), ("do", "B", 1)),
        "ABBB",
    ),
    "three words are too many": (
        line(("Yes.", "A", 1), ("But", "A", 0.5), ("I", "A", 0.5), ("will", "A", 0.4), ("do", "B", 1)),
        "AAAAB",
    ),
    "strong evidence holds a word": (
        line(("Yes.", "A", 1), ("I", "A", 0.7), ("do", "B", 1), ("too", "B", 1)),
        "AABB",
    ),
    "one strong word of two holds both": (
        line(("Yes.", "A", 1), ("But", "A", 0.9), ("I", "A", 0.4), ("do", "B", 1)),
        "AAAB",
    ),
    "a natural boundary does not move": (
        line(("Yes.", "A", 1), ("No.", "A", 0.1), ("I", "B", 0.1), ("do", "B", 1)),
        "AABB",
    ),
    "a boundary after a pause does not move": (
        line(("Yes.", "A", 1), ("no", "A", 0.1), ("I", "B", 0.1), ("do", "B", 1), pause={2: 0.2}),
        "AABB",
    ),
    "without a natural place near by nothing moves": (
        line(("I", "A", 0.1), ("do", "A", 0.1), ("you", "B", 0.1), ("do", "B", 0.1)),
        "AABB",
    ),
    "the nearer of two places is taken": (
        line(("Yes.", "A", 1), ("No", "A", 0.4), ("I", "A", 0.4), ("do.", "B", 0.4), ("Good", "B", 1)),
        "AAAAB",
    ),
    "a stretch of one word never vanishes": (
        line(("Yes.", "A", 1), ("hm", "B", 0.1), ("I", "A", 1), ("do", "A", 1)),
        "ABAA",
    ),
    "words without a speaker are left alone": (
        line(("Yes.", "A", 1), ("hm", "A", 0.1), ("I", "", 1), ("do", "B", 1)),
        "AA-B",
    ),
}


@pytest.mark.parametrize("case", SNAPPING)
def test_boundaries_snap_to_natural_places_only_over_weak_words(case: str) -> None:
    words, expected = SNAPPING[case]
    assert speakers(words) == expected, case


def test_a_word_outside_every_turn_is_weak_whatever_its_margin() -> None:
    near = attributed("I", "A", 0.3, method="nearest")
    words = [attributed("Yes.", "A", 0.0), near, attributed("do", "B", 0.6)]
    assert speakers(words) == "ABB"


def test_a_word_that_changes_hands_keeps_honest_evidence() -> None:
    """Its confidence is what spoke for the new speaker."""
    moved = snap_boundaries(SNAPPING["the first word of a sentence goes with its sentence"][0])[1]
    assert moved.evidence is not None
    assert moved.evidence.confidence == pytest.approx(0.3)
    assert moved.evidence.margin == 0.0


def test_snapping_can_be_turned_off() -> None:
    words = [word("Yes.", 0.0, 0.3), word("I", 0.3, 0.6), word("do", 0.6, 0.9)]
    found = diarization(("A", 0, 0.5), ("B", 0.5, 2))
    assert [one.speaker for one in assign_speakers(words, found)] == ["A", "B", "B"]
    assert [one.speaker for one in assign_speakers(words, found, AttributionOptions(snap=False))] == ["A", "A", "B"]


@given(st.lists(strategies.words(st.sampled_from(["A", "B", None])), max_size=15), st.floats(0, 5))
def test_utterances_hold_every_word_once(words: list[Word], max_pause: float) -> None:
    utterances = build_utterances(words, AttributionOptions(max_pause=max_pause))
    assert sorted(map(repr, words)) == sorted(repr(one) for utterance in utterances for one in utterance.words)
    for utterance in utterances:
        assert {(one.speaker, one.channel) for one in utterance.words} == {(utterance.speaker, utterance.channel)}
    assert [one.start for one in utterances] == sorted(one.start for one in utterances)


@given(st.lists(strategies.words(st.sampled_from(["A", "B", None])), max_size=15), st.floats(0, 5))
def test_no_pause_inside_an_utterance_is_too_long(words: list[Word], max_pause: float) -> None:
    for utterance in build_utterances(words, AttributionOptions(max_pause=max_pause)):
        for before, after in zip(utterance.words, utterance.words[1:], strict=False):
            assert after.start - before.end <= max_pause


def test_a_new_speaker_or_a_long_pause_begins_a_new_utterance() -> None:
    words = [
        attributed("One", "A", 0.0),
        attributed("two", "A", 1.0),
        attributed("three", "B", 1.3),
        attributed("four", "B", 2.7),
    ]
    assert [utterance.text for utterance in build_utterances(words)] == ["One two", "three", "four"]
    assert len(build_utterances(words, AttributionOptions(max_pause=2.0))) == 2


def test_words_without_a_speaker_are_utterances_of_nobody() -> None:
    (nobody,) = build_utterances([word("hm", 0, 1), word("well", 1, 2)])
    assert (nobody.speaker, nobody.text) == (None, "hm well")


def test_channels_do_not_cut_into_each_other() -> None:
    """Each party's sentence stays whole though the other speaks at the same time."""
    left = [word("How", 0, 0.3, 0), word("are", 0.4, 0.6, 0), word("you?", 0.7, 1, 0)]
    right = [word("Well", 0.2, 0.5, 1), word("then", 0.6, 0.9, 1)]
    utterances = build_utterances(assign_channels([*left, *right], diarization()))
    assert [(one.channel, one.text) for one in utterances] == [(0, "How are you?"), (1, "Well then")]


def test_an_utterance_spans_its_words() -> None:
    (utterance,) = build_utterances([word("long", 0.0, 2.0), word("short", 0.5, 0.7)])
    assert (utterance.start, utterance.end) == (0.0, 2.0)
    assert Segment(utterance.start, utterance.end).duration == 2.0
