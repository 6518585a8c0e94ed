from datetime import date
from typing import Any

import pytest

from kieng.submissions.v1 import facts_pb2
from services.kernel.errors import InvalidArgument
from services.submissions.identifiers import check_facts, write_identifiers

pb = facts_pb2
TODAY = date(2025, 7, 1)
F = pb.Facts


def publication(**fields: Any) -> pb.Facts:
    return F(publication=pb.Publication(**({"title": "t", "issued_on": "2025-01-01"} | fields)))


def expert(person_id: str) -> pb.Facts:
    return F(expert=pb.Expert(person_id=person_id, started_on="2025-01-01"))


def adopted(by: str) -> pb.Facts:
    contract = pb.PolicyContract(number="1", adopted_by=by, adopted_on="2025-01-01")
    return F(policy_contract=contract)


def product(**fields: Any) -> pb.Facts:
    return F(product=pb.Product(**({"identified_on": "2025-01-01"} | fields)))


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (publication(doi="11.1000/xyz"), "publication.doi"),
        (publication(issn="1234-5678"), "publication.issn"),
        (publication(issued_on="2025-02-30"), "publication.issued_on"),
        (publication(issued_on="2025-07-03"), "publication.issued_on"),
        (publication(issued_on="0219-01-01"), "publication.issued_on"),
        (publication(issued_on="1019-01-01"), "publication.issued_on"),
        (publication(issued_on="0015-01-01"), "publication.issued_on"),
        (publication(issued_on="1899-12-31"), "publication.issued_on"),
        (publication(issued_on="2015-W37"), "publication.issued_on"),
        (publication(issued_on="20150110"), "publication.issued_on"),
        *(
            (publication(quartile_year=year), "publication.quartile_year")
            for year in (24, 1924, 2026)
        ),
        (
            F(agreement=pb.Agreement(number="1", signed_on="2025-01-01", expires_on="2135-01-01")),
            "agreement.expires_on",
        ),
        (publication(doi="10.1000/\u200b"), "publication.doi"),
        (F(task=pb.Task(decision_no="\u200b", number="1")), "task.decision_no"),
        (expert("0000-0002-1825-0098"), "expert.person_id"),
        (expert("0099-0000-0000-1066"), "expert.person_id"),
        (
            F(enterprise=pb.Enterprise(tax_code="0100233480", founded_on="2025-01-01")),
            "enterprise.tax_code",
        ),
        (F(ip_right=pb.IpRight(application_no="   ")), "ip_right.application_no"),
        (F(training=pb.Training(number="  ")), "training.number"),
        (F(joint_project=pb.JointProject(code=" ")), "joint_project.code"),
        (F(programme=pb.Programme(code=" ")), "programme.code"),
        (F(event=pb.Event(code=" ")), "event.code"),
        (F(task=pb.Task(decision_no="d", number=" ")), "task.number"),
        (F(investment=pb.Investment(number="1", tax_code="0100233480")), "investment.tax_code"),
        (F(scholar=pb.Scholar(person_id="0000-0002-1825-0098")), "scholar.person_id"),
        (F(recognition=pb.Recognition(given_on="2025-07-03")), "recognition.given_on"),
        (
            F(ip_right=pb.IpRight(application_no="1", exploited_on="2025-01-01")),
            "ip_right.exploited_by",
        ),
        (F(ip_right=pb.IpRight(application_no="1", exploited_by="c")), "ip_right.exploited_on"),
        (
            F(policy_contract=pb.PolicyContract(number="1", adopted_by="a body")),
            "policy_contract.adopted_on",
        ),
        *(
            (F(receipt=pb.Receipt(**{name: text})), f"receipt.{name}")
            for name in ("contract_ref", "product_ref", "training_ref", "policy_ref")
            for text in ("-", "không", "N/A", "Chưa có", "—", "Không xác định")
        ),
        (product(ip_refs=["ip:VN:1-2023-1", "không"]), "product.ip_refs[1]"),
        (adopted("chưa"), "policy_contract.adopted_by"),
        (publication(fields=["ai", "Trí tuệ nhân tạo"]), "publication.fields[1]"),
        (publication(areas=["ai, quantum"]), "publication.areas[0]"),
        (product(stage=3), "product.on_market_on"),
        (product(stage=1, on_market_on="2025-01-02"), "product.on_market_on"),
    ],
)
def test_a_wrong_field_is_named(facts: pb.Facts, field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check_facts(facts, TODAY)
    assert list(refusal.value.fields) == [f"content.facts.{field}"]


@pytest.mark.parametrize(
    "facts",
    [
        publication(doi="https://doi.org/10.1000/XYZ", issn="1234-5679", issued_on="2025-07-02"),
        publication(),
        publication(quartile_year=2025),
        publication(quartile_year=0),
        expert("0000-0002-1825-0097"),
        # In a block that is not given out: the check digit is all that counts.
        expert("0099-0000-0000-1065"),
        expert("hr-17"),
        F(enterprise=pb.Enterprise(tax_code="0100233488", founded_on="2025-01-01")),
        F(agreement=pb.Agreement(number="1", signed_on="2025-01-01", expires_on="2035-01-01")),
        product(stage=3, on_market_on="2025-01-02"),
        F(task=pb.Task(decision_no="d", number="1", due_on="2027-12-31")),
    ],
)
def test_right_facts_pass(facts: pb.Facts) -> None:
    check_facts(facts, TODAY)


@pytest.mark.parametrize(
    "written",
    [
        *("0000-0002-1825-0097", "0000000218250097", "https://orcid.org/0000-0002-1825-0097"),
        *("http://www.orcid.org/0000-0002-1825-0097/", "orcid.org/0000000218250097 "),
        *(
            "0000\u20110002\u20111825\u20110097",
            "0000\u20130002\u20131825\u20130097 ",
            "0000-0002-1825-0097\u200b",
        ),
    ],
)
def test_a_person_has_one_id_however_an_orcid_is_written(written: str) -> None:
    facts = expert(written)
    write_identifiers(facts)
    assert facts.expert.person_id == "0000-0002-1825-0097"
    check_facts(facts, TODAY)


@pytest.mark.parametrize(
    ("written", "kept"),
    [("0000-0002-1694-233x", "0000-0002-1694-233X"), (" hr-17 ", "hr-17"), ("HR 17", "HR 17")],
)
def test_other_ids_of_persons_keep_their_letters(written: str, kept: str) -> None:
    facts = F(recognition=pb.Recognition(person_id=written))
    write_identifiers(facts)
    assert facts.recognition.person_id == kept


def test_keys_of_other_works_are_written_in_their_one_form() -> None:
    receipt = pb.Receipt(
        number="1", product_ref=" ip:VN:1\u20132023 - 7 ", contract_ref="contract:X"
    )
    product = pb.Product(ip_refs=["ip:VN:1-2023-7\u200b", "DOI"], identified_on="2025-01-01")
    first, second = F(receipt=receipt), F(product=product)
    write_identifiers(first)
    write_identifiers(second)
    assert first.receipt.product_ref == "ip:VN:1-2023-7"
    assert first.receipt.contract_ref == "contract:X"
    assert list(second.product.ip_refs) == ["ip:VN:1-2023-7", "DOI"]


def test_facts_without_a_person_stay_as_they_are() -> None:
    facts = publication(doi="10.1000/XYZ")
    write_identifiers(facts)
    assert facts == publication(doi="10.1000/XYZ")


@pytest.mark.parametrize("code", ["-", "N/A", "null", "NaN", "không có", "chưa rõ", "#N/A", "?"])
def test_a_code_that_says_nothing_is_refused_before_it_joins_works(code: str) -> None:
    project = facts_pb2.JointProject(code=code, title="t", started_on="2024-01-01")
    with pytest.raises(InvalidArgument, match="says nothing"):
        check_facts(facts_pb2.Facts(joint_project=project), date(2025, 1, 1))


@pytest.mark.parametrize("code", ["KHÔNG-1", "NA-7", "0", "X"])
def test_a_code_that_says_something_is_taken(code: str) -> None:
    project = facts_pb2.JointProject(code=code, title="t", started_on="2024-01-01")
    check_facts(facts_pb2.Facts(joint_project=project), date(2025, 1, 1))
