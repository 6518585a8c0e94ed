"""Streams a person's new notifications until the call ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from kieng.notifications.v1 import notification_pb2, notification_service_pb2
from services.kernel.errors import Exhausted
from services.notifications import metrics, wire
from services.notifications.domain import Notification
from services.notifications.store import Inbox, Subscriptions
from services.texts import Lang

# More streams than three institutions can have open under the kernel's limit per institution.
WATCHERS_MAX = 100
POLL_SECONDS = 0.5
SIGN_OF_LIFE_SECONDS = 10.0
# Any process may write a notification this long after its order value was assigned.
LATE_SECONDS_MAX = 10.0


class Slots:
    """Limits the number of concurrent streams of a process. Thread-safe.

    Setting the event ``stopping`` ends all of them.
    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._places = threading.BoundedSemaphore(WATCHERS_MAX)
        metrics.WATCHERS_LIMIT.set(WATCHERS_MAX)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Occupy one slot during the `with` block.

        Raises:
            Exhausted: all slots are in use; the caller repeats later.
        """
        if not self._places.acquire(blocking=False):
            raise Exhausted(f"{WATCHERS_MAX} callers listen already; repeat later")
        try:
            with metrics.WATCHERS.track_inprogress():
                yield
        finally:
            self._places.release()


class Watchers(DependencyProvider):
    """Injects the `Slots` of the process, and ends all streams when the service stops."""

    def setup(self) -> None:
        """Create the slots; all are free."""
        self.slots = Slots()

    def stop(self) -> None:
        """End all streams, so that the gRPC server does not wait for them."""
        self.slots.stopping.set()

    def get_dependency(self, worker_ctx: WorkerContext) -> Slots:
        """Return the slots, the same for all calls."""
        return self.slots


def watch(
    recipient: str,
    *,
    language: notification_pb2.Language.ValueType,
    inbox: Inbox,
    subscriptions: Subscriptions,
    slots: Slots,
    is_active: Callable[[], bool],
) -> Iterator[notification_service_pb2.WatchNotificationsResponse]:
    """Yield a person's notifications as they are created from now on, oldest first.

    A heartbeat, which is a message without a notification, comes at once and then whenever there
    was no message for `SIGN_OF_LIFE_SECONDS`.

    Args:
        recipient: key of the person.
        language: language of the texts; if unset, that of the person's subscription.
        inbox: store of notifications, which is polled.
        subscriptions: store of the person's language.
        slots: limit of concurrent streams.
        is_active: function that returns False once the call has ended.

    Raises:
        Exhausted: too many streams are open; the caller repeats later.
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
            unset = subscriptions.get(recipient).language
            yield from _messages(fresh, wire.decode_language(language, unset))
            told_at = time.monotonic()


def _messages(
    fresh: Sequence[Notification], language: Lang
) -> Iterator[notification_service_pb2.WatchNotificationsResponse]:
    """Yield one message per notification; a heartbeat if there are none."""
    if not fresh:
        yield notification_service_pb2.WatchNotificationsResponse()
    for each in fresh:
        message = wire.encode_notification(each, language)
        yield notification_service_pb2.WatchNotificationsResponse(notification=message)
