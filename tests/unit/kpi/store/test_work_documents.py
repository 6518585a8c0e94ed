"""The fields by which a stored work is found."""

from services.kpi.domain.work import Work
from services.kpi.store.work_documents import WorkDocuments
from tests.unit.kpi.builders import both, catalogue, claim, component, said

DOCUMENTS = WorkDocuments(catalogue(component()))


def fields(**statements: object) -> dict[str, object]:
    return DOCUMENTS.fields(Work(statements, {}))  # type: ignore[arg-type]


def test_a_work_is_found_at_its_unit_and_everything_above() -> None:
    found = fields(s1=both(claim("alpha/sci/lab")))
    assert found["u"] == sorted(
        f"thing|{u}" for u in ("alpha/sci/lab", "alpha/sci", "alpha", "root")
    )
    assert found["j"] == []


def test_a_joint_work_is_found_at_every_unit_that_claims_it_and_named_as_joint() -> None:
    found = fields(s1=both(claim("alpha")), s2=said(claim("beta")))
    assert found["u"] == ["thing|alpha", "thing|beta", "thing|root"]
    assert found["j"] == ["thing"]
    assert len(found["c"]) == 2  # type: ignore[arg-type]


def test_a_work_that_nobody_claims_any_more_keeps_its_events() -> None:
    found = fields(s1=said(None))
    assert (found["u"], found["j"], len(found["c"])) == ([], [], 1)  # type: ignore[arg-type]
