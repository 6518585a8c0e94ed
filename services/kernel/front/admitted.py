"""What passes from the front to the thread of a call: the call, and the method that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from services.kernel.access import Principal
from services.kernel.front.arrival import Arrival
from services.kernel.front.requests import Requests
from services.kernel.interceptors import NOBODY, check


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The method that answers an RPC, and how calls of that RPC are received.

    Args:
        answer: returns the response, or an iterator of responses for a stream. It is called with an
            `Admitted` and grpcio's context; if anybody may call, with the request instead of the
            `Admitted`.
        method: descriptor of the RPC; None if anybody may call it without a credential.
        has_requests: whether the client sends a stream.
        has_responses: whether the response is a stream.
    """

    answer: Callable[[Any, Any], Any]
    method: MethodDescriptor | None = None
    has_requests: bool = False
    has_responses: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether a call occupies a thread of its own for as long as it lasts."""
        return self.has_requests or self.has_responses

    def __call__(self, request: Any, context: Any) -> Any:
        """Answer a call; grpcio calls this."""
        return self.answer(request, context)


@dataclass(slots=True)
class Admitted:
    """A call whose caller is known and whose message, or first message, has arrived.

    Args:
        arrival: the call as grpcio delivered it.
        token: bearer token of the caller.
        idle_seconds: maximum time between two messages of a client stream.
        principal: the caller.
        message: the request, or the first one of a stream, not parsed yet.
    """

    arrival: Arrival
    token: str
    idle_seconds: float
    principal: Principal = NOBODY
    message: bytes = b""

    def request(self) -> Any:
        """Return the request, or an iterator of requests. Call it once, on the thread of the call.

        Raises:
            InvalidArgument: the request is corrupt or breaks a rule of its contract.
        """
        arrival = self.arrival
        if arrival.behaviour.has_requests:
            # The messages of a stream are validated one by one, by the service.
            return Requests(arrival, self.message, self.idle_seconds, arrival.parse)
        request = arrival.parse(self.message)
        check(request)
        return request
