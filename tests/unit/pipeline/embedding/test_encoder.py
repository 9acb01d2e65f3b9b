from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from pipeline.embedding import encoder as encoder_module
from pipeline.embedding.campplus import CamPlusPlus
from pipeline.embedding.encoder import MIN_SECONDS, SpeakerEncoder
from pipeline.embedding.profile import CAMPPLUS, ECAPA, WESPEAKER, EmbeddingProfile
from pipeline.embedding.resnet import ResNet34
from pipeline.embedding.verification import verify
from pipeline.errors import AudioTooShort, NoSpeech, UnknownModel
from pipeline.models.digests import sha256_of
from pipeline.models.manifest import Manifest
from pipeline.models.store import ModelStore
from pipeline.waveform import Waveform
from tests.unit.pipeline.conversation import PROFILE, SmallNetwork, ToneNetwork, direction, sing, tone_encoder, voice_of


class OneModelStore:
    """A store that holds one safetensors file under every name."""

    def __init__(self, folder: Path, tensors: dict[str, Tensor]) -> None:
        self.file = folder / "weights.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, self.file)
        Manifest(
            name="net",
            source="test",
            entry=self.file.name,
            main="net.ckpt",
            originals={"net.ckpt": "0"},
            files={self.file.name: sha256_of(self.file)},
            size=1,
        ).write(folder)

    def path(self, name: str) -> Path:
        return self.file


class ShapeNetwork(ToneNetwork):
    """Remembers how many stretches of which length came to it at once."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: set[tuple[int, int]] = set()

    def frames(self, features: Tensor) -> Tensor:
        self.shapes.add((features.shape[0], features.shape[1]))
        return super().frames(features)


def load(folder: Path, tensors: dict[str, Tensor]) -> SpeakerEncoder:
    return SpeakerEncoder.from_pretrained(cast("ModelStore", OneModelStore(folder, tensors)), "net")


def test_a_checkpoint_is_recognised_by_its_tensors(tmp_path: Path) -> None:
    torch.manual_seed(1)
    tensors = {f"resnet.{name}": tensor for name, tensor in ResNet34().state_dict().items()}
    encoder = load(tmp_path, tensors)
    assert isinstance(encoder.network, ResNet34)
    assert encoder.profile is WESPEAKER
    assert encoder.dimension == 256


def test_a_checkpoint_of_another_network_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"net is none of .* CAM\+\+, ECAPA-TDNN, WeSpeaker"):
        load(tmp_path, {"encoder.weight": torch.zeros(3)})


def test_an_embedding_has_unit_norm() -> None:
    torch.manual_seed(2)
    unit = SpeakerEncoder(CamPlusPlus(), CAMPPLUS).embed(sing({0: [(0, 1)]}, 1.0))
    assert unit.shape == (192,)
    assert unit.dtype == np.float32
    assert np.linalg.norm(unit) == pytest.approx(1, abs=1e-5)


def test_the_level_of_a_recording_does_not_matter() -> None:
    """The mean of the features, which holds the level, is taken out before the network hears them."""
    torch.manual_seed(2)
    encoder = SpeakerEncoder(CamPlusPlus(), CAMPPLUS)
    noise = np.random.default_rng(4).normal(0, 0.1, 16_000).astype(np.float32)
    loud, quiet = (encoder.embed(Waveform.of(np.float32(gain) * noise)) for gain in (1, 0.25))
    assert loud @ quiet > 0.9999


def test_silence_has_no_voice() -> None:
    with pytest.raises(NoSpeech, match="there is nothing to hear"):
        tone_encoder().embed(Waveform.of(np.zeros(16_000, np.float32)))


def test_a_long_recording_is_heard_in_stretches() -> None:
    """So that memory does not grow with its length; the voice is the mean of theirs."""
    network = ToneNetwork()
    embedding = tone_encoder(network).embed(sing({3: [(0.0, 70.0)]}, 70.0))
    assert len(network.lengths) == 3
    assert embedding @ direction(3) > 0.99
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)


def test_too_little_voice_is_refused() -> None:
    with pytest.raises(AudioTooShort, match=r"conversation: 0\.39 s"):
        tone_encoder().embed(sing({0: [(0, 1)]}, MIN_SECONDS - 0.01))


def test_a_voice_is_a_direction() -> None:
    embedding = tone_encoder().embed(sing({3: [(0.0, 2.0)]}, 2.0))
    assert embedding @ direction(3) > 0.99
    assert voice_of(embedding) == 3


@pytest.mark.parametrize("rate", [100, 50, 12.5])
@pytest.mark.parametrize(
    ("count", "length"), [(40, 50), (50, 50), (243, 250), (251, 300), (300, 300), (310, 400), (600, 600), (601, 700)]
)
def test_stretches_come_to_the_network_in_few_lengths_and_leave_in_their_own(
    count: int, length: int, rate: float
) -> None:
    network = ToneNetwork(rate)
    encoder = tone_encoder(network)
    (frames,) = encoder.stretch_frames([torch.randn(count, 80)], encoder.batches())
    assert network.lengths == [length]
    assert 0 <= len(frames) - -(-count // round(100 / rate)) <= 1  # of the filled-up ones at most one too many


def test_the_network_meets_few_shapes_whatever_the_stretches() -> None:
    """It keeps a plan, with memory, for each."""
    network = ShapeNetwork()
    encoder, dice = tone_encoder(network), np.random.default_rng(1)
    for _ in range(100):
        stretches = [torch.ones(int(length), 80) for length in dice.integers(40, 1000, size=dice.integers(1, 60))]
        encoder.stretch_frames(stretches, encoder.batches())
    assert len(network.shapes) <= 29
    assert len({number * length for number, length in network.shapes}) <= 13


def test_a_stretch_of_a_whole_length_is_heard_as_it_is() -> None:
    torch.manual_seed(2)
    encoder = SpeakerEncoder(CamPlusPlus(), CAMPPLUS)
    features = torch.randn(100, 80)
    assert torch.equal(encoder.stretch_frames([features], encoder.batches())[0], encoder.frames(features[None])[0])


def test_a_stretch_is_filled_up_with_its_own_beginning() -> None:
    """Nothing is added that is not the voice."""
    encoder = tone_encoder()
    features = encoder.features(sing({2: [(0.0, 0.7)]}, 0.7).mono)
    assert voice_of(encoder.pool(encoder.stretch_frames([features], encoder.batches())[0])) == 2


def test_stretches_that_share_a_batch_are_heard_each_on_its_own() -> None:
    """Whatever their number, order and lengths: the frames of each are those that it has alone."""
    torch.manual_seed(2)
    encoder = SpeakerEncoder(CamPlusPlus(), CAMPPLUS)
    stretches = [torch.randn(length, 80) + length for length in (120, 90, 250, 110, 243, 60, 250, 130, 250, 101)]
    together = encoder.stretch_frames(stretches, encoder.batches())
    for features, frames in zip(stretches, together, strict=True):
        (alone,) = encoder.stretch_frames([features], encoder.batches())
        assert frames.shape == alone.shape
        assert torch.allclose(frames, alone, atol=1e-4)


class Meeting(ToneNetwork):
    """Does nothing before two ask."""

    def __init__(self) -> None:
        super().__init__()
        self.together = threading.Barrier(2)

    def frames(self, features: Tensor) -> Tensor:
        self.together.wait(5.0)
        assert torch.is_inference_mode_enabled()
        return super().frames(features)


def test_batches_of_stretches_may_be_at_work_at_the_same_time_and_sound_the_same() -> None:
    torch.manual_seed(2)
    stretches = [torch.randn(200, 80) for _ in range(8)]
    alone, crowd = tone_encoder(), tone_encoder(Meeting())
    crowd.threads = 2
    pairs = zip(
        alone.stretch_frames(stretches, alone.batches()), crowd.stretch_frames(stretches, crowd.batches()), strict=True
    )
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_long_voice_is_heard_in_stretches_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "LONGEST_STRETCH", 1.0)
    samples = sing({2: [(0.0, 4.0)]}, 4.0).mono
    alone, crowd = tone_encoder(), tone_encoder(Meeting())
    crowd.threads = 2
    assert np.array_equal(alone.voice(samples), crowd.voice(samples))


def test_fewer_stretches_are_heard_at_once_where_memory_is_short() -> None:
    torch.manual_seed(2)
    stretches = [torch.randn(100, 80) for _ in range(7)]
    small, large = tone_encoder(SmallNetwork()), tone_encoder(ToneNetwork())
    room, plenty = small.batches(), large.batches()
    pairs = zip(small.stretch_frames(stretches, room), large.stretch_frames(stretches, plenty), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert [notice.code for notice in room.notices] == ["memory_short"]
    assert "batches of 200 were used instead of 1000" in room.notices[0].message
    assert plenty.notices == ()


def test_one_voice_is_the_same_and_two_are_not() -> None:
    encoder = tone_encoder()
    first, again, other = sing({1: [(0, 2)]}, 2.0), sing({1: [(0, 1)]}, 1.0, level=0.03), sing({2: [(0, 2)]}, 2.0)
    assert verify(first, again, encoder).same
    assert not verify(first, other, encoder).same
    assert verify(first, other, encoder).score < 0.1


def test_the_threshold_is_the_models_unless_one_is_given() -> None:
    voice = sing({1: [(0, 2)]}, 2.0)
    assert verify(voice, voice, tone_encoder()).threshold == PROFILE.same_voice
    strict = verify(voice, voice, tone_encoder(), threshold=1.5)
    assert (strict.threshold, strict.same) == (1.5, False)


@pytest.mark.parametrize("profile", [CAMPPLUS, ECAPA, WESPEAKER])
def test_thresholds_fit_each_other(profile: EmbeddingProfile) -> None:
    """A cut is lowered, never raised, and merges only what verification would call one voice or nearly so."""
    assert 0 < profile.lowest_cut <= profile.lowest_known_cut <= profile.cut < 2
    assert 0 < profile.same_voice < 1
