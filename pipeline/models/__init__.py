"""Model weights: what is known by name, where it comes from, and that it is what it claims to be.

Importing this package loads no torch; `pipeline.models.load` does.
"""

from pipeline.models.catalog import Artifact, Catalog, Model
from pipeline.models.progress import NullProgress, Progress
from pipeline.models.store import ModelStatus, ModelStore

__all__ = ["Artifact", "Catalog", "Model", "ModelStatus", "ModelStore", "NullProgress", "Progress"]
