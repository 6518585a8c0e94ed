"""Turns a decision of the policy into the refusal that a caller sees."""

from __future__ import annotations

from google.protobuf.descriptor import MethodDescriptor

from services.kernel.errors import Forbidden, NotFound
from services.policy.principal import Principal
from services.policy.rules import Decision, Resource, allow, rule_of


def admit(principal: Principal, method: MethodDescriptor) -> None:
    """Check that a caller may call a method at all; asked before the object is known.

    Raises:
        Forbidden: the caller has none of its roles, or a service calls it that needs it for no
            caller. The caller's fault.
    """
    if allow(principal, method, None) is not Decision.ALLOW:
        if principal.via and not rule_of(method).is_forwarded:
            raise Forbidden(f"{principal.via} may not call this in the name of others")
        wanted = ", ".join(sorted(rule_of(method).roles)) or "nobody"
        raise Forbidden(f"your token holds none of the roles that may do this: {wanted}")


def need(principal: Principal, method: MethodDescriptor, resource: Resource) -> Decision:
    """Return what a caller may do to an object: `ALLOW` or `PROPOSE`.

    Raises:
        Forbidden: the credential does not reach it. The caller's fault.
        NotFound: it does not reach it, and what it does not reach looks absent.
    """
    decision = allow(principal, method, resource)
    if decision is Decision.HIDE:
        raise NotFound("there is no such thing, or you may not see it")
    if decision is Decision.FORBID:
        raise Forbidden("your token does not reach this")
    return decision
