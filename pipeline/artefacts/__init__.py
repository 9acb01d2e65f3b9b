"""What is kept of a recording between the stages and beside its transcript, as bytes: one module an artefact.

With them a run that was cut short goes on after its last finished stage, and a finished recording can be clustered
again without its audio. Nothing here is a pickle; what is read is checked, and refused with `MalformedFile`.
"""

from pipeline.artefacts.artefact import Artefact, Made

__all__ = ["Artefact", "Made"]
