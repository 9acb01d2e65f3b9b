from __future__ import annotations

import numpy as np
import pytest

from pipeline.audio import resolve_channels
from pipeline.options import ChannelPolicy
from pipeline.types import FloatArray
from pipeline.waveform import Waveform
from tests.unit.pipeline.audio.recordings import talk

SECONDS = 40.0
AGENT = talk(SECONDS, 1, ((1, 8), (15, 20), (24, 30)))
CALLER = talk(SECONDS, 2, ((8.5, 14), (20.5, 23.5), (31, 38)))
NOISE = np.random.default_rng(3).standard_normal((2, len(AGENT))).astype(np.float32)


def decide(left: FloatArray, right: FloatArray, policy: ChannelPolicy = "auto") -> str:
    return resolve_channels(Waveform(stored=np.stack([left, right]).astype(np.float32)), policy)


def delayed(samples: FloatArray, seconds: float) -> FloatArray:
    return np.roll(samples, round(seconds * 16_000))


@pytest.mark.parametrize("policy", ["mix", "separate"])
def test_a_policy_that_is_given_is_obeyed(policy: ChannelPolicy) -> None:
    assert decide(AGENT, AGENT, policy) == policy
    assert decide(AGENT, CALLER, policy) == policy


def test_a_call_with_a_party_on_each_side_is_separated() -> None:
    assert decide(AGENT, CALLER) == "separate"


@pytest.mark.parametrize("crosstalk", [-20.0, -15.0, -10.0])
@pytest.mark.parametrize("delay", [0.0, 0.2])
@pytest.mark.parametrize("sign", [1, -1])
def test_crosstalk_does_not_hide_the_two_parties(crosstalk: float, delay: float, sign: int) -> None:
    gain = np.float32(sign * 10 ** (crosstalk / 20))
    assert decide(AGENT + gain * delayed(CALLER, delay), CALLER + gain * delayed(AGENT, delay)) == "separate"


def test_a_quiet_caller_in_noise_is_a_party() -> None:
    assert decide(AGENT + 0.001 * NOISE[0], 0.1 * CALLER + 0.001 * NOISE[1]) == "separate"


def test_two_who_talk_at_once_all_the_time_are_two_parties() -> None:
    both = ((1.0, 5.0), (6.0, 39.0))
    assert decide(talk(SECONDS, 5, both), talk(SECONDS, 6, ((1.5, 8.0), (9.0, 12.0), (14.0, 39.0)))) == "separate"


@pytest.mark.parametrize("difference", [0.0, 3.0, 6.0])
def test_the_same_voices_on_both_sides_are_mixed(difference: float) -> None:
    """A meeting in stereo: each voice nearer to one side."""
    gain = np.float32(10 ** (-difference / 20))
    assert decide(AGENT + gain * CALLER, gain * AGENT + CALLER) == "mix"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (AGENT, AGENT),
        (AGENT, -AGENT),
        (AGENT, 0 * AGENT),
        (0 * AGENT, AGENT),
        (AGENT, 0.01 * NOISE[1]),
        (AGENT, 0.5 + 0 * AGENT),
        (AGENT + 0.3, AGENT - 0.3),
        (AGENT, delayed(AGENT, 0.01)),
        (0 * AGENT, 0 * AGENT),
        (NOISE[0], NOISE[1]),
    ],
    ids=[
        "dual mono",
        "antiphase",
        "left only",
        "right only",
        "noise",
        "offset",
        "offsets",
        "wide",
        "silence",
        "noises",
    ],
)
def test_one_party_is_mixed(left: FloatArray, right: FloatArray) -> None:
    assert decide(left, right) == "mix"


@pytest.mark.parametrize("level", [-6.0, -25.0])
@pytest.mark.parametrize("delay", [0.05, 0.2, 0.5])
def test_one_party_and_its_echo_are_mixed(level: float, delay: float) -> None:
    assert decide(AGENT, np.float32(10 ** (level / 20)) * delayed(AGENT, delay)) == "mix"


def test_only_two_channels_are_a_call() -> None:
    three = Waveform(stored=np.stack([AGENT, CALLER, AGENT]))
    assert resolve_channels(three, "auto") == "mix"
    assert resolve_channels(Waveform.of(AGENT), "auto") == "mix"


def test_a_clip_too_short_to_judge_is_mixed() -> None:
    assert decide(AGENT[16_000:24_000], CALLER[:8_000]) == "mix"
