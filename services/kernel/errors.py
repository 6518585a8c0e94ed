"""The exceptions of gRPC calls and Kafka consumers. Imports only the standard library.

    Exception
    ├── Refusal                 the caller can act on it; becomes a gRPC status
    │   ├── InvalidArgument     a field is wrong; names the field
    │   ├── Unauthenticated     no credential, or an invalid one
    │   ├── Forbidden           the credential does not allow this
    │   ├── NotFound            does not exist, or the caller may not see it
    │   ├── AlreadyExists       the id is in use with different content
    │   ├── WrongState          the state of the object does not allow this
    │   ├── Conflict            changed concurrently; read again and retry
    │   ├── Exhausted           a limit is reached; retry later
    │   ├── TooSlow             the caller did not send the next message in time
    │   └── Unavailable         something the service needs is down; retry
    ├── InvalidRecord           a record that can never be processed; goes to the dead-letter topic
    ├── NotReady                a consumer or service cannot start yet
    └── OwnershipLost           another process owns the partition; drop state in memory and rejoin

Any other exception is an unknown error: a call answers INTERNAL, a consumer stops its process.
"""

from __future__ import annotations

from collections.abc import Mapping

Texts = Mapping[str, str] | None


class Refusal(Exception):
    """A call is refused for a reason that the caller can act on.

    Args:
        message: what is wrong and how to fix it, in one English sentence.
        reason: identifier of the reason for programs, in UPPER_SNAKE_CASE, from a closed list;
            becomes `google.rpc.ErrorInfo.reason`. If empty, it is the default of the class.
        fields: path of each wrong field -> what is wrong with it.
        details: further values for programs, by name; becomes `google.rpc.ErrorInfo.metadata`.
        retry_after_seconds: time after which a retry may succeed; becomes `google.rpc.RetryInfo`,
            and `retry_after` in the details. 0 if unknown.
    """

    status = "UNKNOWN"
    default_reason = "REFUSED"

    def __init_subclass__(cls, *, status: str, reason: str) -> None:
        """Declare a kind of refusal.

        Args:
            status: name of its gRPC status code.
            reason: reason of instances that are created without one.
        """
        cls.status, cls.default_reason = status, reason

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        fields: Texts = None,
        details: Texts = None,
        retry_after_seconds: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.fields = dict(fields or {})
        self.details = dict(details or {})
        self.retry_after_seconds = retry_after_seconds
        if retry_after_seconds:
            self.details["retry_after"] = f"{retry_after_seconds:g}s"


class InvalidArgument(Refusal, status="INVALID_ARGUMENT", reason="INVALID_FIELD"):
    """A field is wrong, whatever the state of the system; ``fields`` names it."""


class Unauthenticated(Refusal, status="UNAUTHENTICATED", reason="BAD_CREDENTIAL"):
    """The caller sent no credential, or one that is not valid."""


class Forbidden(Refusal, status="PERMISSION_DENIED", reason="NOT_ALLOWED"):
    """The credential is valid, but its owner lacks the right to do this."""


class NotFound(Refusal, status="NOT_FOUND", reason="NOT_FOUND"):
    """The object does not exist, or the caller may not see it; both look the same to callers."""


class AlreadyExists(Refusal, status="ALREADY_EXISTS", reason="ALREADY_EXISTS"):
    """The id is already in use with different content."""


class WrongState(Refusal, status="FAILED_PRECONDITION", reason="WRONG_STATE"):
    """The object is not in a state that allows this; a retry does not help."""


class Conflict(Refusal, status="ABORTED", reason="VERSION_CONFLICT"):
    """The object was changed concurrently; read it again and retry."""


class Exhausted(Refusal, status="RESOURCE_EXHAUSTED", reason="LIMIT_REACHED"):
    """A limit is reached, e.g. on open calls; the caller may retry later."""


class TooSlow(Refusal, status="DEADLINE_EXCEEDED", reason="TOO_SLOW"):
    """The caller did not send the next message of a stream in time; call again."""


class Unavailable(Refusal, status="UNAVAILABLE", reason="DEPENDENCY_DOWN"):
    """Something that the service needs is down; retry the same call."""


class InvalidRecord(Exception):
    """A Kafka record that can never be processed, however often it is read. The producer's fault.

    Args:
        message: what is wrong; truncated to 500 characters, because it may quote the record.
        offset: offset of the record within its partition, so that the consumer can find it in the
            batch; None means the first record of the batch.
    """

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        super().__init__(message[:500])
        self.offset = offset


class NotReady(Exception):
    """A consumer or service cannot start yet: another process or an operator has to act first."""


class OwnershipLost(Exception):
    """Another process owns the partition of the log now, so nothing was written."""
