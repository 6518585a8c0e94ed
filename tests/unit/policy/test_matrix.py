"""Rights by exhaustion: every RPC, role, relation and credential, against a table of its own.

The state of a thing opens nothing to anybody, so no rule sees it; that it does not on real services
is tested there (`tests/integration/submissions/test_outsiders.py`).
"""

from __future__ import annotations

import importlib
import itertools
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor

from services.kernel.access import Issuers
from services.kernel.errors import Forbidden, NotFound, Unauthenticated
from services.policy.enforcement import admit, need
from services.policy.principal import Principal
from services.policy.rules import (
    Decision,
    Resource,
    Rule,
    Scope,
    allow,
    apply,
    rule_of,
)
from tests.unit.kernel.serving import AUDIENCE, service, token, write_issuers
from tests.unit.policy.table import FORWARDED, RELATIONS, ROLES, TABLE, expected

PROTOS = Path(__file__).parents[3] / "protos"
SECRET = ("kieng.submissions.v1.", "kieng.kpi.v1.ParkedService.")
"""Services whose things outsiders may not know of."""
CREDENTIALS = (
    "none",
    "expired",
    "of another audience",
    "another institution's",
    "of a stranger's service",
    "part",
    "whole",
    "whole, by a service",
)


def methods() -> list[MethodDescriptor]:
    """Every RPC of every contract, found by the files."""
    found = []
    for path in sorted(PROTOS.glob("kieng/**/*_service.proto")):
        name = ".".join(path.relative_to(PROTOS).with_suffix("").parts) + "_pb2"
        for each in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
            found += each.methods
    return found


SERVICE, SERVICE_ENTRY = service("caller", "kieng")
STRANGER, _ = service("caller", "kieng")
METHODS = {method.full_name: method for method in methods()}


@cache
def made(credential: str, role: str) -> str:
    """A token of the credential, with one role or none."""
    roles = [ROLES.get(role, "nobody")]
    if credential == "none":
        return ""
    if credential == "expired":
        return token(roles=roles, iat=1, exp=2)
    if credential == "of another audience":
        return token(roles=roles, aud="other")
    if credential == "another institution's":
        return token(roles=roles, key="beta")
    if credential == "of a stranger's service":
        return STRANGER.around(token(roles=roles))
    if credential == "whole, by a service":
        return SERVICE.around(token(roles=roles, aud="kieng.caller"))
    return token(roles=roles, unit="alpha/one" if credential == "part" else "alpha")


def unit_of(relation: str, own: str) -> frozenset[str]:
    """A unit in a relation to that of a credential."""
    above, _, _ = own.rpartition("/")
    return {
        "own": frozenset({own}),
        "below": frozenset({f"{own}/x"}),
        "above": frozenset({above or "root"}),
        "beside": frozenset({f"{own}x"}),  # a name that begins alike
        "another institution": frozenset({"beta/one", own}),
        "the consortium": frozenset({"root"}),
        "of nobody": frozenset[str](),
    }[relation]


class Door:
    """The way of a call: its token, the door of its method, and the thing it is about."""

    def __init__(self, issuers: Issuers) -> None:
        self.issuers = issuers
        self._principals: dict[tuple[str, str], Principal | None] = {}

    def principal(self, credential: str, role: str) -> Principal | None:
        key = (credential, role)
        if key not in self._principals:
            try:
                self._principals[key] = self.issuers.principal(made(credential, role))
            except Unauthenticated:
                self._principals[key] = None
        return self._principals[key]

    def outcome(self, method: str, role: str, relation: str, credential: str) -> str:
        caller = self.principal(credential, role)
        if caller is None:
            return "unauthenticated"
        resource = Resource(unit_of(relation, caller.unit_id), method.startswith(SECRET))
        try:
            admit(caller, METHODS[method])
            return str(need(caller, METHODS[method], resource))
        except Forbidden:
            return "forbid"
        except NotFound:
            return "hide"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Door:
    path = write_issuers(tmp_path_factory.mktemp("issuers") / "issuers.json", SERVICE_ENTRY)
    return Door(Issuers(path, [AUDIENCE, "kieng.kieng"]))


def test_every_rpc_has_a_row_in_its_contract_that_is_the_row_of_this_table() -> None:
    assert METHODS.keys() == TABLE.keys(), "an RPC without a row here, or a row without an RPC"
    for name, (roles, scope) in TABLE.items():
        rule = Rule(frozenset(ROLES[letter] for letter in roles), Scope(scope), name in FORWARDED)
        assert rule_of(METHODS[name]) == rule, name


def test_every_case_is_decided_as_the_table_says(door: Door) -> None:
    counts: Counter[str] = Counter()
    cases = itertools.product(TABLE, [*ROLES, ""], RELATIONS, CREDENTIALS)
    for method, role, relation, credential in cases:
        found = door.outcome(method, role, relation, credential)
        wanted = "unauthenticated"
        if credential in ("part", "whole", "whole, by a service"):
            is_secret = method.startswith(SECRET)
            is_whole = credential != "part"
            known = relation if relation != "above" or not is_whole else "the consortium"
            wanted = (
                expected(method, role, known, is_whole=is_whole, is_secret=is_secret)
                if role and (credential != "whole, by a service" or method in FORWARDED)
                else "forbid"
            )
        assert found == wanted, (method, role, relation, credential)
        counts[found] += 1
    assert sum(counts.values()) > 10_000
    # A table in which something never happens would prove nothing of it.
    assert set(counts) == {"allow", "propose", "forbid", "hide", "unauthenticated"}
    print(dict(counts))


def test_without_a_row_nobody_is_admitted_to_anything() -> None:
    everything = Principal("s", "alpha", "alpha", frozenset(ROLES.values()))
    empty = Rule(frozenset(), Scope.UNSPECIFIED)
    for scope in Scope:
        nobody = Rule(frozenset(), scope)
        for resource in (None, Resource(), Resource.of(["alpha"])):
            assert apply(nobody, everything, resource) is Decision.FORBID
            assert apply(empty, everything, resource) is Decision.FORBID
    roles_only = Rule(frozenset(ROLES.values()), Scope.UNSPECIFIED)
    assert apply(roles_only, everything, Resource.of(["alpha"])) is Decision.FORBID


def test_the_unspecified_role_opens_a_method_to_nobody() -> None:
    method = METHODS["kieng.kpi.v1.KpiService.GetKpis"]
    assert allow(Principal("s", "a", "a", frozenset({"unspecified"})), method, None) is (
        Decision.FORBID
    )


def test_a_principal_without_an_institution_is_no_whole_institution() -> None:
    assert not Principal("", "", "", frozenset()).is_whole_institution
    assert not Principal("s", "alpha", "alpha/one", frozenset()).is_whole_institution
