"""Files as people make them, through `kieng import` to the numbers: one work stays one work."""
# ruff: noqa: RUF001 - letters that look like others are what this is about.

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from services.cli.client.stack import DEPLOY
from services.cli.commands.demo import SYSTEM
from services.cli.files import submission_export
from services.importing import headings, spreadsheets
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

PROOF = "ab" * 32
PARTNER = next(spreadsheets.read_records(DEPLOY / "demo" / "partners.csv"))[1]["name"]
DOIS = ("10.5555/e2e.1", *(f"10.5555/e2e.1{end}" for end in ".,;)]/\u200b"), "10.5555/E2E.1?utm=x")
ORCIDS = ("0000-0002-1825-0097", "https://orcid.org/0000-0002-1825-0097", "0000000218250097 ")
ONE_WORK: Mapping[str, tuple[str, str, Mapping[str, str], Sequence[str], str, int]] = {
    "doi": (
        *("publication", "KNW-03"),
        {"title": "Synthetic", "issued_on": "2016-01-10", "indexes": "scopus"},
        *(DOIS, "doi", 1),
    ),
    "decision": (
        *("task", "STA-05"),
        {"number": "7", "title": "Synthetic", "due_on": "2016-02-10", "done_on": "2016-02-01"},
        ("1345/QĐ-E2E", "1345/QÐ-E2E", "1345 /QĐ-E2E", "1345/QĐ–E2E"),
        *("decision_no", 1),
    ),
    "project": (
        *("joint_project", "TRI-01"),
        {
            **{"title": "Synthetic", "level": "tri_university", "institutions": "vnu|hust"},
            **{"budget_vnd": "1000000", "started_on": "2016-03-10", "part": "lead"},
        },
        ("KC.02/E2E", "KC.02/ E2E", "kc. 02/e2e", "KC.02／E2E"),
        *("code", 1),
    ),
    "contract": (
        *("transfer_contract", "COM-05"),
        {
            **{"partner": PARTNER, "kind": "licence", "value_vnd": "1.500.000"},
            "signed_on": "2016-04-10",
        },
        ("HĐ 12-E2E", "HĐ 12–E2E", "hđ 12 - e2e"),
        *("number", 1_500_000),
    ),
    "person": (
        *("expert", "PPL-01"),
        {"country": "KR", "mode": "visiting", "started_on": "2016-05-10", "days": "30"},
        *(ORCIDS, "person_id", 1),
    ),
}


def imported(stack: RunningStack, path: Path, type_name: str, institution: str) -> Any:
    """Import a file; return the counts and refused rows."""
    asked = ("import", str(path), "--type", type_name, "--institution", institution)
    return json.loads(stack.run(*asked, "--system", path.stem, "--output", "json").out)


def write(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """Write rows as CSV."""
    written = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(written[0]))
        writer.writeheader()
        writer.writerows(written)
    return path


def declared(stack: RunningStack, code: str, month: str) -> int:
    """The declared figure of the consortium in a month."""
    (cell,) = stack.kpis(["consortium"], month, month, code)["cells"]
    figure = cell["declared"]
    return int(figure["denominator"] if isinstance(figure, dict) else figure)


@pytest.mark.parametrize("case", ONE_WORK)
def test_one_work_of_two_universities_counts_once_however_it_is_written(
    stack: RunningStack, tmp_path: Path, case: str
) -> None:
    type_name, code, facts, spellings, column, figure = ONE_WORK[case]
    for institution, unit in (("vnu", "vnu/hus"), ("hust", "hust")):
        rows = [
            {
                **{"record_id": f"{number}", "unit_id": unit, "evidence_sha256": PROOF},
                **facts,
                column: spelling,
            }
            for number, spelling in enumerate(spellings)
        ]
        path = write(tmp_path / f"e2e-{case}.csv", rows)
        answer = imported(stack, path, type_name, institution)
        assert (answer["created"], answer["refused"]) == (len(spellings), 0), answer["rows"]
    month = next(text for name, text in facts.items() if name.endswith("_on"))[:7]
    wait_until(lambda: declared(stack, code, month) == figure, 30, f"{code} is {figure}")


def test_cells_that_would_come_out_wrong_are_refused_one_by_one(
    stack: RunningStack, tmp_path: Path
) -> None:
    header = "record_id,unit_id,evidence_sha256,number,contract_ref,received_on,amount_vnd"
    rows = [
        f"a1,vnu/hus,{PROOF},E1,contract:X,2016-06-10,1,500,000",
        f"a2,vnu/hus,{PROOF},E2,contract:X,0219-06-10,5",
        f"a3,vnu/hus,{PROOF},E3,contract:X,1899-12-31,5",
        f"a4,vnu/hus,{PROOF},E4,contract:X,2015-W37,5",
        f"a5,vnu/hus,{PROOF},1.2E+11,contract:X,2016-06-10,5",
        f"a6,vnu/hus,{PROOF},E6,contract:X,2016-6-5,1.234.567",
    ]
    path = tmp_path / "e2e-receipt.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    answer = imported(stack, path, "receipt", "vnu")
    assert answer["created"] == 1
    wrong = {row["row"]: row["column"] for row in answer["rows"]}
    assert wrong == {2: "", 3: "received_on", 4: "received_on", 5: "received_on", 6: "number"}


def test_an_end_before_the_beginning_is_refused_at_its_field(
    stack: RunningStack, tmp_path: Path
) -> None:
    row = {"record_id": "e1", "unit_id": "vnu/hus", "evidence_sha256": PROOF, "name": "Synthetic"}
    row |= {"tax_code": "0100233488", "kind": "spin_off"}
    row |= {"founded_on": "2016-06-10", "ended_on": "2015-06-10"}
    answer = imported(stack, write(tmp_path / "e2e-end.csv", [row]), "enterprise", "vnu")
    ((column, problem),) = [(found["column"], found["problem"]) for found in answer["rows"]]
    assert column == "ended_on"
    assert "ended_on lies before founded_on" in problem


def test_a_withdrawn_record_that_is_imported_again_counts_again(
    stack: RunningStack, tmp_path: Path
) -> None:
    row = {"record_id": "back", "unit_id": "vnu/hus", "evidence_sha256": PROOF}
    row |= {"title": "Synthetic", "issued_on": "2016-07-10", "indexes": "scopus", "action": ""}
    row |= {"reason": ""}
    path = tmp_path / "e2e-back.csv"
    outcomes = []
    for action in ("", "withdraw", ""):
        changed = {**row, "action": action, "reason": "because of a test" if action else ""}
        answer = imported(stack, write(path, [changed]), "publication", "vnu")
        outcomes.append(next(name for name, number in answer.items() if number == 1))
    assert outcomes == ["created", "withdrawn", "renewed"]
    wait_until(lambda: declared(stack, "KNW-03", "2016-07") == 1, 30, "the work counts again")


def test_a_book_is_read_as_its_people_see_it(stack: RunningStack, tmp_path: Path) -> None:
    path = tmp_path / "e2e-book.xlsx"
    header = ["Mã bản ghi", "Đơn vị", "SHA-256 minh chứng", "Tên", "Danh mục", "Ngày công bố"]
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Ghi chú").write(0, 0, "chỉ để xem")
        sheet = book.add_worksheet("Bài báo")
        sheet.write(0, 0, "DANH SÁCH BÀI BÁO")
        sheet.write_row(2, 0, header)
        for row, title in enumerate(("§Ò tµi khoa häc", "VËt liÖu míi", "Sinh häc"), start=3):
            sheet.write_row(row, 0, [f"b{row}", "vnu/hus", PROOF, title, "", "10/08/2016"])
        sheet.merge_range(3, 4, 5, 4, "scopus")
        sheet.write_row(6, 0, ["", "Tổng cộng", "", "3"])
    asked = ("import", str(path), "--type", "publication", "--institution", "vnu")
    answer = stack.run(*asked, "--system", "e2e-book", "--output", "json")
    assert answer.json["created"] == 3, answer.out
    for told in ("Ghi chú are not", "rows above the headings", "of totals", "old fonts"):
        assert told in answer.err
    wait_until(lambda: declared(stack, "KNW-03", "2016-08") == 3, 30, "three works with an index")


def test_what_may_be_the_same_and_shares_that_contradict_are_told(
    stack: RunningStack, tmp_path: Path
) -> None:
    base = {"unit_id": "vnu/hus", "evidence_sha256": PROOF, "title": "Synthetic"}
    base |= {"level": "tri_university", "institutions": "vnu|hust", "budget_vnd": "1000000"}
    base |= {"started_on": "2016-09-10"}
    codes = {"p1": "KC.09/LIKE", "p2": "KC-9/LIKE", "p3": "kc. 09/like", "p4": "KC.09/ELSE"}
    rows = [{"record_id": name, **base, "code": code} for name, code in codes.items()]
    shares = {"p1": "800000", "p2": "750000", "p3": "800000", "p4": ""}
    rows = [{**row, "share_ppm": shares[row["record_id"]]} for row in rows]
    answer = imported(stack, write(tmp_path / "e2e-like.csv", rows), "joint_project", "vnu")
    assert answer["created"] == 4
    pairs = {(pair["record_id"], pair["other_record_id"]) for pair in answer["may_be_same"]}
    assert pairs == {("p1", "p2"), ("p2", "p3")}
    assert {pair["other_work_key"] for pair in answer["may_be_same"]} == {
        "project:KC-9/LIKE",
        "project:KC.09/LIKE",
    }
    told = [(each["record_id"], each["declared_ppm"], each["silent"]) for each in answer["shares"]]
    assert told == [("p1", 1_600_000, 0), ("p3", 1_600_000, 0)]
    later = [{**rows[1], "record_id": "p5", "share_ppm": ""}]
    answer = imported(stack, write(tmp_path / "e2e-like.csv", later), "joint_project", "vnu")
    told = [(each["record_id"], each["declared_ppm"], each["silent"]) for each in answer["shares"]]
    assert told == [("p5", 750_000, 1)]
    assert len(answer["may_be_same"]) == 2


def exported(stack: RunningStack, path: Path, type_name: str, system: str) -> int:
    """Export the records of a system; return the number of rows."""
    asked = ("submission", "export", type_name, "--to", str(path), "--institution", "vnu")
    return int(stack.json(*asked, "--system", system)["rows"])


def test_what_is_exported_and_imported_again_changes_nothing(
    stack: RunningStack, tmp_path: Path
) -> None:
    kept: dict[str, int] = {}
    for number, type_name in enumerate(headings.TYPES):
        path = tmp_path / f"{type_name}{submission_export.SUFFIXES[number % 2]}"
        if rows := exported(stack, path, type_name, SYSTEM):
            asked = ("import", str(path), "--type", type_name, "--institution", "vnu")
            answer = json.loads(stack.run(*asked, "--system", SYSTEM, "--output", "json").out)
            same = ("unchanged", "still_returned", "still_rejected")
            assert (sum(answer[name] for name in same), answer["rows"]) == (rows, []), type_name
            kept[type_name] = rows
    assert len(kept) >= 15, kept


def test_a_filled_template_is_what_its_export_is(stack: RunningStack, tmp_path: Path) -> None:
    names = {name: tmp_path / f"e2e-{name}.xlsx" for name in ("demo", "empty", "filled", "again")}
    exported(stack, names["demo"], "product", SYSTEM)
    stack.json("template", "product", "--to", str(names["empty"]), "--institution", "vnu")
    header = spreadsheets.read(names["empty"]).header
    rows = [cells for _, cells in spreadsheets.read(names["demo"]).rows]
    with xlsxwriter.Workbook(names["filled"]) as book:
        sheet = book.add_worksheet()
        for at, cells in enumerate([header, *rows]):
            sheet.write_row(at, 0, cells)
    assert imported(stack, names["filled"], "product", "vnu")["created"] == len(rows) > 0
    assert exported(stack, names["again"], "product", "e2e-filled") == len(rows)
    again = spreadsheets.read(names["again"])
    # A template marks what is required.
    assert again.header == [heading.removesuffix(" *") for heading in header]
    assert {tuple(cells) for _, cells in again.rows} == {tuple(cells) for cells in rows}
    # Its products would count in what the tests that follow compare.
    meanings = [headings.slug(heading) for heading in header]
    given = [dict(zip(meanings, map(str, cells), strict=True)) for cells in rows]
    action, reason = (
        {*pair} & {*meanings} for pair in (("action", "thao_tac"), ("reason", "ly_do"))
    )
    taken = {**dict.fromkeys(action, "withdraw"), **dict.fromkeys(reason, "a trial")}
    assert len(taken) == 2, meanings
    back = [{**each, **taken} for each in given]
    path = write(names["filled"].with_suffix(".csv"), back)
    assert imported(stack, path, "product", "vnu")["withdrawn"] == len(rows)
