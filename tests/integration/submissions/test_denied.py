"""What is denied changes no submission, tells nobody anything, and does not say what there is."""

from __future__ import annotations

import uuid
from functools import partial

import grpc
import pytest

from services.policy.rules import rule_of
from services.submissions.service import SubmissionsService
from tests.integration.denying import ROLES, Metadata, deny_everything
from tests.integration.submissions.conftest import Running, token
from tests.integration.submissions.test_outsiders import (
    States,
    answer_of,
    attempts,
    content,
    in_every_state,
)

__all__ = ["in_every_state"]
METHODS = {method.name: method for each in SubmissionsService.serves for method in each.methods}


def credential(unit: str, role: str) -> Metadata:
    return (("authorization", f"Bearer {token('alpha', 'spy', role, unit=unit)}"),)


@pytest.mark.usefixtures("in_every_state")
def test_denied_calls_change_no_byte_and_tell_nobody_anything(service: Running) -> None:
    before, told = content(service), list(service.broker.events)
    assert any(before.values())
    credentials = [partial(credential, ""), partial(credential, "alpha/one")]
    assert deny_everything(service.channel, SubmissionsService.serves, credentials) > 150
    assert content(service) == before
    assert service.broker.events == told


def test_a_role_that_is_not_admitted_hears_the_same_of_what_is_there_and_what_is_not(
    service: Running, in_every_state: States
) -> None:
    """All of them reach alpha/one: what they lack is the role."""
    before, asked = content(service), 0
    found = in_every_state["submitted"]
    for role in [*ROLES, "nobody"]:
        spy = service.caller("alpha", "spy", role)
        absent = dict(attempts(str(uuid.uuid4()), 1, "alpha/one"))
        for name, request in attempts(found.submission_id, found.version, "alpha/one"):
            if role not in rule_of(METHODS[name]).roles:
                answer = answer_of(spy, name, absent[name])
                assert answer[0] is grpc.StatusCode.PERMISSION_DENIED, (role, name)
                assert answer_of(spy, name, request) == answer, (role, name)
                asked += 1
    assert asked > 40
    assert content(service) == before
