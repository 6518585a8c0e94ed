"""How many submissions there are by state, and how long the oldest has waited."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from prometheus_client import REGISTRY

from services.submissions.counts import INTERVAL_SECONDS, SHARE_OF_TIME_MAX, Counter
from services.submissions.domain.submission import State

NOW = datetime(2025, 7, 1, tzinfo=UTC)


@dataclass
class FakeSubmissions:
    """One institution's submissions, and what a count of them costs."""

    institution_id: str
    found: dict[State, tuple[int, datetime]]
    clock: list[float]
    seconds: float = 0.0
    counted: int = field(default=0)

    def census(self) -> dict[State, tuple[int, datetime]]:
        self.counted += 1
        self.clock[0] += self.seconds
        return self.found


def databases(*held: FakeSubmissions) -> Any:
    return cast(Any, type("Held", (), {"all": lambda self: list(held)})())


def shown(name: str, institution: str, state: State) -> float | None:
    labels = {"institution": institution, "state": state.name.lower()}
    return REGISTRY.get_sample_value(f"kieng_{name}", labels)


def test_every_state_is_shown_and_the_age_of_what_waits() -> None:
    clock = [0.0]
    found = {
        State.SUBMITTED: (3, NOW - timedelta(days=2)),
        State.VERIFIED: (9, NOW - timedelta(days=80)),
    }
    held = FakeSubmissions("census-a", found, clock)
    assert Counter(lambda: clock[0]).count(databases(held), NOW)
    assert {state: shown("submissions", "census-a", state) for state in State} == {
        state: {State.SUBMITTED: 3, State.VERIFIED: 9}.get(state, 0) for state in State
    }
    queue = "review_queue_oldest_seconds"
    assert shown(queue, "census-a", State.SUBMITTED) == 2 * 86_400
    assert shown(queue, "census-a", State.UNIT_APPROVED) == 0
    assert shown(queue, "census-a", State.VERIFIED) is None


def test_the_longer_a_count_takes_the_rarer_it_is() -> None:
    clock = [0.0]
    held = FakeSubmissions("census-b", {}, clock)
    counter = Counter(lambda: clock[0])

    def pause() -> float:
        """Seconds from the end of a count to the next."""
        begin = clock[0]
        while not counter.count(databases(held), NOW):
            clock[0] += 1.0
        return clock[0] - held.seconds - begin

    assert pause() == 0
    assert pause() == INTERVAL_SECONDS
    held.seconds = 2.0
    pause()
    assert pause() == 2.0 / SHARE_OF_TIME_MAX
