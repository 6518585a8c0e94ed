"""Raises the error that a caller sees when the policy does not allow what they want."""

from __future__ import annotations

from google.protobuf.descriptor import MethodDescriptor

from services.kernel.errors import Forbidden, NotFound
from services.policy.principal import Principal
from services.policy.rules import Decision, Resource, allow, rule_of


def admit(principal: Principal, method: MethodDescriptor) -> None:
    """Check that a caller may call a method at all; returns if so.

    The object of the call is not known yet, so `need` has to be called later.

    Raises:
        Forbidden: the caller has none of the roles that may call it, or a service calls it in the
            name of a caller although the contract does not allow that.
    """
    if allow(principal, method, None) is not Decision.ALLOW:
        if principal.via and not rule_of(method).is_forwarded:
            raise Forbidden(f"{principal.via} may not call this in the name of others")
        wanted = ", ".join(sorted(rule_of(method).roles)) or "nobody"
        raise Forbidden(f"your token holds none of the roles that may do this: {wanted}")


def need(principal: Principal, method: MethodDescriptor, resource: Resource) -> Decision:
    """Return `ALLOW` if a caller may do what a method does to a resource, else `PROPOSE`.

    `PROPOSE` means that the caller may only propose it, as it binds other institutions. If not even
    that is allowed, an error is raised.

    Raises:
        Forbidden: the resource is outside the caller's scope.
        NotFound: it is outside their scope, and they must not learn that it exists.
    """
    decision = allow(principal, method, resource)
    if decision is Decision.HIDE:
        raise NotFound("there is no such thing, or you may not see it")
    if decision is Decision.FORBID:
        raise Forbidden("your token does not reach this")
    return decision
