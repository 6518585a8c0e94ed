"""Resumes a stream of idempotent requests when its service comes back soon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import grpc

from services.cli.errors import CallFailed

PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""Statuses of a service that is restarted, away for a while, or busy."""
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 1.0

Q = TypeVar("Q")
A = TypeVar("A")


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


@dataclass
class Patience:
    """How long a command waits for a service that gives no answer.

    ``waiting`` is called with what is wrong when the wait begins, ``now`` is a monotonic clock.
    """

    waiting: Callable[[CallFailed], None] = lambda _: None
    seconds: float = PATIENCE_SECONDS
    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = _pause
    _failed_at: float | None = field(default=None, init=False)

    def answered(self) -> None:
        """Note an answer; the next failure may last as long as the first."""
        self._failed_at = None

    def wait(self, failure: CallFailed) -> None:
        """Pause after a failure.

        Raises:
            CallFailed: waiting does not help, or has lasted too long.
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
    """Yield one answer per request, in order; after a cut the unanswered are sent again.

    Args:
        call: a stream in both directions whose answers come in the order of the requests.
        requests: requests that may be repeated.
        patience: how long to wait for an answer.

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
