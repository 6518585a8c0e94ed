"""`kieng certificate create`: makes a certificate for trials, before an authority signs one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.client.trial_authority import TrialAuthority
from services.cli.session import Session, with_session

app = typer.Typer(no_args_is_help=True, help="Create a certificate for TLS, for trials only.")


# With a callback typer keeps the name of the only command.
@app.callback()
def root() -> None:
    """Create a certificate for TLS, for trials only."""


@app.command()
@with_session()
def create(
    session: Session,
    names: Annotated[
        list[str], typer.Argument(help="Host names and IP addresses of servers; or a URN.")
    ],
    folder: Annotated[
        Path | None, typer.Option(help="Write the files here, not into --data.")
    ] = None,
    group: Annotated[
        bool, typer.Option("--group", help="Let the group of this user read the key, too.")
    ] = False,
) -> None:
    """Issue a certificate signed by the trial authority in --data: tls.crt, tls.key and ca.crt.

    Kafka and MongoDB read tls-combined.pem, which holds key and certificate.

    Anyone who can read the authority's key can impersonate any server, so use your own authority
    in production. Running services pick up new files without a restart.

    Example: kieng certificate create localhost 127.0.0.1 --data .kieng
    """
    stack = session.stack
    path = folder or stack.tls_folder
    end = TrialAuthority(stack.authority_folder).certify(names, path, is_group_readable=group)
    screen = session.screen
    document = {"folder": str(path), "names": names, "ends_at": end.isoformat()}
    told = {"folder": path, "names": ", ".join(names), "day": f"{end:%Y-%m-%d}"}
    screen.answer(document, lambda: screen.text("certificate.made", **told))
