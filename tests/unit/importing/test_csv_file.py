"""CSV files of people: encodings and separators."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from services.importing import csv_file
from services.importing.errors import Unreadable

TEXT = "record_id;title\nr1;Đề tài giả\n"
ROWS = [["record_id", "title"], ["r1", "Đề tài giả"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encodings_of_spreadsheet_programs_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TEXT, encoding=encoding)
    assert list(csv_file.rows(path)) == ROWS


def test_vietnamese_windows_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    # Windows-1258 writes tone marks as letters of their own.
    path.write_bytes("id;title\nr1;Đê\u0300 tài\n".encode("cp1258", errors="ignore"))
    _, cells = csv_file.rows(path)
    assert unicodedata.normalize("NFC", cells[1]).startswith("Đề")


def test_bytes_of_no_known_encoding_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,title\nr1,\xd2\xfe\xd0\x90\x81\n")
    with pytest.raises(Unreadable, match="save as UTF-8"):
        list(csv_file.rows(path))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_are_found_by_the_first_lines(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'Danh sách\na{separator}b\n"1\n2"{separator}3\n')
    assert list(csv_file.rows(path)) == [["Danh sách"], ["a", "b"], ["1\n2", "3"]]


@pytest.mark.parametrize(
    "text",
    [
        "record_id;title\nr1;a, b, c, d\nr2;e, f, g\n",
        "record_id;title\n" + "".join(f"r{n};{'a, ' * n}\n" for n in range(9)),
        'Bảng 1, năm 2025, quý 2\nrecord_id;title\nr1;"a; b, c"\nr2;d, e\n',
    ],
)
def test_texts_full_of_commas_do_not_decide(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert {len(row) for row in csv_file.rows(path)} <= {1, 2}


def test_a_list_of_many_authors_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    authors = "; ".join(f"Author, N. {n}" for n in range(20_000))
    path.write_text(f'Authors,EID,Year\n"{authors}",2-1,2025\n"A; B; C; D; E",2-2,2025\n')
    assert [len(row) for row in csv_file.rows(path)] == [3, 3, 3]


def test_a_broken_quotation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"x"y,2\n')
    with pytest.raises(Unreadable, match="not a CSV file"):
        list(csv_file.rows(path))


def test_a_file_that_is_saved_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    rows = csv_file.rows(path)
    assert list(rows) == list(rows) == [["a", "b"], ["1", "2"]]
    path.write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(Unreadable, match="was changed while it was read"):
        list(rows)
