"""Streams a person's new notifications until the call ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from kieng.notifications.v1 import notification_service_pb2
from services.kernel.errors import Exhausted
from services.notifications import metrics, wire
from services.notifications.domain import Language, Notification
from services.notifications.store import Inbox, Subscriptions

# More than three institutions may have open by the limits of the kernel's front.
WATCHERS_MAX = 100
POLL_SECONDS = 0.5
SIGN_OF_LIFE_SECONDS = 10.0
# Any process may write a notification this long after its order value was assigned.
LATE_SECONDS_MAX = 10.0


class Slots:
    """Limits the number of concurrent streams of a process. Thread-safe."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._places = threading.BoundedSemaphore(WATCHERS_MAX)
        metrics.WATCHERS_LIMIT.set(WATCHERS_MAX)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold one slot.

        Raises:
            Exhausted: all slots are in use; repeat later.
        """
        if not self._places.acquire(blocking=False):
            raise Exhausted(f"{WATCHERS_MAX} callers listen already; repeat later")
        try:
            with metrics.WATCHERS.track_inprogress():
                yield
        finally:
            self._places.release()


class Watchers(DependencyProvider):
    """Injects the process's `Slots`; stopping it ends all streams, so that the server can drain."""

    def setup(self) -> None:
        """Create the slots."""
        self.slots = Slots()

    def stop(self) -> None:
        """End all streams."""
        self.slots.stopping.set()

    def get_dependency(self, worker_ctx: WorkerContext) -> Slots:
        """Return the slots."""
        return self.slots


def watch(
    recipient: str,
    *,
    inbox: Inbox,
    subscriptions: Subscriptions,
    slots: Slots,
    is_active: Callable[[], bool],
) -> Iterator[notification_service_pb2.WatchNotificationsResponse]:
    """Yield a heartbeat at once, then every notification created from now on, oldest first.

    Args:
        recipient: key of the person.
        inbox: store of notifications.
        subscriptions: language of the texts.
        slots: limit of concurrent streams.
        is_active: returns False once the call has ended.

    Raises:
        Exhausted: too many streams are open; repeat later.
    """
    with slots.take():
        begin = datetime.now(UTC)
        seen: set[str] = set()
        yield notification_service_pb2.WatchNotificationsResponse()
        told_at = time.monotonic()
        while is_active() and not slots.stopping.wait(POLL_SECONDS):
            late = datetime.now(UTC) - timedelta(seconds=LATE_SECONDS_MAX)
            found = inbox.since(recipient, max(begin, late))
            fresh = [each for each in found if each.notification_id not in seen]
            seen = {each.notification_id for each in found}
            if not fresh and time.monotonic() - told_at < SIGN_OF_LIFE_SECONDS:
                continue
            yield from _messages(fresh, subscriptions.get(recipient).language)
            told_at = time.monotonic()


def _messages(
    fresh: Sequence[Notification], language: Language
) -> Iterator[notification_service_pb2.WatchNotificationsResponse]:
    """Yield one message per notification, or a heartbeat if there is none."""
    if not fresh:
        yield notification_service_pb2.WatchNotificationsResponse()
    for each in fresh:
        message = wire.encode_notification(each, language)
        yield notification_service_pb2.WatchNotificationsResponse(notification=message)
