"""Starting the decoder's process with nothing of the worker's in it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from workers.sandbox.request import Request

ENTRY = "workers.sandbox.child"
"""Module whose `main` is run."""
BOOTSTRAP = (
    "import sys; sys.path += sys.argv[2:]; from importlib import import_module; import_module(sys.argv[1]).main()"
)
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""All of it: no setting or secret of the worker's is passed on. One thread, since numpy starts one a core on import."""
ROOT = Path(__file__).resolve().parents[2]


def start(request: Request) -> subprocess.Popen[bytes]:
    """Start the process in an empty folder and hand it the request.

    The folder is taken away as soon as the process stands in it: nothing can be made there, and nothing is left behind.

    `-I -S`: neither environment, current folder, user's packages nor .pth files decide what is imported, only the
    worker's own search path, which is passed on.

    Raises:
        OSError: the machine cannot start a process.
    """
    paths = [str(ROOT), *(path for path in sys.path if Path(path).is_absolute())]
    with TemporaryDirectory(prefix="decoder-") as folder:
        process = subprocess.Popen(  # noqa: S603 - fixed words and the interpreter's own search path
            [sys.executable, "-I", "-S", "-c", BOOTSTRAP, ENTRY, *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(request.recording, request.flac),
            env=ENVIRONMENT,
            cwd=folder,
            start_new_session=True,
        )
    if process.stdin is not None:
        # Less than a pipe holds. Where the process is gone already, its status says more.
        with suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(request.to_json())
    return process
