"""Memory that really runs out: a process with real weights and a limit on what it may map."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.weights

LIMITED = """
import json, resource, sys
from pathlib import Path
import numpy as np
from pipeline.asr.faster_whisper import FasterWhisper
from pipeline.asr.recognition import Recognizer
from pipeline.audio import decode
from pipeline.device import bound_threads
from pipeline.models import ModelStore
from pipeline.options import AsrOptions, SegmentationOptions
from pipeline.segmentation.segmenter import Segmenter
from pipeline.types import Segment
from pipeline.waveform import Waveform

stage, recording, batch, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
bound_threads()
store, sample = ModelStore.from_environment(), decode(Path(recording)).mono
copies = 2 if stage == "segmentation" else 8
audio = Waveform.of(np.tile(sample, copies))
if stage == "segmentation":
    segmenter = Segmenter.from_pretrained(store, options=SegmentationOptions(batch_size=batch))
    warm, run = (lambda: segmenter(Waveform.of(sample[:160_000]))), (lambda: segmenter(audio))
else:
    backend = FasterWhisper.from_pretrained(store, threads=1)
    recognizer = Recognizer(backend, AsrOptions(batch_size=batch, chunk_seconds=14.0))
    speech = [Segment(15 * k + 0.3, 15 * k + 12.5) for k in range(2 * copies)]
    # All of it, as layers keep plans for the lengths they meet: at most, those are more than what batches take.
    warm = lambda: Recognizer(backend, AsrOptions(batch_size=1, chunk_seconds=14.0))(audio, speech)
    run = lambda: recognizer(audio, speech)
warm()
if megabytes:
    size = next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]
    limit = int(size) * 1024 + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
found = run()
said = found.probabilities.argmax(axis=2).tolist() if stage == "segmentation" else [word.text for word in found.words]
print(json.dumps({"said": said, "notices": [notice.code for notice in found.notices]}))
"""


@pytest.mark.parametrize(
    ("stage", "model", "megabytes"), [("segmentation", "segmentation-3.0", 110), ("asr", "whisper-tiny.en", 120)]
)
def test_batches_shrink_until_they_fit_and_the_result_is_the_same(
    weights: Callable[[str], Path], stage: str, model: str, megabytes: int
) -> None:
    weights(model)
    recording = weights("sample-conversation")

    def run(room: int) -> dict[str, Any]:
        command = [sys.executable, "-c", LIMITED, stage, str(recording), "64", str(room)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    short, plenty = run(megabytes), run(0)
    assert (short["notices"], plenty["notices"]) == (["memory_short"], [])
    assert short["said"] == plenty["said"]


SPOILED = """
import resource
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from pipeline.device import bound_threads
from pipeline.models import ModelStore
from pipeline.segmentation.segmenter import Segmenter, window_starts
from pipeline.waveform import Waveform

bound_threads()
segmenter = Segmenter.from_pretrained(ModelStore.from_environment())
audio = Waveform.of(np.random.default_rng(0).normal(0.0, 0.01, 480_000).astype(np.float32))
size = next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]
said = ""
for megabytes in range(200):
    resource.setrlimit(resource.RLIMIT_AS, (int(size) * 1024 + (megabytes << 20), resource.RLIM_INFINITY))
    try:
        segmenter._scores(audio, window_starts(audio.length, segmenter.options.step)[:1])
    except RuntimeError as error:
        said = str(error)
        if "could not create a primitive" in said:
            break
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
here = segmenter(audio)
with ThreadPoolExecutor(1) as elsewhere:
    expected = elsewhere.submit(segmenter, audio).result().probabilities
assert np.allclose(here.probabilities, expected, atol=0.01)
print(said)
"""


def test_a_thread_in_which_memory_ran_out_goes_on_once_there_is_some(weights: Callable[[str], Path]) -> None:
    weights("segmentation-3.0")
    done = subprocess.run(
        [sys.executable, "-c", SPOILED], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "could not create a primitive" in done.stdout
