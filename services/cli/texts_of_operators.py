"""Texts of the commands for operators; `texts.TEXTS` holds them with all others."""

from __future__ import annotations

# Key -> Vietnamese, English. Both name the same values.
OPERATORS: dict[str, tuple[str, str]] = {
    "config.ok": ("cấu hình đúng", "the settings are right"),
    "config.environment": ("biến môi trường", "environment"),
    "config.file": ("tệp cấu hình", "configuration file"),
    "config.secret": ("tệp bí mật", "file of its own"),
    "config.default": ("mặc định", "default"),
    "config.missing": ("THIẾU", "MISSING"),
    "db.same": ("các cơ sở dữ liệu đúng như khai báo", "the databases are as declared"),
    "db.applied": (
        "{databases} cơ sở dữ liệu đúng như khai báo, đã chạy {migrations} bước chuyển đổi",
        "{databases} databases are as declared, {migrations} migrations were run",
    ),
    "heading.service": ("Dịch vụ", "Service"),
    "heading.source": ("Nguồn", "From"),
    "heading.variable": ("Biến", "Variable"),
}
