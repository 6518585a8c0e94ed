"""The access rules: one per method, written in the contract, and `allow`, which applies them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from google.protobuf.descriptor import MethodDescriptor

from kieng.access.v1 import access_pb2
from services.policy.principal import Principal


class Scope(StrEnum):
    """Whose data a method reads or changes, which decides what is checked.

    The values are the lower-case names of the contract's enum `Scope`, which explains them.
    """

    UNSPECIFIED = "unspecified"
    SELF = "self"
    SHARED = "shared"
    UNITS = "units"
    INSTITUTION = "institution"
    AGREEMENT = "agreement"


class Decision(StrEnum):
    """The result of authorizing one call: whether it is allowed, and otherwise what happens."""

    ALLOW = "allow"
    """Do what the method does, at once."""
    PROPOSE = "propose"
    """Propose it: it binds other institutions, which have to approve."""
    FORBID = "forbid"
    """Nothing; the caller gets the error `Forbidden`."""
    HIDE = "hide"
    """Nothing; the object looks absent to the caller."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The access rule of one method: the roles that may call it, and whose data it touches.

    ``roles`` are names such as `steward`; without any, no caller may call it. ``is_forwarded``:
    whether a service may call it in the name of its own callers.
    """

    roles: frozenset[str]
    scope: Scope
    is_forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """The object that one call would read or change.

    ``unit_ids`` are the units that it belongs to or changes; empty if it belongs to no unit.
    ``above`` are the units above all of these in the unit tree, whatever their ids; a caller of
    one of them reaches the object, too. ``roles``, if not empty, are the only roles of the method
    that give access to it. ``is_secret``: callers without access must not learn that it exists.
    """

    unit_ids: frozenset[str] = frozenset()
    is_secret: bool = False
    above: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    @staticmethod
    def of(
        unit_ids: Iterable[str],
        *,
        is_secret: bool = False,
        above: Iterable[str] = (),
        roles: Iterable[str] = (),
    ) -> Resource:
        """Return the resource that belongs to these units; see the class for its fields.

        Args:
            unit_ids: ids of the units that it belongs to or changes.
            is_secret: whether callers without access must not learn that it exists.
            above: ids of the units above all of them in the unit tree.
            roles: the only roles of the method that give access; if empty, all of them do.
        """
        return Resource(frozenset(unit_ids), is_secret, frozenset(above), frozenset(roles))

    def is_reached_by(self, principal: Principal) -> bool:
        """Return True if all units of the resource are in a caller's scope.

        Also True for a caller of a unit in ``above``. Always False for a resource without units.
        """
        is_above = principal.unit_id in self.above
        return bool(self.unit_ids) and (is_above or all(map(principal.reaches, self.unit_ids)))


NOBODY = Rule(frozenset(), Scope.UNSPECIFIED)


@cache
def rule_of(method: MethodDescriptor) -> Rule:
    """Return the access rule in the contract of a method; without one, it admits no role."""
    said: access_pb2.Rule = method.GetOptions().Extensions[access_pb2.rule]
    names = (access_pb2.Role.Name(role) for role in said.roles if role)
    roles = frozenset(name.removeprefix("ROLE_").lower() for name in names)
    scope = access_pb2.Scope.Name(said.scope).removeprefix("SCOPE_").lower()
    return Rule(roles, Scope(scope), said.forwarded)


def allow(principal: Principal, method: MethodDescriptor, resource: Resource | None) -> Decision:
    """Return the decision on one call: by the method's access rule, roles and scope of the caller.

    Args:
        principal: the caller.
        method: the RPC, whose contract contains the access rule; without a rule, the decision is
            FORBID.
        resource: what the call would read or change; None while that is not known yet, which checks
            the roles only.
    """
    return apply(rule_of(method), principal, resource)


def apply(rule: Rule, principal: Principal, resource: Resource | None) -> Decision:
    """Return the decision on one call, as `allow` does, for a given access rule.

    Args:
        rule: access rule of the method.
        principal: the caller.
        resource: what the call would read or change; None to check the roles only.
    """
    if not principal.roles & rule.roles or rule.scope is Scope.UNSPECIFIED:
        return Decision.FORBID
    if principal.via and not rule.is_forwarded:
        return Decision.FORBID
    if resource is None or rule.scope in (Scope.SELF, Scope.SHARED):
        return Decision.ALLOW
    refused = Decision.HIDE if resource.is_secret else Decision.FORBID
    if resource.roles and not principal.roles & rule.roles & resource.roles:
        return refused
    reaches = resource.is_reached_by(principal)
    if rule.scope is Scope.UNITS:
        return Decision.ALLOW if reaches else refused
    if rule.scope is Scope.INSTITUTION:
        return Decision.ALLOW if reaches and principal.is_whole_institution else refused
    if reaches:
        return Decision.ALLOW
    # A change that binds others is proposed in the name of a whole institution, by its steward or
    # operator. A contributor may add something new, but not propose to change what exists.
    may_propose = principal.is_whole_institution and principal.roles & PROPOSERS & rule.roles
    return Decision.PROPOSE if may_propose else refused


PROPOSERS = frozenset({"steward", "operator"})
"""Roles that may propose a change that binds others, if the rule of the method admits them."""
