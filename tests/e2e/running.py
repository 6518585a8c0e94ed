"""One stack of real processes, started by the `kieng` command, and ways to speak to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from services.cli.client.channels import open_channel
from services.cli.client.local_issuer import LocalIssuer
from services.cli.client.stack import Stack, find
from tests.e2e.forked import Answer, kieng
from tests.interrupts import heeding_ctrl_c
from tests.waiting import wait_until

KIENG = Path(sys.executable).with_name("kieng")
START_SECONDS = 420.0
STOP_SECONDS = 40.0
COMMAND_SECONDS = 60.0


class RunningStack:
    """A `kieng up` or `kieng demo` as a child process.

    Args:
        folder: gets the data folder and what the process prints.
        broker: embedded or kafka.
        environment: further variables for every process of the stack.
        program: the `kieng` that is run.
    """

    def __init__(
        self, folder: Path, broker: str, environment: dict[str, str], program: Path = KIENG
    ) -> None:
        self.data = folder / "data"
        self.answer = folder / "kpis.json"
        self._log = folder / "kieng.log"
        self._broker, self._program = broker, program
        # Subprocesses at their parents' priority get processor time beside other tests, too.
        own = {"KIENG_LANG": "en", "KIENG_SUBPROCESS_NICENESS": "0"}
        self._environment = {**os.environ, **own, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: str, *options: str, until: str) -> float:
        """Start `kieng up` or `kieng demo`; return the seconds until it printed a line."""
        began, before = time.monotonic(), len(self.printed())
        argv = [str(self._program), command, "--data", str(self.data)]
        argv += ["--broker", self._broker, *options]
        with heeding_ctrl_c(), self._log.open("ab") as log:
            self._process = process = subprocess.Popen(
                argv, env=self._environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

        def is_there() -> bool:
            assert process.poll() is None, self.printed()[before:]
            return until in self.printed()[before:]

        wait_until(is_there, START_SECONDS, f"{until!r} printed by kieng {command}")
        return time.monotonic() - began

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, as a service manager does; return its exit code. Safe to call twice."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        try:
            return self._process.wait(STOP_SECONDS)
        finally:
            self._process.kill()
            self._process = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._process is not None

    def printed(self) -> str:
        """Everything it has printed so far."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    @property
    def stack(self) -> Stack:
        """Addresses and process ids as they are now."""
        return find(self.data)

    def pid(self, name: str) -> int:
        """Process id of a service, of `broker` or of `database`."""
        return self.stack.processes[name].pid

    def run(self, *arguments: str, **environment: str) -> Answer:
        """Run a command against the stack."""
        given = {**self._environment, **environment}
        return kieng((*arguments, "--data", str(self.data)), given, Path.cwd(), COMMAND_SECONDS)

    def agreed(self, *command: str) -> Any:
        """Run a command that binds all, and approve what it proposes as each institution.

        Returns:
            What the command answers then; for a rollback, the proposal in effect.
        """
        answer = self.json(*command)
        if "proposal" not in answer:
            return answer
        found = answer["proposal"]
        for institution in found["missing"]:
            vote = ("proposal", "approve", found["proposal_id"], "--digest", found["digest"])
            found = self.json(*vote, "--institution", institution)["proposal"]
        assert found["state"] == "effective", found
        return found if command[-1] == "rollback" else self.json(*command)

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed, and return its JSON object."""
        return self.run(*arguments, "--output", "json").json

    def token(self, institution: str, *roles: str, subject: str = "") -> str:
        """A token of the local issuer."""
        issuer = LocalIssuer(self.stack.issuer_folder)
        return issuer.mint(institution, subject or f"{roles[0]}@{institution}", roles, "", 600)

    def kpis(self, units: list[str], first: str, last: str, *indicators: str) -> Any:
        """The answer of `kieng kpi show`."""
        asked = [part for unit in units for part in ("--unit", unit)]
        asked += [part for code in indicators for part in ("--indicator", code)]
        return self.json("kpi", "show", "--from", first, "--to", last, *asked)

    @contextmanager
    def channel(self, service: str) -> Iterator[grpc.Channel]:
        """A channel to a service, by TLS if the stack has it."""
        with open_channel(self.stack, self.stack.address(service)) as channel:
            yield channel

    def seconds(self, name: str) -> float:
        """A time that the demo printed, e.g. `import`."""
        found = re.search(rf"{name} ([0-9.]+) s", self.printed())
        assert found is not None, self.printed()
        return float(found[1])
