"""A plot as documents show it, with letters that need care."""

from __future__ import annotations

from fractions import Fraction

from services.cli.terminal.plots import Panel, Plot

UNIT = "Đại học Quốc gia <Hà Nội> & các trường"


def plot(panels: int = 1) -> Plot:
    """Twelve months: seven of them are over, and the target is twice what was reached."""
    values = [Fraction(10 * (month + 1)) if month < 7 else None for month in range(12)]
    expected = [Fraction(140 * (month + 1), 12) for month in range(12)]
    panel = Panel(UNIT, "70 / 140 · chậm tiến độ", values, expected, Fraction(140))
    months = [f"{month:02d}" for month in range(1, 13)]
    names = ("đã xác minh", "mức cần có", "chỉ tiêu năm")
    frame = ["Bảng số liệu g1-c1-f3", "Số liệu mới nhất: 1 tháng 8"]
    return Plot("KNW-01 Sáng chế", [panel] * panels, months, names, frame, lambda at: str(at))
