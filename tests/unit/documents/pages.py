"""A report as documents show it, with letters that need care."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

from services.documents.page import Bar, Page, Row, Section

NEWEST = datetime(2025, 8, 1, 2, 0, tzinfo=UTC)


def page(rows: int = 1) -> Page:
    """A report with a section of ``rows`` targets, the first one behind."""
    bar = Bar(Fraction(1, 2), Fraction(7, 12), "behind")
    line = ["KNW-01", "Sáng chế <được cấp> & giải pháp hữu ích", "62", "", "▼ chậm, thiếu 8"]
    columns = [("Chỉ số", False), ("Tên", False), ("Giá trị", True), ("Mức đạt", False)]
    targets = Section(
        "Chỉ tiêu, chậm nhất trước",
        [*columns, ("Tiến độ", False)],
        [Row(line, bar), *(Row(["X-01", "Ế ộ ữ", "1", "", "–"]) for _ in range(rows - 1))],  # noqa: RUF001
        (0, 1, 2),
        3,
        "Vạch trên thanh: mức cần có.",
    )
    frame = ["Khung nhìn g1-c1-f3, mã kiểm 0546d3a9"]
    return Page("Đại học Quốc gia Hà Nội", "11 chỉ tiêu", [targets], frame, NEWEST)
