"""Texts of the commands for operators; `texts.TEXTS` holds them with all others."""

from __future__ import annotations

# Key -> Vietnamese, English. Both name the same values.
OPERATORS: dict[str, tuple[str, str]] = {
    "backup.made": ("{folder}; mã kiểm {digest}", "{folder}; digest {digest}"),
    "backup.well": (
        "{name}: {documents} bản ghi nguyên vẹn",
        "{name}: {documents} documents, all as they were written",
    ),
    "backup.restored": (
        "{name} đã khôi phục; mã kiểm {digest}, đúng như bản sao lưu ghi",
        "{name} is restored; digest {digest}, as the backup recorded",
    ),
    "backup.differs": (
        "{name} đã nạp nhưng mã kiểm là {digest}, bản sao lưu ghi {recorded}: hãy báo lỗi này",
        "{name} is loaded but its digest is {digest}, recorded was {recorded}: report this",
    ),
    "backup.loaded": (
        "{name} đã nạp vào cơ sở dữ liệu; hãy khởi động các dịch vụ rồi chạy lại lệnh này",
        "{name} is loaded into the databases; start the services and run this command again",
    ),
    "backup.joined": (
        "{name} đã khôi phục và phát lại cùng các trường khác; mã kiểm nay là {digest}",
        "{name} is restored and published with the others; the digest is {digest} now",
    ),
    "backup.unnumbered": (
        "{name} đã khôi phục; bản sao lưu chưa có bộ chỉ số nào",
        "{name} is restored; it holds no catalogue, so there is nothing to count",
    ),
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
    "heading.bytes": ("Dung lượng", "Bytes"),
    "heading.collection": ("Bộ sưu tập", "Collection"),
    "heading.documents": ("Bản ghi", "Documents"),
    "heading.institutions": ("Trường", "Institutions"),
    "heading.service": ("Dịch vụ", "Service"),
    "heading.source": ("Nguồn", "From"),
    "heading.variable": ("Biến", "Variable"),
}
