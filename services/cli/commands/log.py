"""`kieng log ...`: exports the log, republishes it from the databases, or adds partitions.

The export runs `python -m services.kpi.offline.verification` as a subprocess, because commands must
not import a service.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from kafka.errors import KafkaError

from kieng.kpi.v1 import catalogue_service_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli.admin import broker, log_partitions, offline
from services.cli.client.consent import need_approval, need_effect
from services.cli.errors import DOWN, NO, Failure
from services.cli.files.destination import need_place
from services.cli.local.seed import fill_log, wait_until_live
from services.cli.session import Session, with_session

app = typer.Typer(no_args_is_help=True, help="Export, republish or repartition the log.")

LIVE = catalogue_service_pb2.View.STATE_LIVE
REFUSED = catalogue_service_pb2.View.STATE_REFUSED


@app.command()
@with_session()
def export(
    session: Session,
    file: Annotated[Path, typer.Argument(help="File to write; docs/log-format.md describes it.")],
) -> None:
    """Write the whole log of submissions to a file; an incomplete file is never left behind.

    Example: kieng log export submissions.kienglog
    """
    need_place(file)
    written = offline.run(
        offline.VERIFICATION, "export", session.stack.broker, str(file), exit_code=DOWN
    )
    session.screen.fields(written)


@app.command()
@with_session("operator", "viewer")
def republish(
    session: Session,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Also if the log is the one that was folded, when events are missing."
        ),
    ] = False,
) -> None:
    """Republish the log from the submissions databases as a new generation, after LOG_DIVERGED.

    The old view stays live until the new one has read everything. Does nothing if the log is the
    one that was folded. Safe to repeat. A new generation is a proposal: repeat the command when
    the institutions have approved it (`kieng proposal list`).

    Example: kieng log republish
    """
    needed = fill_log(session.clients, session.screen, need_effect, again)
    if needed:
        wait_until_live(session.clients)
    session.screen.fields({"republished": needed, **_live(session)})


@app.command()
@with_session("operator", "viewer")
def repartition(
    session: Session,
    partitions: Annotated[
        int, typer.Argument(min=1, max=10_000, help="Partitions that the log has then.")
    ],
) -> None:
    """Give the log more partitions: its records are removed and republished as a new generation.

    That is proposed first: nothing is touched before the institutions have approved it. The old
    view stays live until the new one has read everything. Back up before. Also the remedy if
    somebody else has raised the number. Safe to repeat; does nothing if all is done.

    Example: kieng log repartition 3
    """
    asked = catalogue_service_pb2.ListViewsRequest()
    views = session.stub(CatalogueServiceStub).ListViews(asked).views
    newest = max(views, key=lambda view: (view.generation, view.state != REFUSED), default=None)
    if newest is None or not newest.partitions:
        text = "no view knows its number of partitions yet: start kpi.aggregator, and repeat"
        raise Failure(text, NO)
    if newest.partitions != partitions:
        wanted = catalogue_service_pb2.OpenLogGenerationRequest(partitions=partitions)
        need_approval(session.stub(CatalogueServiceStub).OpenLogGeneration(wanted).proposal)
        try:
            with closing(broker.admin(session.stack.broker)) as admin:
                log_partitions.grow(admin, partitions)
                session.screen.say("log.waits", seconds=f"{log_partitions.KNOWN_SECONDS:.0f}")
                log_partitions.purge(admin, partitions, time.sleep)
        except KafkaError as error:
            raise Failure(f"{session.stack.broker}: {error}", DOWN) from error
    needed = fill_log(session.clients, session.screen, need_effect)
    if needed:
        wait_until_live(session.clients)
    session.screen.fields({"republished": needed, **_live(session)})


def _live(session: Session) -> dict[str, object]:
    """Return id, generation and number of partitions of the live view, in JSON form."""
    views = session.stub(CatalogueServiceStub).ListViews(catalogue_service_pb2.ListViewsRequest())
    live = next(view for view in views.views if view.state == LIVE)
    return {
        "view": live.view_id,
        "generation": live.generation,
        "partitions": live.partitions,
    }
