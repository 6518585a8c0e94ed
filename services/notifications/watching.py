"""Streams people's new notifications until their calls end.

All streams of a process share one look for what is new (`Listeners.look`). A stream itself reads
nothing while it is idle: it sleeps until there is a notification for its person, its caller leaves,
or a sign of life is due.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from kieng.notifications.v1 import notification_pb2, notification_service_pb2
from services.kernel.errors import Exhausted
from services.notifications import metrics, wire
from services.notifications.domain import Notification
from services.notifications.store import Inbox, Subscriptions, order_at
from services.texts import Lang

# More streams than three institutions can have open under the kernel's limit per institution.
WATCHERS_MAX = 100
SIGN_OF_LIFE_SECONDS = 10.0
LATE = timedelta(seconds=10)
"""Maximum time between the order value of a notification and when any process has stored it."""


class Caller(Protocol):
    """The call that a stream answers, as `kernel.interceptors.Call` is one."""

    def is_active(self) -> bool:
        """Return False if the caller has left or the server is stopping."""

    def waking(self, event: threading.Event) -> AbstractContextManager[None]:
        """While the block runs, set an event as soon as the call is no longer active."""


@dataclass(eq=False, slots=True)
class Listener:
    """A person who listens, and the notifications that the stream has not sent yet.

    Args:
        recipient: key of the person.
        began: time from which on notifications are streamed.
        news: set when there is something to send.
    """

    recipient: str
    began: datetime
    news: threading.Event
    _waiting: list[Notification] = field(default_factory=list)

    def tell(self, fresh: Sequence[Notification]) -> None:
        """Add a person's new notifications, except those from before the stream began."""
        if mine := [each for each in fresh if each.order >= order_at(self.began)]:
            self._waiting += mine
            self.news.set()

    def taken(self) -> list[Notification]:
        """Remove and return what is waiting, oldest first."""
        taken = self._waiting[:]
        # Others may have been added meanwhile.
        del self._waiting[: len(taken)]
        return taken


class Listeners:
    """The people who listen at this process, limited in number. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: defaultdict[str, set[Listener]] = defaultdict(set)
        self._looked_at = datetime.min.replace(tzinfo=UTC) + LATE
        self._seen: set[str] = set()
        self._places = threading.BoundedSemaphore(WATCHERS_MAX)
        metrics.WATCHERS_LIMIT.set(WATCHERS_MAX)

    @contextmanager
    def join(self, recipient: str, news: threading.Event) -> Iterator[Listener]:
        """Listen for a person during the `with` block.

        Args:
            recipient: key of the person.
            news: set when the person has new notifications.

        Raises:
            Exhausted: too many streams are open; the caller repeats later.
        """
        if not self._places.acquire(blocking=False):
            raise Exhausted(f"{WATCHERS_MAX} callers listen already; repeat later")
        listener = Listener(recipient, datetime.now(UTC), news)
        try:
            with self._lock:
                self._of[recipient].add(listener)
            with metrics.WATCHERS.track_inprogress():
                yield listener
        finally:
            with self._lock:
                self._of[recipient].discard(listener)
                if not self._of[recipient]:
                    del self._of[recipient]
            self._places.release()

    def look(self, inbox: Inbox) -> bool:
        """Read once what is new and deliver it to the listeners; return whether there was anything.

        Does not read while there are no listeners. Only one thread may call this.

        Args:
            inbox: store of the notifications of all people.
        """
        now = datetime.now(UTC)
        with self._lock:
            began = min((each.began for some in self._of.values() for each in some), default=None)
        if began is None:
            return False
        found = inbox.created(max(began, self._looked_at - LATE))
        fresh = [each for each in found if each.notification_id not in self._seen]
        with self._lock:
            for each in fresh:
                for listener in self._of.get(each.recipient, ()):
                    listener.tell([each])
        self._seen, self._looked_at = {each.notification_id for each in found}, now
        return bool(fresh)


class Watchers(DependencyProvider):
    """Injects the `Listeners` of the process."""

    def setup(self) -> None:
        """Create the `Listeners`; there are none yet."""
        self.listeners = Listeners()

    def get_dependency(self, worker_ctx: WorkerContext) -> Listeners:
        """Return the listeners, the same for all calls."""
        return self.listeners


def watch(
    recipient: str,
    *,
    language: notification_pb2.Language.ValueType,
    listeners: Listeners,
    subscriptions: Subscriptions,
    caller: Caller,
) -> Iterator[notification_service_pb2.WatchNotificationsResponse]:
    """Yield a person's notifications as they are created from now on, oldest first.

    A heartbeat, which is a message without a notification, comes at once and then whenever there
    was no message for `SIGN_OF_LIFE_SECONDS`.

    Args:
        recipient: key of the person.
        language: language of the texts; if unset, that of the person's subscription.
        listeners: those who listen at this process.
        subscriptions: store of the person's language.
        caller: the call that is answered.

    Raises:
        Exhausted: too many streams are open; the caller repeats later.
    """
    news = threading.Event()
    with listeners.join(recipient, news) as listener, caller.waking(news):
        yield notification_service_pb2.WatchNotificationsResponse()
        due = time.monotonic() + SIGN_OF_LIFE_SECONDS
        while caller.is_active():
            is_news = news.wait(max(0.0, due - time.monotonic()))
            news.clear()
            if fresh := listener.taken():
                unset = subscriptions.get(recipient).language
                yield from _messages(fresh, wire.decode_language(language, unset))
            elif is_news:
                continue  # the caller has left
            else:
                yield notification_service_pb2.WatchNotificationsResponse()
            due = time.monotonic() + SIGN_OF_LIFE_SECONDS


def _messages(
    fresh: Sequence[Notification], language: Lang
) -> Iterator[notification_service_pb2.WatchNotificationsResponse]:
    for each in fresh:
        message = wire.encode_notification(each, language)
        yield notification_service_pb2.WatchNotificationsResponse(notification=message)
