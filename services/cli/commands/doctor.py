"""`kieng doctor`: checks everything that a stack needs, and prints a remedy for each problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

import typer
from rich.console import RenderableType
from rich.text import Text

from services.cli.admin.processes import usage_of
from services.cli.admin.service_settings import given_here
from services.cli.checks import infrastructure as parts
from services.cli.checks import services as numbers
from services.cli.checks.findings import UP, Finding
from services.cli.client.stack import Stack
from services.cli.errors import DOWN, NO, worst
from services.cli.session import Session, with_session
from services.cli.terminal.screen import Screen
from services.kernel.config import KernelSettings, read
from services.refusals import in_language

CHECKS: tuple[Callable[[Stack], Iterator[Finding]], ...] = (
    parts.check_settings,
    parts.check_broker,
    parts.check_database,
    parts.check_keys,
    parts.check_disk,
    numbers.check_services,
    numbers.check_view,
)


@with_session()
def doctor(
    session: Session,
) -> None:
    """Check everything a stack needs; exit code 1 if something is wrong, 3 if it is down.

    Without a local stack, e.g. in a pod, the addresses come from the settings (KIENG_...).

    Example: kieng doctor --output json
    """
    screen = session.screen
    stack = session.stack
    if is_stopped(stack):
        text = screen.text("doctor.stopped", data=stack.data)
        check = {"check": "stack", "exit_code": DOWN, "detail": text, "remedy": UP, "ok": False}
        screen.answer({"ok": False, "checks": [check]}, lambda: text)
        raise typer.Exit(DOWN)
    # With unreadable settings nothing else can be checked.
    checks = CHECKS if not read(KernelSettings)[1] else CHECKS[:1]
    findings = [finding for check in checks for finding in check(stack)]
    code = worst(finding.exit_code for finding in findings)
    rows = [{**asdict(finding), "ok": not finding.exit_code} for finding in findings]
    screen.answer({"ok": code == 0, "checks": rows}, lambda: show(screen, findings))
    raise typer.Exit(code)


def is_stopped(stack: Stack) -> bool:
    """Return True if no process of the stack runs here and nothing says that it runs elsewhere.

    It may run elsewhere if the environment contains addresses or settings of services.
    """
    if stack.pid:
        # `stack.json` is left behind if `kieng up` was killed.
        pids = (stack.pid, *(process.pid for process in stack.processes.values()))
        return not any(map(usage_of, pids))
    return not stack.is_named and not given_here()


def show(screen: Screen, findings: list[Finding]) -> RenderableType:
    """Return a table with one line per finding: what was checked, its state, detail and remedy.

    The state is "ok", "wrong" or "down" in the language of the screen, by the exit code.
    """
    table = screen.table("check", "state", "detail", "remedy")
    for finding in findings:
        key, style = {0: ("ok", "green"), NO: ("wrong", "yellow")}.get(
            finding.exit_code, ("down", "bold red")
        )
        state = Text(screen.text(f"doctor.{key}"), style=style)
        said = (finding.check, finding.detail, finding.remedy)
        check, *told = (in_language(text, screen.lang) for text in said)
        table.add_row(check, state, *told)
    return table
