"""The aggregators of one consumer group: who owns which partition, and whose flush was refused."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import CoordinatorNotAvailableError

from services.cli.local.child_process import Child, ChildGroup
from services.kpi.log.topic import SUBMISSIONS
from tests.waiting import wait_until

GROUP = "kieng.kpi"
POSITION = re.compile(r"kieng_consumer_next_offset\{([^}]*)\} (\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
# What the ledger says when the stored epoch is not the flush's; see services/kpi/store/ledger.py.
REFUSED = re.compile(r"^epoch \d+ of \S+ is over$")


class Member:
    """One aggregator process.

    Args:
        name: names its log file.
        port: its metrics.
        environment: how it finds the broker and the database.
        folder: gets its log.
    """

    def __init__(self, name: str, port: int, environment: dict[str, str], folder: Path) -> None:
        self._metrics = f"http://127.0.0.1:{port}/metrics"
        self.child = Child(
            name,
            [sys.executable, "-m", "services.kernel.runner", "kpi.aggregator"],
            {**os.environ, **environment, "KIENG_HTTP_PORT": str(port)},
            folder / f"{name}.log",
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        os.kill(self.child.pid, number)

    def positions(self) -> dict[int, int]:
        """Return partition -> next offset, of those that it folded last; empty while it starts."""
        text = ""
        with suppress(OSError), closing(urllib.request.urlopen(self._metrics, timeout=5)) as answer:
            text = answer.read().decode()
        found = {}
        for labels, value in POSITION.findall(text):
            named = dict(LABEL.findall(labels))
            if named["group"] == GROUP:
                found[int(named["partition"])] = int(float(value))
        return found

    def refused(self) -> int:
        """Return how many of its flushes were refused because another process has the partition."""
        total = 0
        for line in self.child.log_path.read_text(encoding="utf-8").splitlines():
            said = json.loads(line) if line.startswith("{") else {}
            if said.get("event") == "ownership lost, rejoining":
                total += bool(REFUSED.match(said["reason"]))
        return total


class Members:
    """All aggregators of the group.

    Args:
        members: the processes.
        bootstrap: the broker.
        partitions: of the log.
        stored: tells how far the stored view has read, by partition.
    """

    def __init__(
        self,
        members: list[Member],
        bootstrap: str,
        partitions: int,
        stored: Callable[[], Mapping[int, int]],
    ) -> None:
        self._members = members
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self._partitions = set(range(partitions))
        self._stored = stored

    def start(self, supervisor: ChildGroup) -> None:
        """Start all of them; the supervisor stops them."""
        for member in self._members:
            supervisor.start(member.child, lambda: "", 5)

    def close(self) -> None:
        """Close what this object itself opened."""
        self._admin.close()

    def flush_pending(self, seconds: float) -> dict[int, Member]:
        """Wait until all are in the group and every partition is folded; return who folds it.

        Somebody has to write meanwhile: an owner is known by having folded what is stored.
        """
        found: dict[int, Member] = {}

        def is_settled() -> bool:
            found.clear()
            # A new broker has no coordinator for the group at first.
            with suppress(CoordinatorNotAvailableError):
                if self._is_stable():
                    found.update(self._owners())
            return found.keys() == self._partitions

        wait_until(is_settled, seconds, "all are in the group, and every partition is folded")
        return found

    def _is_stable(self) -> bool:
        group = self._admin.describe_groups([GROUP])[GROUP]
        given = [_assigned(member) for member in group["members"]]
        # Partitions move in two steps, between which the group calls itself stable, too.
        idle = max(0, len(self._members) - len(self._partitions))
        return (
            group["group_state"] == "Stable"
            and len(given) == len(self._members)
            and given.count([]) == idle
            and sorted(chain.from_iterable(given)) == sorted(self._partitions)
        )

    def _owners(self) -> dict[int, Member]:
        stored = self._stored()
        return {
            partition: member
            for member in self._members
            for partition, offset in member.positions().items()
            if offset >= stored.get(partition, 0) > 0
        }


def _assigned(member: Any) -> list[int]:
    topics = (member["member_assignment"] or {}).get("assigned_partitions", ())
    return [p for topic in topics if topic["topic"] == SUBMISSIONS for p in topic["partitions"]]
