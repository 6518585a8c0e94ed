"""`kieng log ...`: export the log, and republish it from the submissions databases.

Copying and verifying is done by `python -m services.kpi.offline.verification` in its own process:
the commands import no service, and verifying needs neither a running service nor a database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kieng.kpi.v1 import catalogue_service_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli.admin import offline
from services.cli.client.consent import need_effect
from services.cli.errors import DOWN
from services.cli.local.seed import fill_log, wait_until_live
from services.cli.session import Session, with_session

app = typer.Typer(no_args_is_help=True, help="Export the log of submissions, or republish it.")

LIVE = catalogue_service_pb2.View.STATE_LIVE


@app.command()
@with_session()
def export(
    session: Session,
    file: Annotated[Path, typer.Argument(help="File to write; docs/log-format.md describes it.")],
) -> None:
    """Write the whole log of submissions to a file; an incomplete file is never left behind.

    Example: kieng log export submissions.kienglog
    """
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
    views = session.stub(CatalogueServiceStub).ListViews(catalogue_service_pb2.ListViewsRequest())
    live = next(view for view in views.views if view.state == LIVE)
    document = {"republished": needed, "view": live.view_id, "generation": live.generation}
    session.screen.fields(document)
