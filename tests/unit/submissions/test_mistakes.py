"""All mistakes of a request are told at once."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest

from kieng.submissions.v1 import facts_pb2, submission_pb2, submission_service_pb2
from services.kernel.access import Principal
from services.kernel.errors import Forbidden, InvalidArgument, Refusal
from services.submissions.directory_cache import KnownUnits
from services.submissions.domain.unit import Unit
from services.submissions.mistakes import blanked, together
from services.submissions.validation import Intake

TODAY = date(2026, 1, 1)
UNITS = {"alpha/new": Unit(), "beta/far": Unit()}
CREATE = submission_service_pb2.DESCRIPTOR.services_by_name["SubmissionService"].methods_by_name[
    "CreateSubmission"
]
AUTHOR = Principal("author", "alpha", "alpha", frozenset({"contributor"}))
INTAKE = Intake(AUTHOR, CREATE, KnownUnits(UNITS.get, lambda: UNITS), str)


def refuse(refusal: Refusal) -> None:
    raise refusal


def test_one_mistake_is_told_unchanged_and_of_several_all_are() -> None:
    one = InvalidArgument("a: wrong", reason="WHY", fields={"a": "wrong"})
    with pytest.raises(InvalidArgument) as refused:
        together([partial(refuse, one), lambda: None])
    assert refused.value is one
    other = InvalidArgument("a: too; b: bad", fields={"a": "too", "b": "bad"})
    with pytest.raises(InvalidArgument, match=r"^a: wrong; b: bad$") as refused:
        together([partial(refuse, one), partial(refuse, other)])
    assert (refused.value.fields, refused.value.reason) == ({"a": "wrong", "b": "bad"}, "WHY")
    together([])


def test_what_the_caller_may_not_do_stays_forbidden_among_other_mistakes() -> None:
    wrong = InvalidArgument("a: wrong", fields={"a": "wrong"})
    forbidden = Forbidden("b: no", reason="NOT_YOURS", fields={"b": "no"}, details={"role": "r"})
    with pytest.raises(Forbidden) as refused:
        together([partial(refuse, wrong), partial(refuse, forbidden)])
    assert list(refused.value.fields) == ["a", "b"]
    assert (refused.value.reason, refused.value.details) == ("NOT_YOURS", {"role": "r"})


def article(unit_id: str = "alpha/nowhere") -> submission_pb2.Content:
    facts = facts_pb2.Facts()
    facts.publication.title, facts.publication.issued_on = "t", "2027-03-01"
    facts.publication.doi, facts.publication.issn = "my doi", "1234-5678"
    facts.publication.institutions.extend(["alpha/new", "gamma"])
    return submission_pb2.Content(
        unit_id=unit_id, facts=facts, source=submission_pb2.SOURCE_REGISTRY
    )


FACTS = "content.facts.publication."
ALL = (
    "content.source",
    "content.unit_id",
    f"{FACTS}institutions[1]",
    f"{FACTS}doi",
    f"{FACTS}issn",
    f"{FACTS}issued_on",
    "content.evidence",
)


def test_a_content_with_six_mistakes_is_refused_once() -> None:
    with pytest.raises(Forbidden) as refused:
        INTAKE.content(article(), "s", TODAY, needs_evidence=True)
    assert tuple(refused.value.fields) == ALL


def test_a_draft_needs_no_evidence() -> None:
    with pytest.raises(Forbidden) as refused:
        INTAKE.content(article(), "s", TODAY)
    assert "content.evidence" not in refused.value.fields


def test_a_unit_of_others_is_told_together_with_the_rest() -> None:
    with pytest.raises(Forbidden) as refused:
        INTAKE.content(article("beta/far"), "s", TODAY)
    assert "does not reach beta/far" in refused.value.fields["content.unit_id"]
    assert f"{FACTS}doi" in refused.value.fields


def test_what_does_not_break_the_contract_is_checked_beside_what_does() -> None:
    content = article()
    # A year of more than four digits would stop the checks of dates, so the contract comes first.
    content.facts.publication.quartile_year = 20_250
    with pytest.raises(Forbidden) as refused:
        INTAKE.check_rest(content, ["facts.publication.quartile_year", "unit_id"], TODAY)
    assert tuple(refused.value.fields) == ALL
    assert content.facts.publication.quartile_year == 20_250
    INTAKE.check_rest(submission_pb2.Content(unit_id="x"), [], TODAY)


def test_fields_are_blanked_by_their_paths_and_lists_keep_their_places() -> None:
    content = article()
    content.evidence.add(title="a", sha256="b")
    paths = ["unit_id", "facts.publication.institutions[0]", "evidence[0].sha256"]
    unknown = ["nothing", "evidence[7].title", "facts.receipt.number", "unit_id[3]", "?"]
    found = blanked(content, [*paths, *unknown])
    assert isinstance(found, submission_pb2.Content)
    assert found.unit_id == ""
    assert list(found.facts.publication.institutions) == ["", "gamma"]
    assert (found.evidence[0].title, found.evidence[0].sha256) == ("a", "")
    assert found.facts.WhichOneof("kind") == "publication"
    assert content.unit_id
    assert blanked(content, ["facts"]) != content
