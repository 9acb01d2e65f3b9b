"""Results as files: one module an output shape, found by name in `FORMATS`."""

from pipeline.formats.diarized import diarized
from pipeline.formats.native import schema
from pipeline.formats.registry import FORMATS, Format, find, write, write_bytes

__all__ = ["FORMATS", "Format", "diarized", "find", "schema", "write", "write_bytes"]
