"""`hansard serve …`: one process of the service each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.bootstrap import Service

app = typer.Typer(no_args_is_help=True, help="Run one process of the service; settings are HANSARD_ variables.")

MetricsPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Serve /metrics, and /healthz for those who ask whether it lives.")
]


@app.command("dispatcher")
def dispatcher(metrics_port: MetricsPort = None) -> None:
    """Keeps the queue moving; one is enough, more do no harm."""
    from workers.serving import serve_dispatcher

    serve_dispatcher(_service(), metrics_port=metrics_port)


@app.command("worker")
def worker(
    queue: Annotated[str, typer.Argument(help="ingest, process or webhooks.")],
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Jobs at once; they share the models. Default: 1; of process, two more than compute at the same time.",
        ),
    ] = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Takes the jobs, or deliveries, of one queue."""
    from api.queue import QUEUES
    from workers.serving import serve_worker

    if queue not in QUEUES:
        message = f"there is no queue {queue!r}; choose one of {', '.join(QUEUES)}"
        raise typer.BadParameter(message)
    serve_worker(_service(), queue, concurrency=concurrency, metrics_port=metrics_port)


def _service() -> Service:
    from api.bootstrap import connect
    from api.logging import configure
    from api.settings import Settings

    configure()
    return connect(Settings.from_environment())
