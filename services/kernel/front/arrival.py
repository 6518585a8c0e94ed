"""A gRPC call before it has a thread: the only module that uses grpcio's internals.

grpcio's threaded server submits each call to its executor together with the function to run there.
That function first waits for the request message, which would block a thread of the pool. `Arrival`
instead starts the wait on the completion queue, as grpcio itself does, and runs the rest once the
message is complete. The names taken from `grpc._server` are those of the exact minor release that
is locked; a test of the front fails if another release changes them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import grpc as grpcio
import structlog
from google.protobuf.message import DecodeError
from grpc import _server as core
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # compiled, without types

from services.kernel.errors import InvalidArgument, Refusal
from services.kernel.interceptors import trailers_of

log = structlog.get_logger()

Received = Callable[[bytes | None], None]

# What `submit` returns: grpcio counts running calls by futures, but the front counts them itself.
STARTED: Future[None] = Future()
STARTED.set_result(None)


class Arrival:
    """A call that has arrived: its metadata is known, but its message has not been read.

    Thread-safe. Callbacks run on grpcio's one serving thread and must never block.

    Args:
        *task: the function that grpcio would run on a thread of its pool, and its arguments.
    """

    def __init__(self, *task: Any) -> None:
        self._run, self._respond, self._event, self._state, self.behaviour, *rest = task
        _, self._deserializer, self._serializer = rest
        self.began = time.monotonic()
        self.metadata: Mapping[str, Any] = dict(self._event.invocation_metadata or ())

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the caller's deadline, negative after it; None if the caller set none."""
        deadline = self._event.call_details.deadline
        return None if deadline >= core._INF_TIMEOUT * 10 else deadline - time.time()

    @property
    def peer(self) -> str:
        """Address of the client's connection, without the port, e.g. `ipv4:10.0.0.7`."""
        return str(self._event.call.peer().decode()).rpartition(":")[0]

    @property
    def shown_names(self) -> list[str]:
        """Alternative names in the client's certificate; empty if it presented none."""
        found = cygrpc.auth_context(self._event.call) or {}
        return [name.decode() for name in found.get(b"x509_subject_alternative_name", ())]

    def is_active(self) -> bool:
        """Return False if the client has left or has already been sent a status."""
        with self._state.condition:
            return bool(core._is_rpc_state_active(self._state))

    def is_abandoned(self) -> bool:
        """Return True if the client left, or its deadline passed, before the call was answered."""
        with self._state.condition:
            return self._state.client is core._CANCELLED

    def receive(self, then: Received) -> None:
        """Request the next message of the call; returns at once.

        Args:
            then: called with the message as bytes, or with None if there is no further message
                because the client has left or has sent everything; at once if it has left already.
        """
        state = self._state

        def received(event: Any) -> Any:
            message = event.batch_operations[0].message()
            with state.condition:
                if message is None and state.client is core._OPEN:
                    state.client = core._CLOSED
                finished = core._possibly_finish_call(state, core._RECEIVE_MESSAGE_TOKEN)
            try:
                then(message)
            except Exception:
                # An error here would end grpcio's serving thread, and thus all calls.
                log.exception("unknown error at the door")
            return finished

        with state.condition:
            # grpcio has ended an inactive call; to end it again would kill grpcio's thread.
            if is_active := core._is_rpc_state_active(state):
                operation = cygrpc.ReceiveMessageOperation(0)
                self._event.call.start_server_batch((operation,), received)
                state.due.add(core._RECEIVE_MESSAGE_TOKEN)
        if not is_active:
            then(None)

    def answer(self, request: Any) -> None:
        """Run the method that serves the call and send what it returns; blocks until then.

        Args:
            request: argument of the method: an `Admitted`, or, if anybody may call, the message.
        """
        self._run(
            self._respond,
            self._event,
            self._state,
            self.behaviour,
            lambda: request,
            self._deserializer,
            self._serializer,
        )

    def parse(self, message: bytes) -> Any:
        """Return the request message of the RPC that bytes encode.

        Raises:
            InvalidArgument: the bytes encode no valid message of this type. The fault of the
                caller of the RPC.
        """
        try:
            return self._deserializer(message)
        except DecodeError:
            raise InvalidArgument("the request is corrupt", reason="MALFORMED") from None

    def refuse(self, refusal: Refusal) -> None:
        """End the call with the status of a refusal unless it has ended already; never blocks."""
        status = trailers_of(refusal)
        with self._state.condition:
            if core._is_rpc_state_active(self._state):
                self._state.trailing_metadata = status.trailing_metadata
                self._end(status.code, status.details)

    def abort(self, code: grpcio.StatusCode, details: str) -> None:
        """End the call with a status and a text unless it has ended already; never blocks."""
        with self._state.condition:
            if core._is_rpc_state_active(self._state):
                self._end(code, details)

    def _end(self, code: grpcio.StatusCode, details: str) -> None:
        wire_code = core._application_code(code)
        core._abort(self._state, self._event.call, wire_code, details.encode())
