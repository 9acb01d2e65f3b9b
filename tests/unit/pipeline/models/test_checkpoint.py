"""Reading pickles: tensors come out, and nothing that they say is done."""

from __future__ import annotations

import io
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from pipeline.errors import ModelCorrupt
from pipeline.models.checkpoint import read_checkpoint
from tests.unit.pipeline.models.fakes import checkpoint_bytes, state_dict


def _written(folder: Path, value: object) -> Path:
    path = folder / "net.ckpt"
    path.write_bytes(checkpoint_bytes(value))
    return path


def _archive(folder: Path, pickled: bytes, members: dict[str, bytes] | None = None) -> Path:
    path = folder / "net.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, content in (members or {}).items():
            archive.writestr(f"archive/{name}", content)
    return path


def _same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        found[key].dtype == expected[key].dtype and torch.equal(found[key], expected[key]) for key in expected
    )


class _Call:
    """Pickles as a call of any function."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return self.reduced


def _storage(count: int) -> object:
    """What torch pickles as the numbers of a tensor."""
    typed: Any = torch.storage.TypedStorage
    return typed(wrap_storage=torch.zeros(count).untyped_storage(), dtype=torch.float32, _internal=True)


@pytest.mark.parametrize("wrap", [dict, OrderedDict, lambda state: {"state_dict": state, "epoch": 3}])
def test_tensors_equal_those_that_torch_saved(wrap: Any, tmp_path: Path) -> None:
    assert _same(read_checkpoint(_written(tmp_path, wrap(state_dict()))), state_dict())


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    ],
    ids=str,
)
def test_every_element_type_survives(dtype: torch.dtype, tmp_path: Path) -> None:
    expected = {"a": torch.arange(6).reshape(2, 3).to(dtype)}
    assert _same(read_checkpoint(_written(tmp_path, expected)), expected)


def test_views_parameters_and_empty_tensors_come_out_as_plain_tensors(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    saved = {"turned": base.T, "part": base[1:, ::2], "learned": torch.nn.Parameter(base), "none": torch.empty(0, 4)}
    found = read_checkpoint(_written(tmp_path, saved))
    assert _same(found, {name: tensor.detach() for name, tensor in saved.items()})
    assert all(tensor.is_contiguous() and not tensor.requires_grad for tensor in found.values())
    found["turned"].zero_()
    assert torch.equal(found["learned"], base)


def test_classes_that_are_not_installed_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning checkpoints name the classes of the package that trained them."""
    foreign = ModuleType("foreign_trainer")

    class Specifications(dict[str, object]):
        pass

    class Classes(list[object]):
        pass

    for kind in (Specifications, Classes):
        kind.__module__, kind.__qualname__ = "foreign_trainer", kind.__name__
        setattr(foreign, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "foreign_trainer", foreign)
    specifications = Specifications(duration=10.0)
    specifications.classes = Classes(["a", "b"])  # type: ignore[attr-defined]
    path = _written(tmp_path, {"state_dict": state_dict(), "specifications": specifications})
    monkeypatch.delitem(sys.modules, "foreign_trainer")
    assert _same(read_checkpoint(path), state_dict())


@pytest.mark.parametrize("function", [os.system, eval, exec, os.mkdir])
def test_malicious_pickle_is_not_executed(function: Any, tmp_path: Path) -> None:
    """The call stands beside good tensors, so that nothing else stops the reader."""
    marker = tmp_path / "executed"
    commands = {
        os.system: f"mkdir {marker}",
        os.mkdir: str(marker),
    }
    payload = _Call(function, commands.get(function, f"__import__('os').mkdir({str(marker)!r})"))
    path = _written(tmp_path, {"state_dict": state_dict(), "evil": payload})
    assert _same(read_checkpoint(path), state_dict())
    assert not marker.exists()
    torch.load(path, weights_only=False)  # the pickle does work where it is let
    assert marker.exists()


def test_call_in_the_place_of_a_tensor_is_refused_unexecuted(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    path = _written(tmp_path, {"weight": _Call(os.mkdir, str(marker))})
    with pytest.raises(ModelCorrupt, match="other than tensors: 'weight'"):
        read_checkpoint(path)
    assert not marker.exists()


def test_tensor_larger_than_its_storage_is_refused(tmp_path: Path) -> None:
    """A stride of zero would let four bytes ask for a terabyte."""
    bomb = _Call(torch._utils._rebuild_tensor_v2, _storage(1), 0, (1 << 38,), (0,), False, OrderedDict())
    with pytest.raises(ModelCorrupt, match="larger than its storage"):
        read_checkpoint(_written(tmp_path, {"weight": bomb}))


def test_tensor_outside_its_storage_is_refused(tmp_path: Path) -> None:
    peek = _Call(torch._utils._rebuild_tensor_v2, _storage(4), 3, (4,), (1,), False, OrderedDict())
    with pytest.raises(ModelCorrupt, match="read safely"):
        read_checkpoint(_written(tmp_path, {"weight": peek}))


def test_storage_of_another_length_than_it_says_is_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, {"weight": torch.zeros(4)})
    short = tmp_path / "short.ckpt"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(short, "w") as cut:
        for name in whole.namelist():
            cut.writestr(name, whole.read(name)[:8] if name.endswith("data/0") else whole.read(name))
    with pytest.raises(ModelCorrupt, match="16 plain bytes"):
        read_checkpoint(short)


@pytest.mark.parametrize("value", [[torch.zeros(2)], {}, "text", {"state_dict": {}}])
def test_checkpoint_without_a_state_dict_is_refused(value: object, tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="no state dict"):
        read_checkpoint(_written(tmp_path, value))


@pytest.mark.parametrize(
    "pickled", [b"", b"\x80\x02}.garbage"[:2], b"cos\nsystem\n.", pickle.dumps(3)[:-1], b"\x80\x02(((((((t."]
)
def test_broken_pickle_is_refused(pickled: bytes, tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt):
        read_checkpoint(_archive(tmp_path, pickled))


def test_big_endian_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="big-endian"):
        read_checkpoint(_archive(tmp_path, pickle.dumps({}), {"byteorder": b"big"}))


@pytest.mark.parametrize("content", [b"", b"<html>", pickle.dumps({"a": 1})])
def test_file_that_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.ckpt"
    path.write_bytes(content)
    with pytest.raises(ModelCorrupt, match=r"net\.ckpt is not a checkpoint"):
        read_checkpoint(path)


def test_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/readme.txt", "hello")
    path = tmp_path / "net.ckpt"
    path.write_bytes(stream.getvalue())
    with pytest.raises(ModelCorrupt, match=r"torch\.save"):
        read_checkpoint(path)
