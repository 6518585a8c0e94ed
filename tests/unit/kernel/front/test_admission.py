from __future__ import annotations

import pytest

from services.kernel.access import Principal
from services.kernel.errors import Exhausted
from services.kernel.front.admission import Admission, Limits


def caller(subject: str, institution: str = "alpha") -> Principal:
    return Principal(subject, institution, institution, frozenset())


@pytest.mark.parametrize(
    ("before", "then", "who"),
    [
        ([("a", "alpha")] * 2, ("a", "alpha"), "you may have at most 2"),
        ([("a", "alpha"), ("b", "alpha"), ("c", "alpha")], ("d", "alpha"), "alpha may have"),
        ([("a", "alpha"), ("b", "alpha"), ("c", "beta"), ("d", "beta")], ("e", "g"), "service"),
    ],
    ids=["principal", "institution", "process"],
)
def test_a_limit_refuses_the_next_one_and_says_whose_it_is(
    before: list[tuple[str, str]], then: tuple[str, str], who: str
) -> None:
    admission = Admission("things", Limits(principal=2, institution=3, process=4))
    for each in before:
        admission.enter(caller(*each))
    with pytest.raises(Exhausted, match=who) as refusal:
        admission.enter(caller(*then))
    assert refusal.value.details == {"retry_after": "1s"}
    assert admission.open() == len(before)
    admission.leave(caller(*before[0]))
    admission.enter(caller(*before[0]))


def test_the_same_subject_of_another_institution_is_another_caller() -> None:
    admission = Admission("things", Limits(principal=1, institution=1, process=9))
    admission.enter(caller("a", "alpha"))
    admission.enter(caller("a", "beta"))
    admission.leave(caller("a", "alpha"))
    admission.leave(caller("a", "beta"))
    assert admission.open() == 0
    assert not admission._open
