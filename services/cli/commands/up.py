"""`kieng up`: runs the whole platform on this machine until Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from services.cli.client.stack import DATA, DEPLOY, PORTAL
from services.cli.errors import USAGE, Failure
from services.cli.local.seed import bootstrap
from services.cli.local.stack_processes import Launch, Plan
from services.cli.local.supervisor import Interrupted, interrupt_on_signals, keep
from services.cli.session import Session, with_session
from services.cli.terminal.screen import Screen

Broker = Annotated[str, typer.Option(help="embedded, or kafka: Apache Kafka through Maven.")]
Kafka = Annotated[str, typer.Option(help="Use this broker, host:port, instead of starting one.")]
Mongo = Annotated[str, typer.Option(help="Use this database, a URI, instead of starting one.")]
Ports = Annotated[
    int, typer.Option(min=0, max=65_000, help="First of 17 ports to use; 0: free ones.")
]
Tls = Annotated[bool, typer.Option("--tls", help="Serve gRPC by TLS, with a trial authority.")]
Directory = Annotated[Path, typer.Option(help="Units to publish.")]
Catalogue = Annotated[Path, typer.Option(help="Indicators to publish.")]

DIRECTORY = DEPLOY / "directory" / "units.yaml"
CATALOGUE = DEPLOY / "catalogue" / "indicators.yaml"
NEXT = (
    "kieng doctor",
    "kieng import FILE.csv --institution vnu",
    "kieng kpi show --from 2025-01 --to 2025-07",
    "kieng kpi watch --from 2025-01 --to 2025-12",
)


@with_session()
def up(
    session: Session,
    broker: Broker = "embedded",
    kafka: Kafka = "",
    mongo: Mongo = "",
    ports: Ports = 0,
    directory: Directory = DIRECTORY,
    catalogue: Catalogue = CATALOGUE,
    partners: Annotated[Path | None, typer.Option(help="Partners to register, CSV.")] = None,
    tls: Tls = False,
) -> None:
    """Run broker, database and every service here until Ctrl-C; the data folder keeps the data.

    Example: kieng up --data .kieng
    """
    if broker not in ("embedded", "kafka"):
        raise Failure(f"--broker {broker!r}: embedded or kafka", USAGE)
    screen = session.screen
    plan = Plan(session.data, directory, catalogue, broker, kafka, mongo, ports, partners, tls=tls)

    def work(launch: Launch) -> None:
        bootstrap(launch)
        answer(screen, launch)

    run(Launch(plan, screen), work, stay=True)


def run(launch: Launch, work: Callable[[Launch], None], *, stay: bool) -> None:
    """Start a stack, run ``work`` with it, and stop it in order, even after Ctrl-C or SIGTERM.

    With ``stay`` the stack keeps running after the work, until such a signal.

    Raises:
        Failure: a process could not be started or kept running, or the work failed.
    """
    interrupt_on_signals()
    try:
        with launch:
            launch.start()
            keep(launch, lambda: work(launch), stay=stay)
    except Interrupted:
        launch.screen.say("up.stopped")


def answer(screen: Screen, launch: Launch) -> None:
    """Print the addresses of all processes, and commands to try next; as JSON the whole stack."""
    screen.answer(asdict(launch.stack), lambda: where(screen, launch))


def where(screen: Screen, launch: Launch) -> RenderableType:
    """Return a table of processes with addresses and log files, then commands to try next.

    External brokers and databases are listed without process id and log file.
    """
    stack = launch.stack
    table = screen.table("process", "pid", "grpc", "http", "log")
    for name, process in stack.processes.items():
        grpc = {"broker": stack.broker, "database": stack.mongo}.get(name, process.grpc)
        table.add_row(name, str(process.pid), grpc, process.http, process.log)
    for name, address in (("broker", stack.broker), ("database", stack.mongo)):
        if name not in stack.processes:
            table.add_row(name, "", address, "", "")
    suffix = "" if launch.plan.data == DATA else f" --data {launch.plan.data}"
    tries = "\n".join(f"  {command}{suffix}" for command in NEXT)
    found = stack.processes.get(PORTAL)
    portal = [screen.text("up.portal", url=f"http://{found.web}/")] if found else []
    return Group(table, *portal, screen.text("up.next"), tries)
