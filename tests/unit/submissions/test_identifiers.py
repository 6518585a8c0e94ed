from datetime import date
from typing import Any

import pytest

from kieng.submissions.v1 import facts_pb2
from services.kernel.errors import InvalidArgument
from services.submissions.identifiers import check_facts, work_key

pb = facts_pb2
TODAY = date(2025, 7, 1)
F = pb.Facts


def publication(**fields: Any) -> pb.Facts:
    return F(publication=pb.Publication(**({"title": "t", "issued_on": "2025-01-01"} | fields)))


def expert(person_id: str) -> pb.Facts:
    return F(expert=pb.Expert(person_id=person_id, started_on="2025-01-01"))


def product(**fields: Any) -> pb.Facts:
    return F(product=pb.Product(**({"identified_on": "2025-01-01"} | fields)))


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (publication(doi="11.1000/xyz"), "publication.doi"),
        (publication(issn="1234-5678"), "publication.issn"),
        (publication(issued_on="2025-02-30"), "publication.issued_on"),
        (publication(issued_on="2025-07-03"), "publication.issued_on"),
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
    ("facts", "key"),
    [
        (publication(doi=" https://doi.org/10.1000/XyZ"), "doi:10.1000/xyz"),
        (publication(), "sub:s1"),
        (F(ip_right=pb.IpRight(application_no=" 1-2023 - 01a ")), "ip:VN:1-2023-01A"),
        (F(ip_right=pb.IpRight(application_no="17", office="US")), "ip:US:17"),
        (F(enterprise=pb.Enterprise(tax_code="0100233488")), "mst:0100233488"),
        (
            F(transfer_contract=pb.TransferContract(partner_id="partner:7", number=" 1/hđ  a ")),
            "transfer_contract:partner:7:1/HĐ A",
        ),
        (
            F(policy_contract=pb.PolicyContract(partner_id="p", number="1")),
            "policy_contract:p:1",
        ),
        (F(training=pb.Training(partner_id="p", number="1")), "training:p:1"),
        (F(agreement=pb.Agreement(partner_id="p", number="1")), "agreement:p:1"),
        (F(joint_project=pb.JointProject(code=" nafosted-1 ")), "project:NAFOSTED-1"),
        (F(programme=pb.Programme(code=" ct  a1 ")), "programme:CT A1"),
        (F(event=pb.Event(code="hn-1")), "event:HN-1"),
        (F(task=pb.Task(decision_no="1345/qđ", number=" 7 ")), "task:1345/QĐ:7"),
        (
            F(investment=pb.Investment(tax_code="0100233488", number="a 1")),
            "investment:0100233488:A 1",
        ),
        (F(scholar=pb.Scholar(person_id="p")), "sub:s1"),
        (F(recognition=pb.Recognition(person_id="p")), "sub:s1"),
        (F(impact_story=pb.ImpactStory(title="t")), "sub:s1"),
        (F(receipt=pb.Receipt(number="1")), "sub:s1"),
    ],
)
def test_a_work_has_one_name_however_it_is_written(facts: pb.Facts, key: str) -> None:
    assert work_key(facts, "s1") == key
