"""`kieng verify`: recomputes the numbers from the log alone.

It needs neither a running service nor a database.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from services.cli.admin import offline
from services.cli.client.stack import DEPLOY
from services.cli.errors import DOWN, NO
from services.cli.session import Session, with_session

BROKER = "broker"


@with_session()
def verify(
    session: Session,
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
) -> None:
    """Recompute the view from a log, with no service and no database, and print its digest.

    It equals the digest of `kieng kpi show` when both have read equally far by the same catalogue.

    Example: kieng verify --log submissions.kienglog --catalogue catalogue.json
    """
    with tempfile.TemporaryDirectory() as folder:
        path = log
        if log == BROKER:
            path = str(Path(folder) / "log")
            offline.run(offline.VERIFICATION, "export", session.stack.broker, path, exit_code=DOWN)
        found = offline.run(
            offline.VERIFICATION, "verify", path, str(catalogue), str(directory), exit_code=NO
        )
    session.screen.fields(found)
