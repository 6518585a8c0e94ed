"""Options that many commands share, and the session that a command works in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from services.cli.client.clients import Clients, Credential
from services.cli.client.local_issuer import CONSORTIUM
from services.cli.client.stack import DATA, Stack, find
from services.cli.terminal.screen import Output, Screen
from services.cli.terminal.texts import Lang

Data = Annotated[
    Path, typer.Option("--data", envvar="KIENG_DATA", help="Data folder of the local stack.")
]
OutputAs = Annotated[
    Output, typer.Option("--output", "-o", help="Write a table or one JSON object.")
]
Language = Annotated[
    Lang, typer.Option("--lang", envvar="KIENG_LANG", help="Language of names and headings.")
]
Institution = Annotated[
    str,
    typer.Option(
        "--institution",
        envvar="KIENG_INSTITUTION",
        help="Institution to act for, e.g. vnu; its local key signs unless KIENG_TOKEN is set.",
    ),
]
Subject = Annotated[
    str,
    typer.Option("--subject", envvar="KIENG_SUBJECT", help="Who acts; by default named by role."),
]
Month = Annotated[str, typer.Option(help="Month, e.g. 2025-01.")]

DATA_DEFAULT = DATA
TABLE = Output.table
VI = Lang.vi


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with."""

    screen: Screen
    stack: Stack
    clients: Clients


@contextmanager
def session(
    output: Output,
    lang: Lang,
    data: Path,
    *roles: str,
    institution: str = CONSORTIUM,
    subject: str = "",
) -> Iterator[Session]:
    """Open what a command needs, and close it.

    Args:
        output: how the answer is written.
        lang: language of names and headings.
        data: data folder of the stack.
        *roles: what the command needs, when its token is minted here.
        institution: for whom the command acts; the consortium for shared numbers.
        subject: who acts; empty for a name made of the role.
    """
    stack = find(data)
    with Clients(stack, Credential(stack, institution, roles, subject)) as clients:
        yield Session(Screen(output, lang), stack, clients)
