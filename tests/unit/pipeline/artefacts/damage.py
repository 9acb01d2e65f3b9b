"""Bytes that are not what they should be."""

from __future__ import annotations

import io
import pickle

import numpy as np
from hypothesis import strategies as st


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """The content cut short anywhere, with one byte changed anywhere, or something else altogether."""
    cut = st.integers(0, len(content) - 1).map(lambda length: content[:length])
    changed = st.builds(
        lambda place, bits: content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :],
        st.integers(0, len(content) - 1),
        st.integers(1, 255),
    )
    return cut | changed | st.binary(max_size=64) | st.sampled_from([pickle.dumps({"a": 1}), archive(), b"{}", b"null"])


def archive() -> bytes:
    """An `.npz` of something else."""
    file = io.BytesIO()
    np.savez(file, other=np.zeros(3))
    return file.getvalue()
