"""`kieng token`: prints a token of the local issuer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.access.v1 import access_pb2
from services.cli.client.local_issuer import SERVICES, LocalIssuer
from services.cli.errors import USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal.render import enum_text, time_text

ROLES = [enum_text(name, "ROLE_") for name in access_pb2.Role.keys()[1:]]


@with_session(subject=True)
def token(
    session: Session,
    institution: Annotated[str, typer.Option(help="Institution whose key signs, e.g. vnu.")],
    role: Annotated[list[str], typer.Option(help=f"{', '.join(ROLES)}. Repeatable.")],
    unit: Annotated[str, typer.Option(help="Top of the subtree (default: the institution).")] = "",
    service: Annotated[
        list[str],
        typer.Option(
            help=f"Service that it holds for (default: {', '.join(SERVICES)}). Repeatable."
        ),
    ] = list(SERVICES),  # noqa: B006
    minutes: Annotated[int, typer.Option(min=1, max=15, help="Lifetime in minutes.")] = 15,
) -> None:
    """Print a token of the local issuer, for KIENG_TOKEN or another program.

    Example: kieng token --institution vnu --role approver
    """
    if unknown := set(role) - set(ROLES):
        raise Failure(f"unknown role {', '.join(unknown)}; known are {', '.join(ROLES)}", USAGE)
    if unknown := set(service) - set(SERVICES):
        text = f"unknown service {', '.join(unknown)}; known are {', '.join(SERVICES)}"
        raise Failure(text, USAGE)
    stack = session.stack
    if not stack.issuer_folder.is_dir():
        made_by = f"`kieng up --data {session.data}` makes one"
        raise Failure(f"{session.data} has no local issuer: {made_by}", USAGE)
    who = session.subject or f"{role[0]}@{institution}"
    issuer = LocalIssuer(stack.issuer_folder)
    made = issuer.mint(institution, who, role, unit, minutes * 60, service)
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    screen = session.screen
    if screen.is_json:
        document = {"token": made, "expires": expires.isoformat(timespec="seconds")}
        screen.json_line(document, indent=2)
    else:
        # Printed without rich, which would wrap the line.
        typer.echo(made)
        moment = Timestamp()
        moment.FromDatetime(expires)
        screen.say("token.expires", expires=time_text(moment, screen.lang))
