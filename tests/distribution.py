"""Which tests one worker of pytest-xdist runs, in which order, and which ones run on Kafka, too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

E2E = "tests/e2e/"
OWN_STACK = {
    "test_demo_once.py",
    "test_disk_full.py",
    "test_long_outages.py",
    "test_partitions.py",
}
"""Modules of tests/e2e that do not use the fixture `stack`, but start one of their own."""
NO_STACK = {"test_portal_drawer.py", "test_portal_states.py", "test_portal_trend.py"}
"""Modules of tests/e2e that need a browser alone."""
BREAKING = {
    "test_doctor.py",
    "test_interrupting.py",
    "test_lost_log.py",
    "test_monitoring.py",
    "test_outages.py",
    "test_parked.py",
    "test_rolling_restart.py",
    "test_verifying.py",
    "test_whole_restart.py",
}
"""Modules of tests/e2e that stop, freeze or deceive processes, or watch them: they share a stack of
their own, which another worker starts at the same time."""
BREAKS = f"{E2E}stack that breaks"
"""The unit of work that these are."""
LAST = "test_interrupting.py"
"""The module of tests/e2e that ends the stack that breaks, as Ctrl-C does."""
MENDING = {"test_lost_log.py", "test_rolling_restart.py", "test_whole_restart.py"}
"""Modules of tests/e2e after which a number that was missed before might be there again."""
OF_THE_LOG = {
    "test_backup.py",
    "test_disk_full.py",
    "test_long_outages.py",
    "test_lost_log.py",
    "test_one_submission.py",
    "test_outages.py",
    "test_partitions.py",
    "test_rolling_restart.py",
    "test_whole_restart.py",
}
"""Modules of tests/e2e that show something else, or something more, on Apache Kafka."""
BROKERS = {"broker", "fresh_broker", "start_broker"}
"""Fixtures that start a broker."""
BEGUN_FIRST = ("tests/e2e", "tests/simulation", "tests/integration", "tests/property")
"""Folders whose modules take longest. What is begun last should be short."""


def unit_of_work(nodeid: str) -> str:
    """Return what the tests that have to run in one process have in common.

    It is the module, so that a fixture of a module is made once. The modules that share a stack of
    tests/e2e are one unit: those that break it, and the others.
    """
    return _unit(nodeid.partition("::")[0])


@cache
def _unit(module: str) -> str:
    name = PurePosixPath(module).name
    if not module.startswith(E2E) or name in OWN_STACK | NO_STACK:
        return module
    return BREAKS if name in BREAKING else f"{E2E}stack"


def in_order(items: list[pytest.Item]) -> None:
    """Sort tests by folder, those that take long first; otherwise they stay as they were."""

    items.sort(key=lambda item: _rank(item.nodeid.partition("::")[0]))


@cache
def _rank(module: str) -> tuple[bool, bool, int]:
    folders = (number for number, name in enumerate(BEGUN_FIRST) if module.startswith(name))
    # The shared stacks begin before all others, because they are the longest units.
    shared = f"{E2E}stack"
    return (
        not _unit(module).startswith(shared),
        PurePosixPath(module).name == LAST,
        next(folders, len(BEGUN_FIRST)),
    )


def last_user_of_the_stack(items: Sequence[pytest.Item], path: Path, workers: int) -> Path:
    """Return the module after which nobody needs the shared stack that a module uses.

    With several workers the stack that breaks is another one than that of all others; a single
    process has one for both.

    Args:
        items: all tests of the session, in their order.
        path: the module.
        workers: number of processes that run tests.
    """
    users = [item for item in items if "stack" in getattr(item, "fixturenames", ())]
    if workers > 1:
        unit = next(unit_of_work(item.nodeid) for item in users if item.path == path)
        users = [item for item in users if unit_of_work(item.nodeid) == unit]
    return users[-1].path


def depends_on_the_broker(item: pytest.Item) -> bool:
    """Whether a test says something about the broker that it runs on."""
    if item.nodeid.startswith(E2E):
        return item.path.name in OF_THE_LOG
    return not BROKERS.isdisjoint(getattr(item, "fixturenames", ()))


class Scheduling(LoadScopeScheduling):
    """Gives units of work out in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit_of_work(nodeid)
