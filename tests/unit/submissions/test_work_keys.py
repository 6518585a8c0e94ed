"""A work has one key, however its number is typed, pasted or printed."""
# ruff: noqa: RUF001 - letters that look like others are what this is about.

from __future__ import annotations

from typing import Any

import pytest

from kieng.submissions.v1 import facts_pb2
from services.submissions.work_keys import (
    DOI,
    canonical_doi,
    canonical_number,
    canonical_person,
    canonical_reference,
    work_key,
)

pb = facts_pb2
F = pb.Facts


def publication(**fields: Any) -> pb.Facts:
    return F(publication=pb.Publication(**{"title": "t", "issued_on": "2025-01-01", **fields}))


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


@pytest.mark.parametrize(
    "written",
    [
        *("10.1000/test.1", "10.1000/TEST.1.", "10.1000/test.1,", "10.1000/test.1;"),
        *("10.1000/test.1)", "10.1000/test.1]", "10.1000/test.1/", "10.1000/test.1\u200b"),
        *("10.1000/\u200btest.1", "10.1000/test.1?utm_source=x", "10.1000/test.1#abstract"),
        *("https://doi.org/10.1000/test.1?a=b#c", "doi:10.1000/test.1).", "DOI: 10.1000/test.1"),
        *("10.1000/test.1&utm_source=x", "10.1000/test.1/abstract", "10.1000/test.1/full/html"),
        *("10.1000/test.1.pdf", "“10.1000/test.1”", "(10.1000/test.1)", "<10.1000/test.1>"),
        *("DOI 10.1000/test.1", "urn:doi:10.1000/test.1", "DOI: https://doi.org/10.1000/test.1"),
        *("10.1000%2Ftest.1", "https://doi.org/10.1000%2Ftest.1", "10.1000/test.1…"),
        *("10.1000/test.1\xad", " http://dx.doi.org/10.1000/test.1 ", "10.1000/test.1\u00a0"),
    ],
)
def test_a_doi_is_one_whatever_clings_to_it(written: str) -> None:
    assert work_key(publication(doi=written), "s1") == "doi:10.1000/test.1"


@pytest.mark.parametrize(
    "doi",
    [
        "10.1016/s0140-6736(05)12345-6",
        "10.1002/(sici)1097-4571(199806)49:8<693::aid-asi4>3.0.co;2-o",
        "10.1000/a(b)",
        "10.1000/tr-1",
        "10.1101/2020.01.01.123456v1",
        "10.1000/full/1",
    ],
)
def test_what_belongs_to_a_doi_stays(doi: str) -> None:
    assert canonical_doi(doi) == doi


@pytest.mark.parametrize(
    "text",
    [
        "11.1000/xyz",
        "10.1000/",
        "10.1000/a;10.1000/b",
        "10.1000/a, 10.1000/b",
        "10.1000/).",
        "10.1000/a b",
        "x",
    ],
)
def test_what_is_no_doi_has_no_form(text: str) -> None:
    assert canonical_doi(text) == ""


@pytest.mark.parametrize(
    "written",
    [
        "10.1002/(SICI)1:8<693::AID-ASI4>3.0.CO;2-O",
        "10.1002/(SICI)1:8&lt;693::AID-ASI4&gt;3.0.CO;2-O",
        "10.1002/(SICI)1:8%3C693::AID-ASI4%3E3.0.CO;2-O",
        "10.1002/(SICI)1:8<693::AID\u2010ASI4>3.0.CO;2–O",
    ],
)
def test_a_doi_is_one_however_a_web_page_encodes_it(written: str) -> None:
    assert canonical_doi(written) == "10.1002/(sici)1:8<693::aid-asi4>3.0.co;2-o"


@pytest.mark.parametrize(
    "number",
    [
        *("1-2023-01234", "1–2023–01234", "1\u20112023\u201101234", "1 - 2023 - 01234"),
        *("1-2023-01234.", "1\u22122023\u221201234", "1¬2023¬01234", "1⁃2023˗01234"),
    ],
)
def test_a_right_is_one_whatever_its_hyphens(number: str) -> None:
    facts = F(ip_right=pb.IpRight(application_no=number))
    assert work_key(facts, "s1") == "ip:VN:1-2023-01234"


@pytest.mark.parametrize(
    "decision",
    [
        "1345/QĐ-ĐHQGHN",
        "1345/QÐ-ÐHQGHN",
        "1345 /QĐ-ĐHQGHN",
        "1345/qđ–đhqghn\u200b",
        "1345/QĐ-ĐHQGHN.",
        "1345/QĐ-ĐHQGHN,",
        "“1345/QĐ-ĐHQGHN”",
        "1345∕QĐ-ĐHQGHN",
        "1345⁄QĐ-ĐHQGHN",
    ],
)
def test_a_decision_is_one_whatever_its_letters(decision: str) -> None:
    facts = F(task=pb.Task(decision_no=decision, number="7"))
    assert work_key(facts, "s1") == "task:1345/QĐ-ĐHQGHN:7"


@pytest.mark.parametrize("code", ["KC.02/23", "kc.02/ 23", "KC. 02/23", "KC.02／23"])
def test_a_code_is_one_whatever_its_blanks(code: str) -> None:
    assert work_key(F(joint_project=pb.JointProject(code=code)), "s1") == "project:KC.02/23"


@pytest.mark.parametrize("number", ["HĐ 12-2018", "HĐ 12–2018", "HĐ 12 - 2018", "hđ  12-2018"])
def test_a_contract_is_one_whatever_its_dash(number: str) -> None:
    facts = F(training=pb.Training(partner_id="p", number=number))
    assert work_key(facts, "s1") == "training:p:HĐ 12-2018"


@pytest.mark.parametrize("code", ["KC 02/23", "KC-02/23", "KC.02-23", "KC.02/32"])
def test_what_only_may_be_the_same_stays_apart(code: str) -> None:
    assert work_key(F(joint_project=pb.JointProject(code=code)), "s1") != "project:KC.02/23"


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("doi:10.1000/TEST.1.", "doi:10.1000/test.1"),
        ("doi:none", "doi:none"),
        ("ip:VN: 1–2023 – 7", "ip:VN:1-2023-7"),
        (
            "transfer_contract:partner:00007:hđ 12–2018",
            "transfer_contract:partner:00007:HĐ 12-2018",
        ),
        ("task:1345/QÐ-A:7 a", "task:1345/QĐ-A:7 A"),
        ("project:kc.02/ 23", "project:KC.02/23"),
        ("sub:vnu.0198c0de-1", "sub:vnu.0198c0de-1"),
        ("mst:0100233488", "mst:0100233488"),
        ("transfer_contract:X", "transfer_contract:X"),
        ("contract:X y", "contract:X y"),
        ("", ""),
        *(("Project:kc.02", "project:KC.02"), ("IP:VN:1-2 3", "ip:VN:1-23")),
        *(("MST:0100233488", "mst:0100233488"), ("DOI:abc", "doi:abc"), ("Doi:", "doi:")),
        *(("Project", "Project"), ("Title:x", "Title:x")),
    ],
)
def test_a_key_that_was_typed_is_written_as_the_work_has_it(typed: str, key: str) -> None:
    assert canonical_reference(typed) == key
    assert canonical_reference(key) == key


@pytest.mark.parametrize("number", ["Số: 12/2024", "KC: 02 : 23", "7 ; 8: a"])
def test_the_key_of_a_number_with_a_colon_means_itself(number: str) -> None:
    """A list by this key finds the work, and what refers to it names it."""
    contract = pb.TransferContract(partner_id="partner:00007", number=number)
    task, project = pb.Task(decision_no=number, number="7"), pb.JointProject(code=number)
    for facts in (F(transfer_contract=contract), F(joint_project=project), F(task=task)):
        key = work_key(facts, "alpha.1")
        assert canonical_reference(key) == key


@pytest.mark.parametrize(
    "text",
    [
        *("10.1000/xyz", "doi:10.1000/xyz", "DOI: 10.1000/Xyz", "https://doi.org/10.1000.5/a(b)c"),
        *("http://dx.doi.org/10.1/x y", "doi.org/10.1/é", "10.1000/", "11.1000/x", "x10.1/y", ""),
    ],
)
def test_a_doi_is_read_as_idutils_reads_it(text: str) -> None:
    import idutils  # here, because every worker imports this module

    found = DOI.match(text)
    assert bool(found) == bool(idutils.is_doi(text))
    assert found is None or found[1] == idutils.normalize_doi(text)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "10.1000/test.1*",
            "10.1000/test.1 †",
            "10.1000/test.1¹",
            "10.1000/test.1²⁾",
            "10.1000/test.1！",
            "(10.1000/test.1²).",
            "“10.1000/test.1³”, ",
            "10.1000/test.1¹;",
        ),
        *("10.1000/test.1;jsessionid=5F3A", "10.1000/test.1;JSESSIONID=5F3A.node2"),
    ],
)
def test_marks_of_footnotes_and_sessions_are_no_part_of_a_doi(written: str) -> None:
    assert canonical_doi(written) == "10.1000/test.1"
    assert canonical_doi("10.1000/test.12") == "10.1000/test.12"


def test_a_link_of_a_text_format_is_no_doi_with_an_address_in_it() -> None:
    assert canonical_doi("[10.1000/test.1](https://doi.org/10.1000/test.1)") == ""


@pytest.mark.parametrize(
    "written",
    [
        *("KС.02/23", "КС.02/23", "кс.02/23", "ΚC.02/23", "KC·02/23", "KC。02/23", "KC․02/23"),
        *("KC..02/23", "KC.02//23", "KC. .02/23", "KC.02\\23", "KC.02╱23", "KC.02⧸23"),
    ],
)
def test_letters_and_signs_that_look_the_same_make_no_second_work(written: str) -> None:
    assert canonical_number(written) == "KC.02/23"


@pytest.mark.parametrize("other", ["KC-02/23", "KC 02/23", "KC,02/23", "KС.02/24", "KЖ.02/23"])
def test_a_number_that_differs_in_more_than_looks_stays_apart(other: str) -> None:
    assert canonical_number(other) != "KC.02/23"


@pytest.mark.parametrize("dash", ["--", "֊", "־", "⸺", "⸻", "〜", "〰", "゠", "﹘", "- -", "–-"])
def test_every_dash_of_unicode_is_a_hyphen(dash: str) -> None:
    assert canonical_number(f"1345/QĐ{dash}ĐHQGHN") == "1345/QĐ-ĐHQGHN"


@pytest.mark.parametrize(
    "written",
    [
        *("ORCID=0000-0002-1825-0097", "0000-0002-1825-0097 (ORCID)", "[0000-0002-1825-0097]"),
        *("0000.0002.1825.0097", "0000_0002_1825_0097", "info:orcid/0000-0002-1825-0097"),
        "https://orcid.org/0000-0002-1825-0097/print",
        "0000-0002-1825-0097, https://orcid.org/0000-0002-1825-0097",
    ],
)
def test_an_orcid_in_a_text_that_says_more_is_the_same_person(written: str) -> None:
    assert canonical_person(written) == "0000-0002-1825-0097"


def test_an_orcid_with_a_letter_of_another_alphabet_is_the_same_person() -> None:
    assert canonical_person("0000-0002-1694-233Х") == "0000-0002-1694-233X"


@pytest.mark.parametrize(
    "written",
    [
        "NV 0012-3456-7890-1234",
        "0000-0002-1825-00971",
        "A0000-0002-1825-0097",
        "0000-0002-1825-0097; 0000-0002-1694-233X",
        "0000-0002.1825-0097",
    ],
)
def test_other_ids_of_persons_stay_as_they_are(written: str) -> None:
    assert canonical_person(written) == written
