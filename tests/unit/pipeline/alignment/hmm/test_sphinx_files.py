"""The files of the model that the package `pocketsphinx` carries, small ones written here, and damaged ones."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pocketsphinx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment.hmm.acoustic_model import AcousticModel
from pipeline.alignment.hmm.sphinx_files import (
    ModelDefinition,
    read_definition,
    read_gaussians,
    read_transitions,
    read_weights,
)
from pipeline.errors import ModelCorrupt

MODEL = Path(pocketsphinx.get_model_path("en-us"), "en-us")
READERS: Mapping[str, Callable[[Path], object]] = {
    "mdef": read_definition,
    "means": read_gaussians,
    "variances": read_gaussians,
    "transition_matrices": read_transitions,
    "sendump": partial(read_weights, streams=3, senones=5126),
}
S3_HEADER = b"s3\nversion 1.0\nendhdr\n" + struct.pack("<i", 0x11223344)

damaged = pytest.mark.parametrize("name", READERS)


def assert_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelCorrupt, match=rf": {path.name}: .*; reinstall pocketsphinx$"):
        READERS[path.name](path)


@pytest.fixture(scope="module")
def definition() -> ModelDefinition:
    return read_definition(MODEL / "mdef")


def test_the_model_has_42_phones_of_english_silence_and_noises_among_them(definition: ModelDefinition) -> None:
    assert len(definition.names) == 42
    assert definition.names == tuple(sorted(definition.names))
    assert {"AA", "SIL", "ZH", "+NSN+"} <= set(definition.names)


def test_every_phone_has_three_states_of_5126_distributions(definition: ModelDefinition) -> None:
    assert definition.senones.shape == (137_095, 3)
    assert np.array_equal(np.unique(definition.senones), np.arange(5126))


def test_base_phones_have_distributions_and_transitions_of_their_own(definition: ModelDefinition) -> None:
    assert np.array_equal(definition.senones[:42], np.arange(126).reshape(42, 3))
    assert np.array_equal(definition.transitions[:42], np.arange(42))


def test_triphones_stand_at_one_of_four_places_between_base_phones(definition: ModelDefinition) -> None:
    assert definition.contexts.shape == (137_095 - 42, 4)
    assert definition.contexts.min() >= 0
    assert np.array_equal(np.unique(definition.contexts[:, 0]), np.arange(4))
    assert definition.contexts[:, 1:].max() == 41
    assert len(np.unique(definition.contexts, axis=0)) == len(definition.contexts)


def test_a_triphone_moves_on_as_its_base_phone_does(definition: ModelDefinition) -> None:
    assert np.array_equal(definition.transitions[42:], definition.contexts[:, 1])


def test_no_distribution_belongs_to_two_base_phones(definition: ModelDefinition) -> None:
    bases = np.concatenate([np.arange(42), definition.contexts[:, 1]])
    pairs = np.stack([definition.senones, np.broadcast_to(bases[:, None], definition.senones.shape)], axis=-1)
    assert len(np.unique(pairs.reshape(-1, 2), axis=0)) == 5126


def test_every_phone_has_128_densities_of_13_dimensions_in_three_streams() -> None:
    means, variances = read_gaussians(MODEL / "means"), read_gaussians(MODEL / "variances")
    assert means.shape == variances.shape == (42, 3, 128, 13)
    assert means.dtype == variances.dtype == np.float32
    assert np.isfinite(means).all()
    assert (variances >= 0).all()


def test_silence_is_quieter_than_a_vowel(definition: ModelDefinition) -> None:
    """The first cepstrum is loudness."""
    loudness = read_gaussians(MODEL / "means")[:, 0, :, 0].mean(axis=1)
    assert loudness[definition.names.index("SIL")] < loudness[definition.names.index("AA")]


def test_a_state_is_followed_by_itself_or_the_next() -> None:
    transitions = read_transitions(MODEL / "transition_matrices")
    assert transitions.shape == (42, 3, 4)
    allowed = np.eye(3, 4, dtype=bool) | np.eye(3, 4, k=1, dtype=bool)
    assert (transitions[:, allowed] > 0).all()
    assert (transitions[:, ~allowed] == 0).all()


def test_weights_of_a_distribution_sum_to_about_one() -> None:
    """A little less, as they were rounded down."""
    codes, weights = read_weights(MODEL / "sendump", 3, 5126)
    assert codes.shape == (3, 128, 5126)
    assert weights.shape == (256,)
    sums = weights[codes].sum(axis=1)
    assert np.mean((sums > 0.92) & (sums < 1)) > 0.99
    assert sums.min() > 0.9


def test_fewer_distributions_than_the_file_has_are_the_first_ones() -> None:
    codes, _ = read_weights(MODEL / "sendump", 3, 100)
    assert np.array_equal(codes, read_weights(MODEL / "sendump", 3, 5126)[0][:, :, :100])


def test_a_weight_is_kept_as_the_logarithm_of_its_inverse() -> None:
    """In steps of 1024 times the logarithm of 1.0001."""
    _, weights = read_weights(MODEL / "sendump", 3, 5126)
    assert weights[[0, 1, 10]] == pytest.approx([1.0, 1.0001**-1024, 1.0001**-10240])


def test_gaussians_lie_by_codebook_then_stream_then_density(tmp_path: Path) -> None:
    values = np.arange(2 * 3 * 4 * 5, dtype="<f4")
    path = tmp_path / "means"
    path.write_bytes(S3_HEADER + struct.pack("<7i", 2, 3, 4, 5, 5, 5, 120) + values.tobytes() + b"sums")
    assert np.array_equal(read_gaussians(path), values.reshape(2, 3, 4, 5))


def test_transitions_lie_by_matrix_then_state(tmp_path: Path) -> None:
    values = np.arange(2 * 3 * 4, dtype="<f4")
    path = tmp_path / "transition_matrices"
    path.write_bytes(S3_HEADER + struct.pack("<4i", 2, 3, 4, 24) + values.tobytes() + b"sums")
    assert np.array_equal(read_transitions(path), values.reshape(2, 3, 4))


def test_weights_lie_by_stream_then_density_behind_remarks_of_any_number(tmp_path: Path) -> None:
    path = tmp_path / "sendump"
    codes = np.arange(2 * 3 * 5, dtype=np.uint8)
    path.write_bytes(
        b"".join(struct.pack("<i", len(remark)) + remark for remark in (b"title\0", b"another remark\0"))
        + struct.pack("<3i", 0, 3, 5)
        + codes.tobytes()
    )
    assert np.array_equal(read_weights(path, 2, 4)[0], codes.reshape(2, 3, 5)[:, :, :4])


def test_phones_lie_behind_their_names_and_the_tree(tmp_path: Path) -> None:
    """Names are filled up to a multiple of four bytes; nodes of the tree are eight."""
    path = tmp_path / "mdef"
    path.write_bytes(
        b"BMDF"
        + struct.pack("<2i", 1, 6)
        + b"format"
        + struct.pack("<10i", 2, 3, 3, 6, 9, 2, 2, 3, 2, 1)
        + b"AA\0SIL\0\0"
        + bytes(range(16))
        + struct.pack("<ii4B", 0, 0, 0, 0, 0, 0)
        + struct.pack("<ii4B", 1, 1, 1, 0, 0, 0)
        + struct.pack("<ii4B", 1, 0, 3, 0, 1, 1)
        + struct.pack("<i6H", 6, 0, 1, 2, 3, 4, 65_000)
    )
    definition = read_definition(path)
    assert definition.names == ("AA", "SIL")
    assert definition.senones.tolist() == [[0, 1, 2], [3, 4, 65_000], [3, 4, 65_000]]
    assert definition.transitions.tolist() == [0, 1, 0]
    assert definition.contexts.tolist() == [[3, 0, 1, 1]]


@damaged
@pytest.mark.parametrize("kept", [0, 2, 9, 42, 50, 70, 300, 1070, 1150, 1250, -1000, -5])
def test_a_file_that_ends_early_is_refused(name: str, kept: int, tmp_path: Path) -> None:
    """Anywhere: within its mark, its header, its sizes, its data. What may be missing are four bytes of a checksum."""
    assert_refused(tmp_path / name, (MODEL / name).read_bytes()[:kept])


@damaged
@pytest.mark.parametrize(
    "content", [b"version https://git-lfs.github.com/spec/v1\n", b"<!DOCTYPE html>" * 100, b"\0" * 8]
)
def test_a_file_of_something_else_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    assert_refused(tmp_path / name, content)


@damaged
@given(kept=st.integers(0, 1300), rest=st.binary(max_size=100))
def test_a_file_that_goes_on_as_something_else_is_refused(
    name: str, kept: int, rest: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    assert_refused(path, (MODEL / name).read_bytes()[:kept] + rest)


@pytest.mark.parametrize("name", ["means", "variances", "transition_matrices"])
def test_a_file_of_the_other_byte_order_is_refused(name: str, tmp_path: Path) -> None:
    content = (MODEL / name).read_bytes()
    assert_refused(tmp_path / name, content.replace(struct.pack("<i", 0x11223344), struct.pack(">i", 0x11223344), 1))


@pytest.mark.parametrize("name", ["means", "variances", "transition_matrices"])
def test_a_file_without_an_end_of_its_header_is_refused(name: str, tmp_path: Path) -> None:
    assert_refused(tmp_path / name, (MODEL / name).read_bytes().replace(b"endhdr", b"endhrd", 1))


@pytest.mark.parametrize("mark", [b"XMDF", b"FDMB", b"s3\n\0"])
def test_a_definition_without_its_mark_is_refused(mark: bytes, tmp_path: Path) -> None:
    assert_refused(tmp_path / "mdef", mark + (MODEL / "mdef").read_bytes()[4:])


def test_streams_of_different_lengths_are_refused(tmp_path: Path) -> None:
    values = np.zeros(2 * (1 + 2 + 3), dtype="<f4")
    content = S3_HEADER + struct.pack("<7i", 1, 3, 2, 2, 1, 3, 12) + values.tobytes()
    assert_refused(tmp_path / "means", content)


def test_more_distributions_than_the_file_has_are_refused() -> None:
    with pytest.raises(ModelCorrupt, match=r"sendump: .*; reinstall pocketsphinx$"):
        read_weights(MODEL / "sendump", 3, 6000)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("mdef", 8),
        *[("mdef", 1064 + 4 * number) for number in (0, 1, 2, 6, 8)],
        *[("means", 44 + 4 * number) for number in range(7)],
        *[("transition_matrices", 44 + 4 * number) for number in range(4)],
        ("sendump", 632),
        ("sendump", 636),
    ],
)
@pytest.mark.parametrize("size", [-1, 0, 1_000_000_000])
def test_a_size_that_cannot_be_is_refused(name: str, place: int, size: int, tmp_path: Path) -> None:
    content = bytearray((MODEL / name).read_bytes())
    struct.pack_into("<i", content, place, size)
    assert_refused(tmp_path / name, bytes(content))


def test_sizes_that_no_machine_can_count_are_refused(tmp_path: Path) -> None:
    content = bytearray((MODEL / "sendump").read_bytes())
    struct.pack_into("<2i", content, 632, 0x7FFF_FFFF, 0x7FFF_FFFF)
    assert_refused(tmp_path / "sendump", bytes(content))


@damaged
def test_a_file_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match=rf": {name}: .*; reinstall pocketsphinx$"):
        READERS[name](tmp_path / name)


@pytest.mark.parametrize("length", [-1, -4, -5, -8])
def test_a_remark_shorter_than_nothing_is_refused(length: int, tmp_path: Path) -> None:
    """The next one is not looked for at the same place for ever."""
    assert_refused(tmp_path / "sendump", struct.pack("<i", length) + bytes(100))


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    content = (MODEL / "mdef").read_bytes()
    assert_refused(tmp_path / "mdef", content.replace(b"\0AA\0", b"\0A\xc3\0", 1))


def test_a_phone_without_states_is_refused(tmp_path: Path) -> None:
    """Where its number of a row of distributions is beyond the last."""
    content = bytearray((MODEL / "mdef").read_bytes())
    last = len(content) - 29_324 * 6 - 4 - 12
    struct.pack_into("<i", content, last, 29_324)
    assert_refused(tmp_path / "mdef", bytes(content))


@damaged
def test_a_model_with_a_damaged_file_is_not_read(name: str, tmp_path: Path) -> None:
    for other in READERS:
        (tmp_path / other).symlink_to(MODEL / other)
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes((MODEL / name).read_bytes()[:500])
    with pytest.raises(ModelCorrupt, match=rf": {name}: "):
        AcousticModel.read(tmp_path)
