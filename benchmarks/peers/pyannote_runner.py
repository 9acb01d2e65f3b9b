"""pyannote.audio's own pipeline on the catalog's weights. Option: `batch`, windows and embeddings a forward pass."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pyannote.audio.core.plda import PLDA
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import SpeakerDiarization, speaker_verification
from safetensors.torch import load_file
from speechbrain.inference import EncoderClassifier  # type: ignore[import-not-found]

from benchmarks.peers.wav import SAMPLE_RATE, read_wav
from benchmarks.protocol import Answer, FoundTurn, Request
from benchmarks.runner import Loaded, one_by_one, serve

PACKAGES = ("pyannote.audio", "speechbrain", "torch", "torchaudio")
THRESHOLD = 0.85
"""Of clustering, tuned for ECAPA on the public half of the test speech (0.7046 is for another embedding, and worse)."""
NOTE = (
    "pyannote runs its stock pipeline with the parameters of speaker-diarization-3.1, except the clustering threshold,"
    f" which was tuned for ECAPA: {THRESHOLD}"
)


def load(request: Request) -> Loaded:
    """Load the pipeline."""
    pipeline = load_pipeline(request)

    def job(recording: str) -> Answer:
        samples = torch.from_numpy(read_wav(recording))[None]  # (channels, samples)
        found = pipeline({"waveform": samples, "sample_rate": SAMPLE_RATE, "uri": "audio"}).speaker_diarization
        tracks = found.itertracks(yield_label=True)
        return Answer(turns=tuple(FoundTurn(start=at.start, end=at.end, speaker=who) for at, _, who in tracks))

    return Loaded(job=one_by_one(job), packages=PACKAGES, notes=(NOTE,))


class LocalEncoder:
    """SpeechBrain's encoder, from a folder and on the CPU: pyannote's other arguments are those of SpeechBrain 1.0."""

    @staticmethod
    def from_hparams(*, source: str, savedir: str, **_: object) -> Any:  # noqa: ANN401 - an EncoderClassifier, untyped
        """Load as pyannote asks."""
        return EncoderClassifier.from_hparams(source=source, savedir=savedir)


def load_pipeline(request: Request) -> Callable[..., Any]:
    """The stock pipeline with segmentation-3.0 and ECAPA-TDNN, at the request's batch size."""
    torch.set_num_threads(request.threads)
    speaker_verification.SpeechBrain_EncoderClassifier = LocalEncoder
    batch = int(request.options["batch"])
    pipeline: Any = SpeakerDiarization(
        segmentation=_segmentation(request.models["segmentation-3.0"]),
        segmentation_batch_size=batch,
        embedding=str(_speechbrain_folder(Path(request.models["ecapa"]), Path(request.scratch))),
        embedding_batch_size=batch,
        embedding_exclude_overlap=True,
        clustering="AgglomerativeClustering",
        # Only VBx looks at it, but the pipeline insists on one.
        plda=PLDA.__new__(PLDA),
        cache_dir=request.scratch,
    )
    return pipeline.instantiate(  # type: ignore[no-any-return]
        {
            "segmentation": {"min_duration_off": 0.0},
            "clustering": {"method": "centroid", "min_cluster_size": 12, "threshold": THRESHOLD},
        }
    )


def _segmentation(weights: str) -> Any:  # noqa: ANN401 - a pyannote.audio.Model, which has no annotations
    """PyanNet as segmentation-3.0 has it: windows of 10 s, three speakers, of whom two speak at once."""
    model = PyanNet(
        sample_rate=SAMPLE_RATE,
        sincnet={"stride": 10},
        lstm={"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True, "dropout": 0.5},
        linear={"hidden_size": 128, "num_layers": 2},
    )
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        min_duration=None,
        warm_up=(0.0, 0.0),
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.build()
    model.load_state_dict(load_file(weights))
    return model.eval()


def _speechbrain_folder(weights: Path, scratch: Path) -> Path:
    """The weights as SpeechBrain reads them; `speechbrain` in the name is how pyannote knows them."""
    folder = scratch / "speechbrain-ecapa"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("ecapa.yaml"), folder / "hyperparams.yaml")
    checkpoint = folder / "embedding_model.ckpt"
    if not checkpoint.exists():
        unfinished = folder / f"{os.getpid()}.part"
        torch.save(load_file(weights), unfinished)
        unfinished.replace(checkpoint)
    return folder


if __name__ == "__main__":
    serve(load)
