"""How full the GPU is."""

from __future__ import annotations

from workers.metrics import GPU_MEMORY, GPU_MEMORY_SIZE


def watch_gpu() -> bool:
    """Let the metrics ask the GPU that this process works on; False where there is none.

    What is asked for is the memory of the whole device, as its driver counts it: torch counts only what it has taken
    itself, and the recognizer (CTranslate2) takes its own.
    """
    import torch  # noqa: PLC0415 - the other workers' image does not hold it

    if not torch.cuda.is_available():
        return False
    device = torch.cuda.current_device()

    def used() -> float:
        free, size = torch.cuda.mem_get_info(device)
        return float(size - free)

    GPU_MEMORY.labels(str(device)).set_function(used)
    GPU_MEMORY_SIZE.labels(str(device)).set(torch.cuda.mem_get_info(device)[1])
    return True
