"""Headings of import files: which column each means, and what is said of others."""

from __future__ import annotations

import re

import pytest

from services.importing import headings
from services.importing.column_aliases import ALIASES
from services.refusals import in_language


def test_headings_of_people_are_understood() -> None:
    found = headings.read_header("receipt", ["Mã bản ghi", "ĐƠN VỊ", "so tien", "Ngày nhận", ""])
    assert found == ["record_id", "unit_id", "amount_vnd", "received_on", ""]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (["record_id", "unit_id", "amonut_vnd"], "did you mean 'amount_vnd'"),
        (["record_id", "unit_id", "record id"], "there twice"),
        (["unit_id"], "record_id is missing"),
    ],
)
def test_a_header_that_is_wrong_says_what_to_do(header: list[str], words: str) -> None:
    with pytest.raises(headings.HeaderWrong, match=words):
        headings.read_header("receipt", header)


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "Số tiền (triệu đồng)",
            "Số tiền (tr.đ)",
            "SỐ TIỀN\n(NGHÌN ĐỒNG)",
            "So tien (trieu dong)",
        ),
        *("Số tiền (1.000đ)", "Số tiền (1000 đồng)", "Số tiền (tỷ VND)", "Số tiền (ty dong)"),
        *(
            "amount_vnd (million)",
            "amount_vnd (tr.)",
            "amount_vnd (USD)",
            "amount_vnd ($)",
            "amount_vnd (10^6)",
        ),
    ],
)
def test_amounts_that_are_not_in_dong_are_refused(heading: str) -> None:
    with pytest.raises(headings.HeaderWrong, match="not in dong; write whole dong") as wrong:
        headings.read_header("receipt", ["record_id", "unit_id", heading])
    assert in_language(str(wrong.value), "vi").startswith(f"{heading!r} cho thấy số tiền không")


@pytest.mark.parametrize(
    "heading",
    ["Số tiền (đồng)", "Số tiền (VNĐ)", "Số tiền (công ty trả)", "Số tiền (theo tỷ lệ) *"],
)
def test_amounts_with_another_remark_are_in_dong(heading: str) -> None:
    assert headings.read_header("receipt", ["record_id", "unit_id", heading])[2] == "amount_vnd"


@pytest.mark.parametrize("type_name", headings.TYPES)
def test_every_heading_means_one_column_of_a_type(type_name: str) -> None:
    known = headings.columns(type_name)
    assert len(known) == len(set(known))
    meanings: dict[str, str] = {}
    for name in known:
        for alias in (name, *ALIASES.get(name, ())):
            assert meanings.setdefault(headings.slug(alias), name) == name


def test_aliases_name_columns_that_exist() -> None:
    assert set(ALIASES) <= {
        name for type_name in headings.TYPES for name in headings.columns(type_name)
    }


def test_the_server_fills_in_partner_ids() -> None:
    assert "partner_id" not in headings.columns("training")
    assert "partner" in headings.columns("training")


@pytest.mark.parametrize(
    ("type_name", "heading", "said"),
    [
        ("publication", "Tên tác phẩm", "; did you mean 'Tên'?"),
        ("publication", "Ngày cong bố", None),
        ("publication", "Mã DOl", "; did you mean 'Mã DOI'?"),
        ("publication", "titel", "; did you mean 'title'?"),
        ("receipt", "Mã DOI", "; it is one of publication: is that the type?"),
        ("receipt", "Ghi chú nội bộ", "; there are also Thao tác, Lý do, "),
        ("receipt", "our key", "; there are also action, reason, "),
    ],
)
def test_an_unknown_heading_is_answered_with_headings(
    type_name: str, heading: str, said: str | None
) -> None:
    header = ["record_id", "unit_id", heading]
    if said is None:
        assert headings.read_header(type_name, header)[2] == "issued_on"
        return
    with pytest.raises(headings.HeaderWrong) as wrong:
        headings.read_header(type_name, header)
    told = str(wrong.value)
    assert told.startswith(f"unknown column {heading!r} for {type_name}{said}")
    assert in_language(told, "vi").startswith(f"không có cột {heading!r} trong loại {type_name}; ")
    assert not re.search(r"did you mean|is that|there are", in_language(told, "vi"))
