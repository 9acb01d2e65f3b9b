"""Objects: recordings, checkpoints, results."""

from api.storage.keys import recording_prefix
from api.storage.memory import InMemoryStore
from api.storage.s3 import S3Store
from api.storage.store import ObjectStore, Stored, UploadForm

__all__ = ["InMemoryStore", "ObjectStore", "S3Store", "Stored", "UploadForm", "recording_prefix"]
