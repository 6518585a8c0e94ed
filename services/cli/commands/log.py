"""`kieng log` and `kieng verify`: copy the log, fill it anew, recompute the numbers from it alone.

Copying and verifying is done by `python -m services.kpi.offline.verification` in its own process:
the commands import no service, and verifying needs neither a running service nor a database.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from kieng.kpi.v1 import catalogue_service_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli import options
from services.cli.client.stack import DEPLOY, find
from services.cli.errors import DOWN, NO, Failure
from services.cli.local.seed import fill_log, wait_until_live
from services.cli.terminal.screen import Screen

app = typer.Typer(no_args_is_help=True, help="Copy the log of submissions, or fill it anew.")

BROKER = "broker"
LIVE = catalogue_service_pb2.View.STATE_LIVE


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="File to write; docs/log-format.md describes it.")],
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Write the whole log of submissions to a file, which is there only when it is whole.

    Example: kieng log export submissions.kienglog
    """
    written = _run("export", find(data).broker, str(file), failing=DOWN)
    Screen(output, lang).fields(written)


@app.command()
def republish(
    again: Annotated[
        bool,
        typer.Option("--again", help="Also into the log that was folded, where events are missed."),
    ] = False,
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Fill a new generation of the log from the submissions databases, after LOG_DIVERGED.

    The old view goes on answering until the new one has read everything. Changes nothing when the
    log is the one that was folded. Safe to repeat.

    Example: kieng log republish
    """
    with options.session(output, lang, data, "operator", "viewer") as session:
        needed = fill_log(session.clients, session.screen, again)
        if needed:
            wait_until_live(session.clients)
        views = session.clients.stub(CatalogueServiceStub).ListViews(
            catalogue_service_pb2.ListViewsRequest()
        )
    live = next(view for view in views.views if view.state == LIVE)
    document = {"republished": needed, "view": live.view_id, "generation": live.generation}
    session.screen.fields(document)


def verify(
    log: Annotated[
        str, typer.Option(help="A file of `kieng log export`, or the word broker for the stack's.")
    ],
    catalogue: Annotated[
        Path,
        typer.Option(help="Indicators to count with, or a file of `kieng catalogue export`."),
    ] = (DEPLOY / "catalogue" / "indicators.yaml"),
    directory: Annotated[
        Path, typer.Option(help="Unit tree to count with, where --catalogue brings none.")
    ] = (DEPLOY / "directory" / "units.yaml"),
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Recompute the view from a log, with no service and no database, and print its digest.

    It equals the digest of `kieng kpi show` when both have read equally far by the same catalogue.

    Example: kieng verify --log submissions.kienglog --catalogue catalogue.json
    """
    with tempfile.TemporaryDirectory() as folder:
        path = log
        if log == BROKER:
            path = str(Path(folder) / "log")
            _run("export", find(data).broker, path, failing=DOWN)
        found = _run("verify", path, str(catalogue), str(directory), failing=NO)
    Screen(output, lang).fields(found)


def _run(*arguments: str, failing: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "services.kpi.offline.verification", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise Failure(last, failing)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
