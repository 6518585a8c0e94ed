"""Resumes a stream of idempotent requests after an interruption of the service that answers it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import grpc

from services.cli.client.troubles import CallFailed

PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""Statuses of a service that is restarting, temporarily unreachable or busy."""
PATIENCE_SECONDS = 90.0
"""Longer than a database keeps what a killed process had begun: it may hold the same rows, 60 s."""
PAUSE_SECONDS = 1.0

Q = TypeVar("Q")
A = TypeVar("A")


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


@dataclass
class Patience:
    """Decides how long a command waits for a service that does not answer.

    ``seconds`` is the longest time between a failure and the next answer. ``waiting`` is called
    with the failure when a wait begins, ``now`` returns monotonic seconds, and ``pause`` waits for
    a number of seconds.
    """

    waiting: Callable[[CallFailed], None] = lambda _: None
    seconds: float = PATIENCE_SECONDS
    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = _pause
    _failed_at: float | None = field(default=None, init=False)

    def answered(self) -> None:
        """Record that the service answered, so that the next failure starts a new waiting time."""
        self._failed_at = None

    def wait(self, failure: CallFailed) -> None:
        """Pause after a failure, before the call is repeated.

        Raises:
            CallFailed: the same failure, if it is not temporary or the service has not answered
                for too long.
        """
        if failure.trouble.code not in PASSING:
            raise failure
        if self._failed_at is None:
            self._failed_at = self.now()
            self.waiting(failure)
        elif self.now() - self._failed_at > self.seconds:
            raise failure
        self.pause(PAUSE_SECONDS)


def answers(
    call: Callable[[Iterator[Q]], Iterator[A]], requests: Sequence[Q], patience: Patience
) -> Iterator[A]:
    """Yield one answer per request, in order; after an interruption, send the rest again.

    Args:
        call: bidirectional streaming RPC that answers in the order of the requests.
        requests: idempotent requests.
        patience: decides how long to wait for the service.

    Raises:
        CallFailed: the service refused the call, or did not come back in time.
    """
    done = 0
    while done < len(requests):
        try:
            for answer in call(iter(requests[done:])):
                patience.answered()
                done += 1
                yield answer
            return
        except CallFailed as failure:
            patience.wait(failure)
