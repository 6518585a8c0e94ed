"""Reception: receives, authenticates and admits gRPC calls, and assigns them to threads.

It takes the place of the thread pool of grpcio's server. Everything except answering runs on
grpcio's one serving thread and therefore never blocks. A caller whose token was verified before is
recognised at once; any other token is verified on a separate thread.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc as grpcio
import structlog

from services.kernel import metrics
from services.kernel.access import Issuers, Principal
from services.kernel.config import KernelSettings
from services.kernel.errors import Exhausted, Refusal, TooSlow, Unavailable
from services.kernel.front.admission import Admission, Limits
from services.kernel.front.admitted import Admitted
from services.kernel.front.arrival import STARTED, Arrival
from services.kernel.front.budget import Budget
from services.kernel.front.presence import Presence
from services.kernel.front.queues import FairQueues
from services.kernel.front.requests import Requests
from services.kernel.front.shares import Job
from services.kernel.front.slow_answers import SlowAnswers
from services.kernel.interceptors import (
    bearer_token,
    check_deadline,
)
from services.kernel.tls import check_bound
from services.policy.enforcement import admit

log = structlog.get_logger()

HALF_OPEN_MAX = 4096
"""Maximum number of calls whose message has not arrived; beyond it the oldest is refused."""
STRANGERS_MAX = 256
LINES_AT_ONCE = 5.0
LINES_PER_SECOND = 1.0
"""Log lines about refusals with one status of one RPC, so that they cannot fill the disk."""


class Reception:
    """The executor of grpcio's server. Thread-safe.

    Args:
        settings: limits on calls, streams and threads.
        issuers: accepted issuers of tokens.
    """

    def __init__(self, settings: KernelSettings, issuers: Issuers) -> None:
        self._settings, self._issuers = settings, issuers
        each, all_of_one = settings.grpc_calls_per_principal, settings.grpc_calls_per_institution
        self.calls = Admission("calls", Limits(each, all_of_one, 10 * all_of_one))
        each, all_of_one = (
            settings.grpc_streams_per_principal,
            settings.grpc_streams_per_institution,
        )
        self.streams = Admission("streams", Limits(each, all_of_one, settings.grpc_streams))
        self.queues = FairQueues(
            "grpc", settings.grpc_workers, settings.grpc_weights, Presence(settings.bell_folder)
        )
        # Queued by client address, so that one client's forged tokens do not delay other clients.
        self._strangers = FairQueues("grpc-stranger", 1, {})
        self._stream_threads = ThreadPoolExecutor(settings.grpc_streams, "grpc-stream")
        self._half_open: OrderedDict[Arrival, float] = OrderedDict()
        self._lines = Budget(LINES_AT_ONCE, LINES_PER_SECOND)
        self.slow_answers = SlowAnswers()
        self._stopping = threading.Event()
        self._clock = threading.Thread(target=self._tend, name="grpc-clock", daemon=True)

    def start(self) -> None:
        """Start the worker threads and the thread that enforces message timeouts."""
        self.queues.start()
        self._strangers.start()
        self.slow_answers.start()
        self._clock.start()

    def submit(self, *task: Any) -> Future[None]:
        """Receive a call that has arrived. grpcio calls this as it would call a thread pool.

        Returns:
            A finished future, which only satisfies grpcio.
        """
        arrival = Arrival(*task)
        method = arrival.behaviour.method
        if self._stopping.is_set():
            self._refuse(arrival, stopping())
            return STARTED
        call = Admitted(arrival, "", self._settings.grpc_idle_seconds)
        with self._refusing(call):
            if method is not None:
                metrics.GRPC_STARTED.labels(*metrics.grpc_labels(method)).inc()
                check_deadline(method, arrival.seconds_left)
                call.token = bearer_token(str(arrival.metadata.get("authorization", "")))
            self._await_message(call)
        return STARTED

    def _await_message(self, call: Admitted) -> None:
        arrival = call.arrival
        while len(self._half_open) >= HALF_OPEN_MAX:
            oldest, _ = self._half_open.popitem(last=False)
            text = "too many calls wait for a message"
            self._refuse(oldest, Exhausted(text, retry_after_seconds=1))
        self._half_open[arrival] = time.monotonic() + self._settings.grpc_message_seconds
        arrival.receive(partial(self._received, call))

    def _received(self, call: Admitted, message: bytes | None) -> None:
        arrival = call.arrival
        self._half_open.pop(arrival, None)
        if not arrival.is_active():
            return
        if message is None:
            code = grpcio.StatusCode.UNIMPLEMENTED
            return arrival.abort(code, "the call needs a request message")
        call.message = message
        with self._refusing(call):
            if arrival.behaviour.method is None:
                self._serve_anybody(arrival, message)
            elif (known := self._issuers.known(call.token)) is not None:
                self._admit(call, known)
            elif self._strangers.waiting() >= STRANGERS_MAX:
                raise Exhausted("too many new callers at once", retry_after_seconds=1)
            else:
                self._strangers.put(Job(arrival.peer, "", "", partial(self._identify, call)))

    def _serve_anybody(self, arrival: Arrival, message: bytes) -> None:
        if not arrival.behaviour.is_stream:
            return arrival.answer(arrival.parse(message))
        has_requests = arrival.behaviour.has_requests
        seconds = self._settings.grpc_message_seconds
        request = (
            Requests(arrival, message, seconds, arrival.parse)
            if has_requests
            else arrival.parse(message)
        )
        self._start_stream(arrival, Principal(arrival.peer, "", "", frozenset()), request)

    def _identify(self, call: Admitted) -> None:
        with self._refusing(call):
            if call.arrival.is_active():
                self._admit(call, self._issuers.principal(call.token))

    def _admit(self, call: Admitted, principal: Principal) -> None:
        call.principal = principal
        behaviour = call.arrival.behaviour
        if self._settings.tls_mutual:
            check_bound(principal, call.arrival.shown_names)
        admit(principal, behaviour.method)
        if behaviour.is_stream:
            return self._start_stream(call.arrival, principal, call)
        self.calls.enter(principal)
        run = partial(self._answer, call.arrival, call, self.calls, principal)
        name = behaviour.method.full_name
        self.queues.put(Job(principal.institution_id, principal.subject, name, run))

    def _start_stream(self, arrival: Arrival, principal: Principal, request: Any) -> None:
        self.streams.enter(principal)
        self._stream_threads.submit(self._answer, arrival, request, self.streams, principal)

    def _answer(
        self, arrival: Arrival, request: Any, counted: Admission, principal: Principal
    ) -> bool:
        """Answer a call; return False if its caller left before or meanwhile."""
        try:
            if arrival.is_active():
                arrival.answer(request)
            return not arrival.is_abandoned()
        finally:
            counted.leave(principal)

    def _tend(self) -> None:
        """Refuse calls whose message has not arrived in time, until stopped."""
        seconds = self._settings.grpc_message_seconds
        while not self._stopping.wait(min(1.0, seconds / 4)):
            now = time.monotonic()
            late = [arrival for arrival, end in list(self._half_open.items()) if end <= now]
            for arrival in late:
                if self._half_open.pop(arrival, None) is not None:
                    self._refuse(arrival, TooSlow(f"no message came for {seconds:g} seconds"))

    def stop(self) -> None:
        """Refuse calls whose message has not arrived; admitted calls are still answered."""
        self._stopping.set()
        self.slow_answers.stop()
        while self._half_open:
            arrival, _ = self._half_open.popitem()
            self._refuse(arrival, stopping())

    def close(self, seconds: float) -> None:
        """Stop the threads. Call it once grpcio's server has drained.

        Args:
            seconds: maximum time to wait for each set of worker threads.
        """
        self.queues.stop(seconds)
        self._strangers.stop(seconds)
        self.slow_answers.close()
        self._stream_threads.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def _refusing(self, call: Admitted) -> Iterator[None]:
        """End the call with the status of an exception in the block; count and log the refusal."""
        arrival = call.arrival
        try:
            yield
        except Refusal as refusal:
            caller = call.principal.institution_id or arrival.peer
            self._count(arrival, refusal.status, reason=refusal.reason)
            self.slow_answers.answer(caller, partial(arrival.refuse, refusal))
        except Exception as error:
            self._count(arrival, "INTERNAL", exc_info=error)
            arrival.abort(grpcio.StatusCode.INTERNAL, "unknown error; tell the operator")

    def _refuse(self, arrival: Arrival, refusal: Refusal) -> None:
        # Counted before the caller is answered, so that the metric is never behind the answer.
        self._count(arrival, refusal.status, reason=refusal.reason)
        arrival.refuse(refusal)

    def _count(self, arrival: Arrival, code: str, **facts: Any) -> None:
        method = arrival.behaviour.method
        if method is not None:
            metrics.count_call(method, code, time.monotonic() - arrival.began)
        name = method.full_name if method else ""
        if (unlogged := self._lines.may(f"{name} {code}")) is not None:
            write = log.error if code == "INTERNAL" else log.info
            write("refused at the door", method=name, code=code, unlogged=unlogged, **facts)


def stopping() -> Unavailable:
    """Return the refusal for calls that arrive while the service is stopping."""
    return Unavailable("the service is stopping; repeat the same call")
