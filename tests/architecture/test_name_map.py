"""The name map is whole and has no stale row; and the check notices where it is not."""

from __future__ import annotations

from pathlib import Path

from tests.architecture.name_map import mistakes, rows

ROOT = Path(__file__).resolve().parents[2]


def made(root: Path, *names: str, source: str = "") -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return root


def test_every_module_is_tested_where_the_map_says() -> None:
    found = mistakes(ROOT, rows())
    assert not found, "\n".join(["", *found])


def test_a_new_module_needs_a_test_of_its_name_an_import_or_a_row(tmp_path: Path) -> None:
    made(tmp_path, "services/kpi/store/rows.py", "tests/e2e/test_rows.py")
    assert mistakes(tmp_path, {}) == [
        "kpi/store/rows: write test_rows.py, or a row in name_map.toml"
    ]
    assert mistakes(tmp_path, {"kpi/store": ["e2e/test_rows.py"]}) == []
    made(tmp_path, "tests/e2e/test_all.py", source="from services.kpi.store import rows\n")
    assert mistakes(tmp_path, {}) == []


def test_a_module_of_a_domain_needs_a_test_of_its_name(tmp_path: Path) -> None:
    made(tmp_path, "services/kpi/domain/fold.py")
    made(tmp_path, "tests/e2e/test_all.py", source="import services.kpi.domain.fold\n")
    assert mistakes(tmp_path, {}) == ["kpi/domain/fold: a rule needs a test module of its name"]
    made(tmp_path, "tests/unit/kpi/domain/test_fold.py")
    assert mistakes(tmp_path, {}) == []


def test_a_row_that_nothing_needs_or_that_leads_nowhere_is_stale(tmp_path: Path) -> None:
    made(tmp_path, "services/kpi/log/file.py", "tests/unit/kpi/log/test_file.py")
    assert mistakes(tmp_path, {"kpi/log": ["e2e"]}) == [
        "kpi/log: no module needs this row",
        "kpi/log: there is no tests/e2e",
    ]
