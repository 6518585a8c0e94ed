"""Texts of the commands about indicators; `texts.TEXTS` holds them with all others."""

from __future__ import annotations

# Key -> Vietnamese, English. Both name the same values.
CATALOGUE: dict[str, tuple[str, str]] = {
    "check.good": (
        "{indicators} chỉ số đúng quy cách, {examples} ví dụ cho đúng kết quả",
        "{indicators} indicators are well defined, {examples} examples come out right",
    ),
    "heading.formula": ("Cách tính", "Formula"),
    "heading.term": ("Phân loại", "Term"),
    "heading.unit_of_value": ("Đơn vị tính", "Unit"),
    "house.state": ("Nhà nước", "State"),
    "house.university": ("Nhà trường", "School"),
    "house.enterprise": ("Nhà doanh nghiệp", "Enterprise"),
    "house.consortium": ("Liên đại học", "Three universities"),
    "house.all": ("Chung", "All"),
    "cut.unclassified": ("chưa phân loại", "unclassified"),
    "cut.several": ("thuộc nhiều loại", "stand under several"),
    "cut.whole": ("tổng số", "whole value"),
}
