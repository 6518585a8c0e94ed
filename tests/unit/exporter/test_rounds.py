"""A measurement that takes long is made less often."""

from __future__ import annotations

import pytest

from services.exporter.service import REST_FACTOR, SIZES_SECONDS, Rounds


@pytest.mark.parametrize(
    ("took", "pause"),
    [(0.01, SIZES_SECONDS), (0.5, SIZES_SECONDS), (4.0, REST_FACTOR * 4.0 + 4.0)],
    ids=["at once", "soon", "long"],
)
def test_sizes_are_measured_for_one_percent_of_the_time_at_most(
    monkeypatch: pytest.MonkeyPatch, took: float, pause: float
) -> None:
    now = 1000.0
    monkeypatch.setattr("services.exporter.service.time.monotonic", lambda: now)
    rounds = Rounds()
    rounds.setup()
    now = began = now + SIZES_SECONDS
    assert rounds.is_due("database")
    now += took
    rounds.rest("database", began)
    now = began + pause - 0.1
    assert not rounds.is_due("database")
    now = began + pause
    assert rounds.is_due("database")


def test_sizes_are_not_measured_while_a_stack_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("services.exporter.service.time.monotonic", lambda: now)
    rounds = Rounds()
    rounds.setup()
    now += SIZES_SECONDS - 0.1
    assert rounds.is_due("log")
    assert not rounds.is_due("database")
    now += 0.1
    assert rounds.is_due("database")
