"""What all embedding networks promise: published names, and statistics under any mask over frames computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from pipeline.embedding.campplus import CamPlusPlus
from pipeline.embedding.ecapa import Convolution, EcapaTdnn
from pipeline.embedding.encoder import KNOWN_NETWORKS
from pipeline.embedding.resnet import ResNet34

Network = CamPlusPlus | EcapaTdnn | ResNet34


@dataclass(frozen=True)
class Published:
    """A network and how its checkpoint names its tensors."""

    build: Callable[[], Network]
    load: Callable[[Mapping[str, Tensor]], Network]
    rename: Callable[[str], str]
    names: tuple[str, ...]


PUBLISHED = {
    "campplus": Published(
        CamPlusPlus,
        CamPlusPlus.of,
        lambda name: name.replace("dense.", "xvector.dense.", 1) if name.startswith("dense.") else name,
        (
            "head.layer1.0.shortcut.1.running_var",
            "head.conv2.weight",
            "xvector.tdnn.nonlinear.batchnorm.weight",
            "xvector.block1.tdnnd12.cam_layer.linear_local.weight",
            "xvector.block2.tdnnd24.nonlinear2.batchnorm.bias",
            "xvector.block3.tdnnd16.cam_layer.linear2.bias",
            "xvector.transit3.linear.weight",
            "xvector.out_nonlinear.batchnorm.running_mean",
            "xvector.dense.linear.weight",
            "xvector.dense.nonlinear.batchnorm.running_mean",
        ),
    ),
    "ecapa": Published(
        EcapaTdnn,
        EcapaTdnn.of,
        str,
        (
            "blocks.0.conv.conv.weight",
            "blocks.3.res2net_block.blocks.6.norm.norm.running_mean",
            "blocks.2.se_block.conv2.conv.bias",
            "mfa.conv.conv.weight",
            "asp.tdnn.norm.norm.weight",
            "asp.conv.conv.weight",
            "asp_bn.norm.bias",
            "fc.conv.weight",
        ),
    ),
    "wespeaker": Published(
        ResNet34,
        ResNet34.of,
        lambda name: f"resnet.{name}",
        (
            "resnet.conv1.weight",
            "resnet.layer1.2.bn2.running_var",
            "resnet.layer2.0.shortcut.0.weight",
            "resnet.layer4.2.conv2.weight",
            "resnet.seg_1.bias",
        ),
    ),
}
each = pytest.mark.parametrize("name", PUBLISHED)


def checkpoint(name: str) -> dict[str, Tensor]:
    """Random tensors of the right shapes under the names they are published by."""
    torch.manual_seed(11)
    tensors = PUBLISHED[name].build().state_dict()
    return {PUBLISHED[name].rename(key): _random(key, tensor) for key, tensor in tensors.items()}


def _random(key: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.clone()
    if key.endswith(("running_var", "norm.weight", "bn1.weight", "bn2.weight")):
        return 0.5 + torch.rand_like(tensor)
    return tensor + 0.01 * torch.rand_like(tensor)


@each
def test_tensors_have_the_published_names(name: str) -> None:
    assert set(PUBLISHED[name].names) <= set(checkpoint(name))


@each
def test_a_published_state_dict_is_loaded_whole(name: str) -> None:
    tensors = checkpoint(name)
    network = PUBLISHED[name].load(tensors)
    assert isinstance(network, nn.Module)
    assert not network.training
    loaded = {PUBLISHED[name].rename(key): tensor for key, tensor in network.state_dict().items()}
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in tensors.items())


@each
def test_a_network_that_was_made_ready_gives_the_same_frames_and_embeddings(name: str) -> None:
    """Batch norms folded away, in the numbers it was trained in; half of their digits move an embedding by little."""
    features = torch.randn(3, 240, 80)
    plain, ready, short = (PUBLISHED[name].load(checkpoint(name)) for _ in range(3))
    ready.prepare(torch.float32)
    short.prepare(torch.bfloat16)
    with torch.inference_mode():
        expected, frames = plain.frames(features), ready.frames(features)
        assert torch.allclose(frames, expected, atol=1e-4 * float(expected.abs().max()))
        embedding = plain.pool(expected[1])
        assert torch.allclose(ready.pool(frames[1]), embedding, atol=1e-3 * float(embedding.abs().max()))
        rough = short.pool(short.frames(features.bfloat16())[1].float())
        assert torch.cosine_similarity(rough.double(), embedding.double(), dim=0) > 0.99


@each
def test_a_missing_tensor_or_one_too_many_is_refused(name: str) -> None:
    tensors = checkpoint(name)
    with pytest.raises(RuntimeError, match="Unexpected"):
        PUBLISHED[name].load({**tensors, "projection.weight": torch.zeros(2, 2)})
    with pytest.raises(RuntimeError, match="Missing"):
        PUBLISHED[name].load({key: tensor for key, tensor in tensors.items() if key != PUBLISHED[name].names[-1]})


@each
def test_one_tensor_name_gives_each_network_away(name: str) -> None:
    """The marker by which a checkpoint is recognised is in this network's and in no other's."""
    found = [build for marker, build, _ in KNOWN_NETWORKS if marker in checkpoint(name)]
    assert found == [PUBLISHED[name].load]


@each
def test_frames_come_at_the_promised_rate_and_width(name: str) -> None:
    network = PUBLISHED[name].load(checkpoint(name))
    with torch.inference_mode():
        for time in (80, 240, 243):
            frames = network.frames(torch.randn(2, time, 80))
            assert frames.shape == (2, -(-time // round(100 / network.frames_per_second)), network.channels)
        assert network.pool(frames[0]).shape == (network.dimension,)


@each
def test_a_second_of_samples_gives_a_hundred_feature_frames(name: str) -> None:
    features = PUBLISHED[name].build().features(torch.randn(16_000))
    assert features.shape[1] == 80
    assert 98 <= len(features) <= 101


@each
def test_pooling_a_mask_is_pooling_the_frames_it_selects(name: str) -> None:
    """The statistics ask nothing of the frames that are left out, so that one pass serves every mask."""
    network = PUBLISHED[name].load(checkpoint(name))
    with torch.inference_mode():
        frames = network.frames(torch.randn(1, 480, 80))[0]
        mask = torch.arange(len(frames)) % 3 > 0
        spoiled = torch.where(mask[:, None], frames, torch.full_like(frames, 1e6))
        assert torch.equal(network.pool(frames[mask]), network.pool(spoiled[mask]))
        assert not torch.allclose(network.pool(frames[mask]), network.pool(frames))


@each
def test_the_order_of_pooled_frames_does_not_matter(name: str) -> None:
    network = PUBLISHED[name].load(checkpoint(name))
    with torch.inference_mode():
        frames = network.frames(torch.randn(1, 240, 80))[0]
        shuffled = frames[torch.randperm(len(frames))]
        assert torch.allclose(network.pool(frames), network.pool(shuffled), atol=1e-3, rtol=1e-3)


def test_ecapa_convolutions_keep_the_length_and_reflect_at_the_ends() -> None:
    torch.manual_seed(5)
    convolution = Convolution(3, 4, 3, dilation=2)
    inputs = torch.randn(2, 20, 3)
    with torch.inference_mode():
        outputs = convolution(inputs)
        reflected = torch.cat([inputs[:, [2, 1]], inputs, inputs[:, [-2, -3]]], dim=1).transpose(1, 2)
        assert outputs.shape == (2, 20, 4)
        assert torch.allclose(outputs, convolution.conv(reflected).transpose(1, 2), atol=1e-6)


def test_ecapa_pools_every_channel_with_its_own_weights() -> None:
    """Statistics against a loop over the channels."""
    torch.manual_seed(5)
    network = EcapaTdnn().eval()
    frames = torch.randn(12, 3072)
    with torch.inference_mode():
        pooled = network.asp(frames)
        mean, deviation = frames.mean(dim=0, keepdim=True), frames.std(dim=0, keepdim=True, correction=0)
        context = torch.cat([frames, mean.expand_as(frames), deviation.expand_as(frames)], dim=1)
        weights = network.asp.conv(torch.tanh(network.asp.tdnn(context[None])))[0].softmax(dim=0)
        for channel in (0, 1500, 3071):
            values, share = frames[:, channel], weights[:, channel]
            expected = (values * share).sum()
            assert pooled[channel] == pytest.approx(float(expected), abs=1e-5)
            spread = (share * (values - expected) ** 2).sum().sqrt()
            assert pooled[3072 + channel] == pytest.approx(float(spread), abs=1e-5)
