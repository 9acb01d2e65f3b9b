from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest

from pipeline.asr import cublas
from pipeline.errors import MissingDependency


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cublas.preload_cublas.cache_clear()
    yield
    cublas.preload_cublas.cache_clear()


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, mode: int) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(MissingDependency, match=r"hansard\[gpu\]"):
        cublas.preload_cublas()


def test_the_library_is_loaded_once_and_for_all_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[tuple[str, int]] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name, mode: loaded.append((name.rsplit("/", 1)[-1], mode)))
    cublas.preload_cublas()
    cublas.preload_cublas()
    assert loaded == [("libcublasLt.so.12", ctypes.RTLD_GLOBAL), ("libcublas.so.12", ctypes.RTLD_GLOBAL)]
