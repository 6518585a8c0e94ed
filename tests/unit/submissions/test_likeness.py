"""Numbers that differ in little, and equal titles, are shown to a person, and nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from kieng.submissions.v1 import facts_pb2
from services.submissions.likeness import likeness
from services.submissions.work_keys import work_key

pb = facts_pb2
F = pb.Facts
TITLE = "Nghiên cứu vật liệu xốp mới"


def project(code: str) -> pb.Facts:
    return F(joint_project=pb.JointProject(code=code))


def contract(number: str, partner: str = "p") -> pb.Facts:
    return F(transfer_contract=pb.TransferContract(number=number, partner_id=partner))


def task(decision: str, number: str) -> pb.Facts:
    return F(task=pb.Task(decision_no=decision, number=number))


def right(number: str) -> pb.Facts:
    return F(ip_right=pb.IpRight(application_no=number))


def article(title: str, **fields: Any) -> pb.Facts:
    return F(publication=pb.Publication(title=title, issued_on="2025-01-01", **fields))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *((project("KC.02/23"), project(code)) for code in ("KC-02/23", "KC 02/23", "KC.2/23")),
        *((contract("HĐ 12-2018"), contract(number)) for number in ("HĐ12/2018", "Số 12.2018")),
        (contract("HĐ 12-2018"), contract("hợp đồng: 012-2018")),
        (task("1345/QĐ", "7"), task("1345/QD", "07")),
        (right("1-2023-01234"), right("VN 1-2023-1234")),
        (article(TITLE), article(TITLE.upper() + ".")),
        (article(TITLE, doi="10.5555/a"), article(TITLE)),
    ],
)
def test_what_may_be_one_work_is_alike(one: pb.Facts, other: pb.Facts) -> None:
    assert likeness(one) == likeness(other) != ""
    assert work_key(one, "s1") != work_key(other, "s2")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (project("KC.02/23"), project("KC.02/32")),
        (project("KC.02/23"), F(programme=pb.Programme(code="KC.02/23"))),
        (contract("12"), contract("12", "q")),
        (contract("12"), contract("120")),
        (article(TITLE), F(publication=pb.Publication(title=TITLE, issued_on="2024-12-31"))),
    ],
)
def test_what_is_another_work_is_not_alike(one: pb.Facts, other: pb.Facts) -> None:
    assert likeness(one) != likeness(other)


@pytest.mark.parametrize(
    "facts", [article("Báo cáo"), project("-"), F(receipt=pb.Receipt(number="1"))]
)
def test_what_tells_nothing_is_like_nothing(facts: pb.Facts) -> None:
    assert likeness(facts) == ""
