"""Things whose units lie below a credential by the unit tree, and those of some roles only."""

from __future__ import annotations

import pytest

from services.policy.principal import Principal
from services.policy.rules import Decision, Resource, Rule, Scope, apply
from tests.unit.kpi.builders import TREE

STEWARD = frozenset({"steward"})


def of(unit_id: str, institution: str = "", role: str = "steward") -> Principal:
    return Principal("s", institution or unit_id.split("/")[0], unit_id, frozenset({role}))


@pytest.mark.parametrize("scope", [Scope.UNITS, Scope.INSTITUTION])
@pytest.mark.parametrize("caller", TREE.ids)
def test_a_credential_reaches_what_is_below_its_unit_in_the_tree(caller: str, scope: Scope) -> None:
    principal = of(caller)
    for unit_id in TREE.ids:
        resource = Resource.of([unit_id], above=TREE.above(unit_id))
        is_below = caller in TREE.above(unit_id)
        is_whole = scope is Scope.UNITS or principal.is_whole_institution
        found = apply(Rule(STEWARD, scope), principal, resource)
        assert found is (Decision.ALLOW if is_below and is_whole else Decision.FORBID), unit_id


def test_a_unit_that_no_tree_has_reaches_nothing() -> None:
    resource = Resource.of(["alpha"], above=TREE.above("alpha"))
    for caller in (of("absent"), Principal("", "", "", STEWARD)):
        assert apply(Rule(STEWARD, Scope.UNITS), caller, resource) is Decision.FORBID
    nothing = Resource.of([], above=["alpha"])
    assert apply(Rule(STEWARD, Scope.UNITS), of("alpha"), nothing) is Decision.FORBID


def test_what_some_roles_open_is_closed_to_the_other_roles_of_the_method() -> None:
    rule = Rule(frozenset({"operator", "auditor"}), Scope.INSTITUTION)
    for is_secret, refused in ((False, Decision.FORBID), (True, Decision.HIDE)):
        resource = Resource.of(["root"], roles=["operator"], is_secret=is_secret)
        assert apply(rule, of("root", role="auditor"), resource) is refused
        assert apply(rule, of("root", role="operator"), resource) is Decision.ALLOW
        assert apply(rule, of("alpha", role="operator"), resource) is refused
    # A role that the method does not admit is not admitted by a thing either.
    steward_only = Resource.of(["root"], roles=["steward"])
    assert apply(rule, of("root", role="steward"), steward_only) is Decision.FORBID
