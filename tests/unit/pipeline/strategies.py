"""Random transcripts: of any size, with overlap, speakers of any name, words without a speaker, empty parts."""

from __future__ import annotations

from itertools import groupby

from hypothesis import strategies as st

from pipeline.types import (
    AttributionMethod,
    Diarization,
    DroppedSpan,
    ModelRecord,
    Notice,
    Provenance,
    RecognizedSegment,
    Segment,
    Speaker,
    SpeakerEvidence,
    Timing,
    Transcript,
    Turn,
    Utterance,
    Word,
)

LONGEST = 36_000.0
"""Seconds of the longest recording."""

probabilities = st.floats(0.0, 1.0)
instants = st.floats(0.0, LONGEST)
durations = st.floats(0.0, 30.0) | st.floats(0.0, 0.002)
"""Also of less than a millisecond, and none at all."""
channels = st.none() | st.integers(0, 3)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
"""Any characters: controls, quotes, markup, other scripts."""
markup = st.sampled_from(["-->", "<b>", "</v>", "&amp;", "{i}", "a<b>c", "\\N", ";;", '"', "$x$", "日本語", "مرحبا"])
word_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: text.split() == [text]
)
"""One word: no white space."""
labels = st.sampled_from(["SPEAKER_00", "SPEAKER_01", "Ann B", "Ann_B", "<b>", "UNKNOWN"]) | texts.filter(str.strip)


@st.composite
def words(draw: st.DrawFn, speakers: st.SearchStrategy[str | None]) -> Word:
    """One word at any time; evidence exactly where there is a speaker."""
    start, speaker = draw(instants), draw(speakers)
    evidence = st.builds(
        SpeakerEvidence,
        confidence=probabilities,
        margin=probabilities,
        overlap=probabilities,
        method=st.sampled_from(AttributionMethod),
    )
    return Word(
        text=draw(word_texts | markup),
        start=start,
        end=start + draw(durations),
        confidence=draw(probabilities),
        timing=draw(st.sampled_from(Timing)),
        channel=draw(channels),
        speaker=speaker,
        evidence=None if speaker is None else draw(evidence),
    )


@st.composite
def diarizations(draw: st.DrawFn) -> Diarization:
    """Regular turns that may overlap, exclusive ones that do not, and a list of their speakers."""
    names = draw(st.lists(labels, max_size=4, unique=True))
    turns: list[Turn] = []
    if names:
        stretches = draw(st.lists(st.tuples(instants, durations, st.sampled_from(names)), max_size=8))
        turns = [
            Turn(start=start, end=start + length, speaker=name, confidence=draw(st.none() | probabilities))
            for start, length, name in sorted(stretches)
        ]
    unit = st.none() | st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=4).map(tuple)
    return Diarization(
        turns=tuple(turns),
        exclusive=draw(exclusive_turns(names)) if names else (),
        speakers=tuple(
            Speaker(label=name, speech_seconds=draw(durations), embedding=draw(unit), channel=draw(channels))
            for name in names
        ),
        notices=draw(notices),
    )


@st.composite
def exclusive_turns(draw: st.DrawFn, names: list[str]) -> tuple[Turn, ...]:
    """Turns one after the other, often without a gap between them."""
    steps = draw(st.lists(st.tuples(st.just(0.0) | durations, durations, st.sampled_from(names)), max_size=8))
    turns, now = [], draw(st.floats(0.0, 100.0))
    for gap, length, name in steps:
        turns.append(Turn(start=now + gap, end=now + gap + length, speaker=name))
        now = turns[-1].end
    return tuple(turns)


notices = st.lists(st.builds(Notice, code=texts, message=texts), max_size=2).map(tuple)
dropped = st.builds(
    lambda start, length, text, channel: DroppedSpan(
        start=start, end=start + length, text=text, reason="no_speech", channel=channel
    ),
    instants,
    durations,
    texts,
    channels,
)
provenances = st.builds(
    Provenance,
    version=texts,
    models=st.lists(st.builds(ModelRecord, kind=texts, name=texts, sha256=st.none() | texts), max_size=2).map(tuple),
    options=st.dictionaries(texts, st.none() | st.booleans() | st.integers(-9, 9) | texts, max_size=3),
    device=texts,
    stage_seconds=st.dictionaries(texts, st.floats(0.0, 1e6), max_size=3),
)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """A whole transcript whose utterances and segments hold its words."""
    diarization = draw(diarizations())
    speakers = st.sampled_from([None, *diarization.labels])
    spoken = tuple(sorted(draw(st.lists(words(speakers), max_size=12)), key=lambda word: word.start))
    return Transcript(
        uri=draw(texts),
        duration=draw(instants),
        channels=draw(st.integers(1, 16)),
        language=draw(st.sampled_from(["en", "de", "und"])),
        language_confidence=draw(st.none() | probabilities),
        words=spoken,
        utterances=utterances_of(spoken),
        segments=draw(segments_of(spoken)),
        diarization=diarization,
        speech=tuple(
            Segment(start, start + length)
            for start, length in draw(st.lists(st.tuples(instants, durations), max_size=3))
        ),
        dropped=draw(st.lists(dropped, max_size=2).map(tuple)),
        notices=draw(notices),
        provenance=draw(provenances),
    )


def utterances_of(spoken: tuple[Word, ...]) -> tuple[Utterance, ...]:
    """Runs of words with one speaker."""
    runs = (tuple(run) for _, run in groupby(spoken, key=lambda word: word.speaker))
    return tuple(Utterance(speaker=run[0].speaker, words=run, channel=run[0].channel) for run in runs)


@st.composite
def segments_of(draw: st.DrawFn, spoken: tuple[Word, ...]) -> tuple[RecognizedSegment, ...]:
    """The words in two pieces, cut anywhere."""
    cut = draw(st.integers(0, len(spoken)))
    pieces = [piece for piece in (spoken[:cut], spoken[cut:]) if piece]
    return tuple(
        RecognizedSegment(
            start=piece[0].start,
            end=max(word.end for word in piece),
            text=" ".join(word.text for word in piece),
            words=piece,
            avg_logprob=draw(st.floats(-10.0, 0.0)),
            no_speech_prob=draw(probabilities),
            compression_ratio=draw(st.floats(0.0, 50.0)),
            temperature=draw(st.sampled_from([0.0, 0.2, 0.8])),
        )
        for piece in pieces
    )
