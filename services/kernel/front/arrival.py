"""A gRPC call before it has a thread: the one module that knows grpcio's internals.

grpcio's threaded server gives a call to its executor together with what it will run there: a
function that first waits for the message, on a thread of the pool. `Arrival` starts that wait on
the completion queue instead, as grpcio itself does, and runs the rest when the message is whole.
The names of `grpc._server` are those of the exact minor release that is locked; a test of the
front fails if another one moves them.
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
from grpc_status import rpc_status

from services.kernel.errors import InvalidArgument, Refusal
from services.kernel.interceptors import status_of

log = structlog.get_logger()

Received = Callable[[bytes | None], None]

# grpcio counts running calls by futures; the front counts them itself.
STARTED: Future[None] = Future()
STARTED.set_result(None)


class Arrival:
    """A call that has arrived: its metadata is known, its message is not read.

    Thread-safe. Callbacks run on grpcio's one serving thread and must never wait.

    Args:
        task: what grpcio would run on a thread of its pool, and the arguments.
    """

    def __init__(self, *task: Any) -> None:
        self._run, self._respond, self._event, self._state, self.behaviour, *rest = task
        _, self._deserializer, self._serializer = rest
        self.began = time.monotonic()
        self.metadata: Mapping[str, Any] = dict(self._event.invocation_metadata or ())

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the caller's deadline; None if it set none."""
        deadline = self._event.call_details.deadline
        return None if deadline >= core._INF_TIMEOUT * 10 else deadline - time.time()

    @property
    def peer(self) -> str:
        """Address of the caller's connection, without the port."""
        return str(self._event.call.peer().decode()).rpartition(":")[0]

    @property
    def shown_names(self) -> list[str]:
        """Alternative names in the certificate that the caller showed; empty without one."""
        found = cygrpc.auth_context(self._event.call) or {}
        return [name.decode() for name in found.get(b"x509_subject_alternative_name", ())]

    def is_active(self) -> bool:
        """Return False if the caller has left or has its status."""
        with self._state.condition:
            return bool(core._is_rpc_state_active(self._state))

    def receive(self, then: Received) -> None:
        """Ask for the next message and return at once.

        Args:
            then: gets its bytes, or None if there is none: the caller left or sent all it has.
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
                # An error here would end grpcio's serving thread, and with it every call.
                log.exception("unknown error at the door")
            return finished

        with state.condition:
            operation = cygrpc.ReceiveMessageOperation(0)
            self._event.call.start_server_batch((operation,), received)
            state.due.add(core._RECEIVE_MESSAGE_TOKEN)

    def answer(self, request: Any) -> None:
        """Run the call's behaviour with a request and send what it returns; waits for it."""
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
        """Return a message of its bytes by the deserialiser that its handler declares.

        Raises:
            InvalidArgument: the bytes are no message. The caller's fault.
        """
        try:
            return self._deserializer(message)
        except DecodeError:
            raise InvalidArgument("the request is corrupt", reason="MALFORMED") from None

    def refuse(self, refusal: Refusal) -> None:
        """End the call with a refusal's status; returns at once."""
        status = rpc_status.to_status(status_of(refusal))
        with self._state.condition:
            if core._is_rpc_state_active(self._state):
                self._state.trailing_metadata = status.trailing_metadata
                self._end(status.code, status.details)

    def abort(self, code: grpcio.StatusCode, details: str) -> None:
        """End the call with a bare status; returns at once."""
        with self._state.condition:
            if core._is_rpc_state_active(self._state):
                self._end(code, details)

    def _end(self, code: grpcio.StatusCode, details: str) -> None:
        wire_code = core._application_code(code)
        core._abort(self._state, self._event.call, wire_code, details.encode())
