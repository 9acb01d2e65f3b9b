"""CTranslate2's network, whose weights need not be in memory before somebody wants them."""

from __future__ import annotations

import threading
from typing import Any

from pipeline.device import threads_kept


class SleepingNetwork:
    """A `ctranslate2.models.Whisper`. May be shared between threads."""

    def __init__(self, network: Any) -> None:  # noqa: ANN401 - ctranslate2 has no annotations
        """Take a network with its weights in memory."""
        self._network = network
        self._waking = threading.Lock()
        self.multilingual = bool(network.is_multilingual)
        """Whether prompts name a language and a task."""
        self.on_cpu = str(network.device) == "cpu"

    def sleep(self) -> None:
        """Let go of the weights until they are needed. For who has just loaded it, and shares it with nobody yet."""
        self._network.unload_model()

    def awake(self) -> Any:  # noqa: ANN401
        """The network with its weights, which are read again where they are not in memory.

        Raises `RuntimeError` where there is no memory, or the model's files are gone.
        """
        with self._waking:
            if not self._network.model_is_loaded:
                with threads_kept():
                    self._network.load_model()
        return self._network
