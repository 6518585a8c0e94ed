"""`kieng issuer create`: makes a token issuer for trials, before institutions connect their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.client.local_issuer import LocalIssuer, write_key
from services.cli.client.stack import CONSORTIUM
from services.cli.session import Session, with_session

app = typer.Typer(no_args_is_help=True, help="Create a token issuer, for trials only.")


# With a callback typer keeps the name of the only command.
@app.callback()
def root() -> None:
    """Create a token issuer, for trials only."""


@app.command()
@with_session()
def create(
    session: Session,
    institutions: Annotated[list[str], typer.Argument(help="Ids, e.g. vnu hust or vnu,hust.")],
    table: Annotated[
        Path | None, typer.Option(help="Write the issuers file here, not into --data.")
    ] = None,
    service_key: Annotated[
        Path | None,
        typer.Option(help="Also create a key that signs calls between services here."),
    ] = None,
    edition_key: Annotated[
        Path | None,
        typer.Option(help="Also create a key that signs editions here, unless it exists."),
    ] = None,
) -> None:
    """Create missing keys, and the issuers file that services read; for trials only.

    Anyone who can read the keys can act as anyone. Production lists the institutions' own issuers.

    Example: kieng issuer create vnu vnu-hcm hust --data .kieng
    """
    stack = session.stack
    named = [name for given in institutions for name in given.split(",") if name]
    wanted = list(dict.fromkeys([*named, CONSORTIUM]))
    path = table or stack.issuers_file
    path.parent.mkdir(parents=True, exist_ok=True)
    LocalIssuer(stack.issuer_folder).create(wanted, path, service_key)
    if edition_key is not None:
        write_key(edition_key)
    screen = session.screen
    document = {"table": str(path), "institutions": wanted}
    names = ", ".join(wanted)
    screen.answer(document, lambda: screen.text("issuer.made", path=path, institutions=names))
