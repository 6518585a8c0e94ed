"""A stack of its own for attacks: real processes with a sample of the demo's data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from services.kpi.config import Settings
from tests.e2e import sample
from tests.e2e.running import RunningStack

SECONDS_MAX = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith("tests/hostile/"):
            item.add_marker(pytest.mark.hostile)
            item.add_marker(pytest.mark.timeout(SECONDS_MAX))


@pytest.fixture(scope="session")
def attacked(
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
    measured: Callable[[str], None],
) -> Iterator[RunningStack]:
    """`kieng demo` of a sample, after it has imported and counted everything; it stays up."""
    broker: str = pytestconfig.getoption("--broker")
    # The priority that subprocesses have in production, which tests of e2e take away.
    niceness = {"KIENG_SUBPROCESS_NICENESS": str(Settings().subprocess_niceness)}
    running = RunningStack(tmp_path_factory.mktemp("hostile"), broker, niceness)
    files = tmp_path_factory.mktemp("sample")
    sample.write(files)
    options = ("--files", str(files), "--json-out", str(running.answer))
    try:
        total = running.start("demo", *options, until="kieng doctor")
        measured(f"stack of the attacks: from nothing {total:.1f} s")
        yield running
    finally:
        running.stop()
