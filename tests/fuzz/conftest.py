"""A stack of its own for the fuzzer: real processes with a sample of the demo's data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e import sample
from tests.e2e.running import RunningStack


@pytest.fixture(scope="module")
def fuzzed(
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
    measured: Callable[[str], None],
) -> Iterator[RunningStack]:
    """`kieng demo` of a sample, after it has imported and counted everything; it stays up."""
    broker: str = pytestconfig.getoption("--broker")
    running = RunningStack(tmp_path_factory.mktemp("fuzz"), broker, {})
    files = tmp_path_factory.mktemp("sample")
    sample.take_a_part()
    sample.write(files)
    options = ("--files", str(files), "--json-out", str(running.answer))
    try:
        total = running.start("demo", *options, until="kieng doctor")
        measured(f"stack of the fuzzer: from nothing {total:.1f} s")
        yield running
    finally:
        running.stop()
