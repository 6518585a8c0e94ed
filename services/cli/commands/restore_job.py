"""Runs a restore on a local stack or elsewhere: loads the databases, then publishes the log."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.admin import database, log_offsets, probes
from services.cli.backups import restore
from services.cli.backups.archive import Manifest
from services.cli.checks.services import PROBE_SECONDS
from services.cli.client.clients import Clients, Credential
from services.cli.client.consent import approve_as_all
from services.cli.client.stack import CONSORTIUM, Stack
from services.cli.commands import up
from services.cli.errors import DOWN, NO, Failure
from services.cli.local.seed import READY_SECONDS, STARTING, fill_log, retry, wait_until_live
from services.cli.local.stack_processes import DATABASE_MS, Launch, Plan
from services.cli.terminal.screen import Screen
from services.kernel.mongo import Mongo

NEEDED = ("kpi", "submissions", "partners")
READ_SECONDS = 300.0
POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """One restore of a backup.

    `here`, `elsewhere` and `publish` return the JSON object that `result` describes.

    Args:
        screen: where progress is printed.
        folder: folder of the backup, which has been checked.
        manifest: manifest of the backup.
        is_forced: whether existing data and an existing log may be replaced.
    """

    screen: Screen
    folder: Path
    manifest: Manifest
    is_forced: bool

    def here(self, plan: Plan) -> dict[str, Any]:
        """Start a local stack, restore the backup into it, and stop it.

        Raises:
            Failure: the stack is running already, or has data and the restore is not forced.
        """
        found: dict[str, Any] = {}

        def prepare(bootstrap: str, uri: str) -> None:
            with closing(Mongo(uri, DATABASE_MS)) as mongo:
                self.load(mongo, bootstrap)

        def work(launch: Launch) -> None:
            if reason := retry_ready(launch.stack, READY_SECONDS):
                raise Failure(reason, DOWN)
            found.update(self.publish(launch.stack))
            with closing(Mongo(launch.stack.mongo, DATABASE_MS)) as mongo:
                restore.finished(mongo, self.manifest)

        launch = Launch(replace(plan, prepare=prepare), self.screen)
        if self.manifest.is_whole:
            launch.institutions = list(self.manifest.institutions)
        up.run(launch, work, stay=False)
        return found

    def elsewhere(self, uri: str, stack: Stack, wait_seconds: float) -> dict[str, Any]:
        """Load the backup into the databases at ``uri``, and publish the log once the services run.

        If the services do not run within ``wait_seconds``, the state in the result is `loaded`, and
        repeating the command later publishes the log.

        Args:
            uri: URI of the databases; empty for that of the settings or the stack.
            stack: stack with the broker and the services.
            wait_seconds: how long to wait for the services.

        Raises:
            Failure: services run before the databases are loaded, or something is down.
        """
        with database.connect(uri, stack) as mongo:
            if not restore.is_loaded(mongo, self.manifest):
                if not retry_ready(stack, 0.0):
                    text = "the services run: stop them, so that nobody writes, and repeat"
                    raise Failure(text, NO)
                self.load(mongo, stack.broker)
            if retry_ready(stack, wait_seconds):
                return self.result("loaded", "")
            done = self.publish(stack)
            restore.finished(mongo, self.manifest)
            return done

    def load(self, mongo: Mongo, bootstrap: str) -> None:
        """Empty the log and load the databases, unless this restore has done so already.

        Raises:
            Failure: the log or a database has data and the restore is not forced, or no broker is
                known.
        """
        if not bootstrap:
            raise Failure("which broker? Set KIENG_KAFKA_BOOTSTRAP", NO)
        if restore.is_loaded(mongo, self.manifest):
            return
        full = restore.occupied(mongo, self.manifest)
        has_log = restore.log_holds_records(bootstrap)
        if (full or has_log) and not self.is_forced:
            held = ", ".join([*full, *([restore.LOG] if has_log else [])])
            raise Failure(f"not empty: {held}; --force replaces what is there", NO)
        if has_log:
            restore.renew_log(bootstrap)
        with self.screen.progress() as progress:
            restore.load(mongo, self.folder, self.manifest, datetime.now(UTC), progress)

    def publish(self, stack: Stack) -> dict[str, Any]:
        """Publish a new generation of the log, and compare the digest of its view.

        The state in the result is `restored` if the digest is the recorded one and `differs` if
        not; it is `joined` for a backup of some institutions, and `unnumbered` for one without
        numbers.
        """
        if self.manifest.is_whole and not self.manifest.view:
            return self.result("unnumbered", "")
        credential = Credential(stack, CONSORTIUM, ("operator", "viewer"))
        with Clients(stack, credential) as clients:
            fill_log(clients, self.screen, partial(approve_as_all, stack))
            wait_until_live(clients)
            month = datetime.now(UTC).strftime("%Y-%m")
            selection = view_pb2.Selection(unit_ids=[CONSORTIUM], from_month=month, to_month=month)
            request = kpi_service_pb2.GetKpisRequest(
                selection=selection, min_progress=log_offsets.submissions(stack.broker)
            )
            stub = clients.stub(KpiServiceStub)
            digest = retry(READ_SECONDS, STARTING, lambda: stub.GetKpis(request)).view.digest
        if not self.manifest.is_whole:
            return self.result("joined", digest)
        is_same = digest == self.manifest.view["digest"]
        return self.result("restored" if is_same else "differs", digest)

    def result(self, state: str, digest: str) -> dict[str, Any]:
        """Return the result of the restore as the JSON object that `--output json` prints.

        Args:
            state: `loaded`, `restored`, `differs`, `joined` or `unnumbered`.
            digest: digest of the present view; empty if it was not computed.
        """
        recorded = self.manifest.view.get("digest", "") if self.manifest.is_whole else ""
        return {
            "name": self.manifest.name,
            "state": state,
            "digest": digest,
            "recorded": recorded,
            "ok": state != "differs",
        }


def retry_ready(stack: Stack, seconds: float) -> str:
    """Wait at most ``seconds`` for the services that a restore needs; return why some are down.

    The reason is empty if all of them answer.
    """
    deadline = time.monotonic() + seconds
    while True:
        reasons = [reason for name in NEEDED if (reason := _unreachable(stack, name))]
        if not reasons or time.monotonic() >= deadline:
            return "; ".join(reasons)
        time.sleep(POLL_SECONDS)


def _unreachable(stack: Stack, service: str) -> str:
    try:
        return probes.grpc_state(stack, stack.address(service), PROBE_SECONDS)
    except Failure as failure:
        return failure.message
