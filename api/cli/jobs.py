"""`hansard jobs`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Literal
from uuid import UUID

import typer

from api.cli import options as cli
from pipeline.cli.failures import ExitCode

app = typer.Typer(help="See, follow, stop and repeat jobs.", no_args_is_help=True)

State = Annotated[
    Literal["awaiting_upload", "queued", "running", "succeeded", "failed", "cancelled", "dead"] | None,
    typer.Option("--state", help="Only jobs in this state."),
]


@app.command("list")
def list_jobs(
    url: cli.Url = None,
    key: cli.Key = None,
    state: State = None,
    recording: Annotated[UUID | None, typer.Option(help="Only jobs of this recording.")] = None,
    limit: cli.Limit = 50,
    as_json: cli.AsJson = False,
) -> None:
    """List jobs, the newest first."""
    from api.cli.connecting import connect
    from api.cli.showing import percent, print_json, print_table, when

    with connect(url, key) as client:
        found = islice(client.jobs(state=state, recording_id=recording), limit)
        if as_json:
            for job in found:
                print_json(job)
            return
        rows = [
            (
                *(job["id"], job["state"], job["stage"], percent(job["progress"]), job["priority"]),
                *(when(job["created_at"]), job["error"] and job["error"]["type"]),
            )
            for job in found
        ]
    print_table(("id", "state", "stage", "done", "priority", "created (UTC)", "error"), rows)


@app.command()
def show(job_ids: cli.JobIds, url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """Show jobs as they stand."""
    from api.cli.connecting import connect

    with connect(url, key) as client:
        for job_id in job_ids:
            _print(client.job(job_id), as_json=as_json)


@app.command()
def watch(
    job_ids: cli.JobIds,
    url: cli.Url = None,
    key: cli.Key = None,
    as_json: cli.AsJson = False,
    quiet: cli.Quiet = False,
) -> None:
    """Follow jobs until they have ended. The exit code is 1 unless all have succeeded; Ctrl-C stops no job."""
    from api.cli.connecting import connect
    from api.cli.progress import reporter
    from api.cli.showing import print_json

    labels = {str(job_id): str(job_id) for job_id in job_ids}
    failed = False
    with connect(url, key) as client, reporter(quiet=quiet) as shown:
        from api.cli.submission import ended_jobs, error_json

        for job_id, found in ended_jobs(client, labels, shown):
            job = found if isinstance(found, dict) else {"id": job_id, "error": error_json(found)}
            failed |= job.get("state") != "succeeded"
            if as_json:
                print_json(job)
    if failed:
        raise typer.Exit(int(ExitCode.FAILED))


@app.command()
def cancel(job_ids: cli.JobIds, url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """Stop jobs: one that waits at once, one that runs within seconds."""
    from api.cli.connecting import connect

    with connect(url, key) as client:
        for job_id in job_ids:
            job = client.cancel(job_id)
            _say(job, "is being stopped" if job["state"] == "running" else str(job["state"]), as_json=as_json)


@app.command()
def requeue(job_ids: cli.JobIds, url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """Run ended jobs once more, and print the ids of the new jobs."""
    from api.cli.connecting import connect

    with connect(url, key) as client:
        for job_id in job_ids:
            job = client.requeue(job_id)
            if as_json:
                _print(job, as_json=True)
            else:
                typer.echo(job["id"])


def _print(job: dict[str, Any], *, as_json: bool) -> None:
    from api.cli.showing import print_fields, print_json

    print_json(job) if as_json else print_fields(job)


def _say(job: dict[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        _print(job, as_json=True)
    else:
        typer.echo(f"{job['id']}: {what}")
