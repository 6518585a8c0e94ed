"""Kinds of fault in files, by inputs that came out wrong once: read right now, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from services.importing.submission_file import Reading, read
from services.importing.submission_rows import Parsed

HEADER = ("record_id", "unit_id", "title", "issued_on", "indexes")
GOOD = ("r1", "vnu/hus", "T", "2015-01-10", "scopus")
Build = Callable[[Any, Any], None]


def csv_of(tmp_path: Path, text: str, type_name: str = "publication") -> Parsed:
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    return read(path, Reading(type_name, "s"))


def titled(tmp_path: Path, title: str) -> Parsed:
    return csv_of(tmp_path, f'record_id,unit_id,title\nr1,vnu/hus,"{title}"\n')


def book_of(tmp_path: Path, build: Build, header: Sequence[str] = HEADER) -> Parsed:
    path = tmp_path / "file.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, header)
        sheet.write_row(1, 0, GOOD)
        build(book, sheet)
    return read(path, Reading("publication", "s"))


def problems(parsed: Parsed) -> list[tuple[int, str, str]]:
    return [(each.row, each.column, each.problem) for each in parsed.wrong]


@pytest.mark.parametrize(
    ("title", "problem"),
    [
        *((text, "cell.error") for text in ("#N/A", "#REF!", "#VALUE!", "######", "#DIV/0!")),
        *((text, "cell.turned_date") for text in ("Mar-18", "18-Mar", "Thg3-18", "3-Thg 12")),
        *((text, "cell.formula") for text in ('=""0012""',)),
        *((text, "cell.turned_number") for text in ("1.2E+11", "1,2e+11", "3E+05")),
        *((text, "cell.letters_lost") for text in ("h?c", "Ð? tài", "\ufffd tài", "&#272;")),
        *((text, "cell.entity") for text in ("R&amp;D", "a&nbsp;b", "Nghi&ecirc;n")),
        *((text, "cell.viqr") for text in ("Nghie^n cu+'u khoa ho.c", "DDe^` ta`i nghie^n cu+'u")),
        *((text, "cell.letters_wrong") for text in ("NghiÃªn cá»©u", "naÃ¯ve", "váº\xadt liá»‡u")),
    ],
)
def test_a_text_that_a_program_spoilt_is_refused(tmp_path: Path, title: str, problem: str) -> None:
    assert problems(titled(tmp_path, title)) == [(2, "title", problem)]


@pytest.mark.parametrize(
    "title",
    [
        *("Đề tài nghiên cứu", "naïve café", "Why? Because", "#1 in Asia", "A & B", "Mar-a-Lago"),
        *("C++ and D++", "On x^n and e^x", "a^n + b^n = c^n", "Vitamin B+ u+v", "AT&T; a story"),
        *("https://a.test/x?a=b", "1E5", "á»", "Ã", "KC-02", "TÂM LÝ HỌC", "Übermensch: ¿Qué?"),
    ],
)
def test_a_text_that_only_looks_like_it_is_read(tmp_path: Path, title: str) -> None:
    (request,) = titled(tmp_path, title).requests
    assert request.content.facts.publication.title == title


def test_a_comma_in_the_last_column_does_not_cut_a_title(tmp_path: Path) -> None:
    parsed = csv_of(tmp_path, "record_id,unit_id,title\nr1,vnu/hus,Vật liệu, năng lượng\n")
    assert not parsed.requests
    assert problems(parsed) == [(2, "", "cell.width")]
    (request,) = titled(tmp_path, "Vật liệu, năng lượng").requests
    assert request.content.facts.publication.title == "Vật liệu, năng lượng"


def test_one_proof_of_months_first_counts_for_the_file_but_not_against_a_proof(
    tmp_path: Path,
) -> None:
    text = "record_id,unit_id,filed_on,granted_on,ended_on\n"
    text += "a,u,03/31/2015,04/02/2016,31/12/2020\nb,u,2015-01-10,2016-01-10,04/02/2021\n"
    found = problems(csv_of(tmp_path, text, "ip_right"))
    assert (2, "granted_on", "cell.month_first") in found
    assert not [each for each in found if each[0] == 3]


def test_a_heading_may_say_that_months_are_first(tmp_path: Path) -> None:
    rows = "a,u,04/02/2016,31/12/2020\nb,u,2016-04-02,04/02/2021\n"
    for heading, wrong in (("Filed_on (MM/DD/YYYY)", [2]), ("filed_on (dd/mm/yyyy)", [])):
        text = f"record_id,unit_id,{heading},ended_on\n{rows}"
        found = problems(csv_of(tmp_path, text, "ip_right"))
        assert found == [(row, "filed_on", "cell.month_first") for row in wrong]


def test_real_dates_beside_texts_of_late_days_may_be_exchanged(tmp_path: Path) -> None:
    def build(book: Any, sheet: Any) -> None:
        form = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_datetime(1, 3, datetime(2021, 4, 2), form)
        sheet.write_row(2, 0, ("r2", "vnu/hus", "T", "31/03/2021", "scopus"))

    assert problems(book_of(tmp_path, build)) == [(2, "issued_on", "cell.mixed_dates")]


def test_real_dates_of_late_days_are_in_order(tmp_path: Path) -> None:
    def build(book: Any, sheet: Any) -> None:
        form = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_datetime(1, 3, datetime(2021, 4, 22), form)
        sheet.write_row(2, 0, ("r2", "vnu/hus", "T", "31/03/2021", "scopus"))

    dates = [each.content.facts.publication.issued_on for each in book_of(tmp_path, build).requests]
    assert dates == ["2021-04-22", "2021-03-31"]


@pytest.mark.parametrize("form", ["000", "0000-000", '"PT"0', r"\P\T0"])
def test_a_number_that_shows_other_digits_than_it_is_is_refused(tmp_path: Path, form: str) -> None:
    def build(book: Any, sheet: Any) -> None:
        sheet.write_number(1, 2, 7, book.add_format({"num_format": form}))

    assert problems(book_of(tmp_path, build)) == [(2, "title", "cell.turned_number")]


@pytest.mark.parametrize("form", ["General", "0", "#,##0", '#,##0 "đ"'])
def test_a_number_that_shows_what_it_is_is_read(tmp_path: Path, form: str) -> None:
    def build(book: Any, sheet: Any) -> None:
        sheet.write_number(1, 2, 7, book.add_format({"num_format": form}))

    (request,) = book_of(tmp_path, build).requests
    assert request.content.facts.publication.title == "7"


@pytest.mark.parametrize(
    "row",
    [
        ("Cộng:",),
        ("Tổng số: 3",),
        ("", "TỔNG CỘNG (3 bài)"),
        ("", "", "Total: 3"),
        HEADER,
        ("(1)", "(2)", "(3)", "(4)", "(5)"),
        (1, 2, 3, 4, 5),
    ],
)
def test_rows_of_sums_and_numbers_of_columns_are_told(tmp_path: Path, row: Sequence[Any]) -> None:
    parsed = book_of(tmp_path, lambda _, sheet: sheet.write_row(2, 0, row))
    assert (len(parsed.requests), list(parsed.wrong)) == (1, [])
    assert [notice.key for notice in parsed.notices] == ["import.totals_skipped"]


def test_headings_with_remarks_and_a_column_that_counts_rows_are_read(tmp_path: Path) -> None:
    header = ("Mã bản ghi*", "Đơn vị:", "Tên (bắt buộc)", "Ngày công bố", "Danh mục\n", "STT")
    parsed = book_of(tmp_path, lambda _, sheet: sheet.write(1, 5, 1), header)
    assert (len(parsed.requests), list(parsed.wrong)) == (1, [])


def _read_as(text: str, encoding: str) -> str:
    """UTF-8 that was opened in another encoding."""
    return text.encode("utf-8").decode(encoding, errors="replace")


@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "mac_roman", "cp437", "cp850", "cp1258", "cp1250"]
)
@pytest.mark.parametrize(
    "text",
    [
        "Nghiên cứu vật liệu mới",
        "Điều khiển tối ưu",
        "Công trình",
        "Tài chính và pháp luật",
        "Máy tính",
        "Báo cáo mùa mưa",
    ],
)
def test_utf_8_that_was_opened_in_another_encoding_is_refused(
    tmp_path: Path, encoding: str, text: str
) -> None:
    parsed = titled(tmp_path, _read_as(text, encoding))
    assert [each.problem.partition("_")[0] for each in parsed.wrong] == ["cell.letters"]


@pytest.mark.parametrize(
    "text",
    [
        "=C4=90=E1=BB=81 t=C3=A0i",
        "%C4%90%E1%BB%81%20t%C3%A0i",
        r"\u0110\u1ec1 t\u00e0i",
        r"\xc4\x90\xe1\xbb\x81 t\xc3\xa0i",
        "2024=E2=80=932025",
    ],
)
def test_letters_that_were_written_as_their_bytes_are_refused(tmp_path: Path, text: str) -> None:
    parsed = titled(tmp_path, text)
    assert [each.problem for each in parsed.wrong] == ["cell.letters_wrong"]


@pytest.mark.parametrize(
    "title",
    [
        "On √2, √π and ∆x·y in a box ─ and a ratio 50% = 1/2",
        "Straße, Größe; Ăn uống, ĂN NGỌT; a·b, f·g",
        "A study of x=C4 and of E=mc2, 100%CA",
        r"The rule \mathbb{R} and \unit",
        "https://example.org/%C4%90",
        "∆T° and ƒ-stop",
        "Biến thiên ∆°C theo độ cao",
        "Tuyến Hà Nội─Đà Nẵng─Ấn Độ",
        "Nhận dạng với recall=F1=85%",
        "Hợp đồng số 12/2024/HĐ-ĐHQGHN & R&D (VAT 10%)",
        "Chữ «Ă», «Đá», XÃ HỘI, vĂN HÓA, ÊĐÊ",
        "UV-Vis, TiO₂/SiO₂, λ = 450 nm, Δλ ≤ 2 nm, 5 m³, 25 ℃, Ca2+ và Mg2+",
        "São Paulo, Łódź, Dvořák, Straße, Ærø, Hanoï, Ação",
    ],
)
def test_signs_that_are_meant_are_read(tmp_path: Path, title: str) -> None:
    (request,) = titled(tmp_path, title).requests
    assert request.content.facts.publication.title == title


@pytest.mark.parametrize("other", ["R\u20131", "R\u20111", "R\u22121", "\uff32-1", "R-1\u00a0"])
def test_one_record_with_ids_that_only_look_the_same_is_there_twice(
    tmp_path: Path, other: str
) -> None:
    parsed = csv_of(tmp_path, f"record_id,unit_id,title\nR-1,vnu/hus,A\n{other},vnu/hus,B\n")
    assert problems(parsed) == [(3, "record_id", "cell.twice")]


@pytest.mark.parametrize("other", ["r-1", "R-01", "R_1", "R1", "Đ-1"])
def test_other_ids_are_other_records(tmp_path: Path, other: str) -> None:
    parsed = csv_of(tmp_path, f"record_id,unit_id,title\nR-1,vnu/hus,A\n{other},vnu/hus,B\n")
    assert not parsed.wrong
    assert len(parsed.requests) == 2


def test_values_under_no_heading_are_told(tmp_path: Path) -> None:
    text = "record_id,,unit_id,title,\nr1,lost,vnu/hus,A,\nr2,,vnu/hus,B,\n"
    parsed = csv_of(tmp_path, text)
    assert [each.key for each in parsed.notices] == ["import.columns_unnamed"]
    assert parsed.notices[0].values == {"columns": "B"}
    assert not csv_of(tmp_path, text.replace("lost", " ")).notices
