"""Texts of the commands for those who read numbers; `texts.TEXTS` holds them with all others."""

from __future__ import annotations

# Key -> Vietnamese, English. Both name the same values.
READERS: dict[str, tuple[str, str]] = {
    # How a target stands on a day
    "pace.reached": ("đã đạt", "reached"),
    "pace.on_pace": ("đúng tiến độ, dự báo {forecast}", "on pace, forecast {forecast}"),
    "pace.behind": ("chậm tiến độ, dự báo {forecast}", "behind, forecast {forecast}"),
    # The past
    "past.replaying": (
        "ngày {day} không được lưu; tính lại từ nhật ký",
        "{day} is not kept; recomputing it from the log",
    ),
    "past.records": ("bản ghi", "records"),
    # Editions
    "edition.title": (
        "{title}: {first} đến {last}, đã xác minh · mã kiểm {digest}",
        "{title}: {first} to {last}, verified · digest {digest}",
    ),
    "edition.holds": (
        "chữ ký đúng: {edition} là bản đã ký, mã kiểm khung nhìn {digest}",
        "the signature holds: {edition} is as it was signed, view digest {digest}",
    ),
    "edition.wrong": (
        "CHỮ KÝ SAI: nội dung của {edition} không phải bản mà khóa này đã ký",
        "THE SIGNATURE IS WRONG: the content of {edition} is not what this key has signed",
    ),
    "restated.exact": (
        "{works} công trình giải thích trọn vẹn chênh lệch của {cells} ô.",
        "{works} works explain the whole difference of {cells} cells.",
    ),
    "restated.wrong": (
        "SAI: {works} công trình không giải thích hết chênh lệch của {cells} ô.",
        "WRONG: {works} works do not explain the whole difference of {cells} cells.",
    ),
    "restated.who": (
        "{cause}: {unit}, hồ sơ {submission} {before} → {now}, người nộp {subject}",
        "{cause}: {unit}, submission {submission} {before} → {now}, by {subject}",
    ),
    "cause.late": ("nộp sau khi chốt", "late"),
    "cause.newly_verified": ("mới xác minh", "newly verified"),
    "cause.amended": ("đã sửa", "amended"),
    "cause.withdrawn": ("đã rút", "withdrawn"),
    "cause.rejected": ("bị từ chối", "rejected"),
    "matrix.check": (
        "{whole} = tổng {sum} - {twice} đếm trùng + {own} của riêng đơn vị.",
        "{whole} = sum {sum} - {twice} counted twice + {own} of the unit itself.",
    ),
    # Headings
    "heading.by_definitions": ("Do định nghĩa", "By definitions"),
    "heading.by_works": ("Do công trình", "By works"),
    "heading.change": ("Thay đổi", "Change"),  # codespell:ignore thay
    "heading.closed": ("Khi chốt", "When closed"),
    "heading.closed_at": ("Chốt lúc", "Closed"),
    "heading.day": ("Ngày", "Day"),
    "heading.digest": ("Mã kiểm", "Digest"),
    "heading.edition": ("Bản chốt", "Edition"),
    "heading.now": ("Hiện nay", "Now"),
    "heading.period": ("Kỳ", "Period"),
    "heading.position": ("Vị trí", "Position"),
    "heading.taken_at": ("Chụp lúc", "Copied"),
    "heading.title": ("Tên", "Title"),
    "heading.view": ("Khung nhìn", "View"),
    "heading.who": ("Ai, vì sao", "Who and why"),
}
