"""The exceptions of calls and consumers. Only the standard library is imported here.

    Exception
    ├── Refusal                 the caller's fault or wish; becomes a gRPC status
    │   ├── InvalidArgument     a field is wrong; names it
    │   ├── Unauthenticated     no credential, or an invalid one
    │   ├── Forbidden           the credential does not allow it
    │   ├── NotFound            absent, or not the caller's to see
    │   ├── AlreadyExists       the id is used with other content
    │   ├── WrongState          the state of the thing does not allow it
    │   ├── Conflict            changed concurrently; read again and retry
    │   ├── Exhausted           a limit is reached; retry later
    │   ├── TooSlow             the caller did not send what was waited for
    │   └── Unavailable         something the service needs is down; retry
    ├── InvalidRecord           a record that can never be folded; goes to the dead-letter topic
    ├── NotReady                a consumer cannot start yet; it retries
    └── OwnershipLost           another process owns the partition; drop everything and rejoin

Anything else is an unknown error: a call answers INTERNAL, a consumer stops its process.
"""

from __future__ import annotations

from collections.abc import Mapping

Texts = Mapping[str, str] | None


class Refusal(Exception):
    """The call is refused for a reason that the caller can act upon.

    Args:
        message: what is wrong and how to fix it, one sentence in English.
        reason: UPPER_SNAKE word of a closed list, for programs; `google.rpc.ErrorInfo.reason`.
        fields: path of each wrong field -> what is wrong with it.
        details: further facts for programs; `google.rpc.ErrorInfo.metadata`.
        retry_after_seconds: time after which a retry may succeed; `google.rpc.RetryInfo`, and
            `retry_after` of the details. 0 if unknown.
    """

    status = "UNKNOWN"
    default_reason = "REFUSED"

    def __init_subclass__(cls, *, status: str, reason: str) -> None:
        """Declare a kind of refusal by its gRPC status and the reason it gives by default."""
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
    """There is no credential, or it is not valid."""


class Forbidden(Refusal, status="PERMISSION_DENIED", reason="NOT_ALLOWED"):
    """The credential is valid but does not allow this."""


class NotFound(Refusal, status="NOT_FOUND", reason="NOT_FOUND"):
    """The thing does not exist, or the caller may not see it; both look the same."""


class AlreadyExists(Refusal, status="ALREADY_EXISTS", reason="ALREADY_EXISTS"):
    """The id is taken by something with other content."""


class WrongState(Refusal, status="FAILED_PRECONDITION", reason="WRONG_STATE"):
    """The thing is not in a state that allows this; a retry does not help."""


class Conflict(Refusal, status="ABORTED", reason="VERSION_CONFLICT"):
    """The thing was changed concurrently; read it again and retry."""


class Exhausted(Refusal, status="RESOURCE_EXHAUSTED", reason="LIMIT_REACHED"):
    """A limit is reached; retry later."""


class TooSlow(Refusal, status="DEADLINE_EXCEEDED", reason="TOO_SLOW"):
    """The caller did not send its next message in time; call again."""


class Unavailable(Refusal, status="UNAVAILABLE", reason="DEPENDENCY_DOWN"):
    """Something that the service needs is down; retry the same call."""


class InvalidRecord(Exception):
    """A record can never be handled, however often it is read. The producer's fault.

    Args:
        message: why; truncated to 500 characters, as it may quote the record.
        offset: offset of the record in the delivered batch; None if the caller handles one
            record and the consumer knows which.
    """

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        super().__init__(message[:500])
        self.offset = offset


class NotReady(Exception):
    """A consumer cannot start yet: another process or an operator has to act first."""


class OwnershipLost(Exception):
    """Another process owns the partition now; nothing was written."""
