"""The roads out of a call that cannot succeed. Only the standard library is imported here.

    Exception
    ├── Refusal                 the caller's fault or wish; becomes a gRPC status
    │   ├── InvalidArgument     a field is wrong; names it
    │   ├── Unauthenticated     no credential, or one that does not hold
    │   ├── Forbidden           the credential does not allow it
    │   ├── NotFound            absent, or not the caller's to see
    │   ├── AlreadyExists       the id is used with other content
    │   ├── WrongState          the thing is not in a state that allows it
    │   ├── Conflict            somebody else was faster; read again and repeat
    │   ├── Exhausted           a limit is reached; repeat later
    │   └── Unavailable         something the service needs is down; repeat
    ├── InvalidRecord           a record that can never be folded; goes to the dead-letter topic
    ├── NotReady                a consumer cannot start yet; it asks again
    └── OwnershipLost           another process owns the partition; drop everything and rejoin

Anything else is unknown trouble: a call answers INTERNAL, a consumer stops its process.
"""

from __future__ import annotations

from collections.abc import Mapping

Texts = Mapping[str, str] | None


class Refusal(Exception):
    """A call is refused for a reason that the caller can act upon.

    Args:
        message: what is wrong and how to mend it, one sentence in English.
        reason: UPPER_SNAKE word of a closed list, for programs; `google.rpc.ErrorInfo.reason`.
        fields: path of each wrong field -> what is wrong with it.
        details: further facts for programs; `google.rpc.ErrorInfo.metadata`.
    """

    status = "UNKNOWN"
    default_reason = "REFUSED"

    def __init__(
        self, message: str, *, reason: str = "", fields: Texts = None, details: Texts = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.fields = dict(fields or {})
        self.details = dict(details or {})


class InvalidArgument(Refusal):
    """A field is wrong, whatever the state of the system; ``fields`` names it."""

    status = "INVALID_ARGUMENT"
    default_reason = "INVALID_FIELD"


class Unauthenticated(Refusal):
    """There is no credential, or it does not hold."""

    status = "UNAUTHENTICATED"
    default_reason = "BAD_CREDENTIAL"


class Forbidden(Refusal):
    """The credential holds but does not allow this."""

    status = "PERMISSION_DENIED"
    default_reason = "NOT_ALLOWED"


class NotFound(Refusal):
    """The thing is absent, or not the caller's to see; both look the same."""

    status = "NOT_FOUND"
    default_reason = "NOT_FOUND"


class AlreadyExists(Refusal):
    """The id is taken by something with other content."""

    status = "ALREADY_EXISTS"
    default_reason = "ALREADY_EXISTS"


class WrongState(Refusal):
    """The thing is not in a state that allows this; repeating does not help."""

    status = "FAILED_PRECONDITION"
    default_reason = "WRONG_STATE"


class Conflict(Refusal):
    """Somebody else changed the thing in between; read it again and repeat."""

    status = "ABORTED"
    default_reason = "VERSION_CONFLICT"


class Exhausted(Refusal):
    """A limit is reached; repeat later."""

    status = "RESOURCE_EXHAUSTED"
    default_reason = "LIMIT_REACHED"


class Unavailable(Refusal):
    """Something that the service needs is down; repeat the same call."""

    status = "UNAVAILABLE"
    default_reason = "DEPENDENCY_DOWN"


class InvalidRecord(Exception):
    """A record can never be handled, however often it is read. The producer's fault.

    Args:
        message: why.
        offset: offset of the record in the batch that was handed over; None when the caller
            handles one record and the consumer knows which.
    """

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class NotReady(Exception):
    """A consumer cannot start yet, because of something that others have to do first."""


class OwnershipLost(Exception):
    """Another process owns the partition now; nothing was written."""
