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
    # Why a work does or does not count
    "absence.counts": (
        "{work} được tính ở đây, đóng góp {value}.",
        "{work} counts here, by {value}.",
    ),
    "absence.not": ("{work} KHÔNG được tính ở đây.", "{work} does NOT count here."),
    "absence.state": ("Trạng thái hồ sơ: {state}.", "State of the submission: {state}."),
    "part.value": ("giá trị", "value"),
    "part.denominator": ("mẫu số", "denominator"),
    "reason.counts": ("được tính", "counts"),
    "reason.unknown": ("khung nhìn chưa biết", "not in the view's log yet"),
    "reason.older_version": ("khung nhìn còn ở phiên bản cũ", "the view has an older version"),
    "reason.parked": ("sự kiện bị gác lại", "an event was set aside"),
    "reason.retracted": ("đã rút hoặc bị trả lại", "taken back, refused or moved"),
    "reason.not_verified": ("chưa xác minh", "not verified yet"),
    "reason.wrong_type": ("loại công trình khác", "another type of work"),
    "reason.outvoted": ("bản kê khai mạnh hơn nói khác", "a stronger claim says otherwise"),
    "reason.condition": ("không thỏa điều kiện", "misses a condition"),
    "reason.date_missing": ("thiếu ngày", "the date is missing"),
    "reason.outside_range": ("ngoài khoảng thời gian", "outside the range"),
    "reason.unit_not_below": ("đơn vị khác kê khai", "claimed by other units"),
    "reason.not_lead": ("đơn vị khác chủ trì", "led elsewhere"),
    "reason.fact_missing": ("thiếu thông tin cần đếm", "what is counted is missing"),
    "reason.netted": ("tiền chỉ chuyển trong nội bộ", "money that only changed hands inside"),
    # Headings
    "heading.by": ("Theo hồ sơ", "Says"),
    "heading.by_definitions": ("Do định nghĩa", "By definitions"),
    "heading.by_works": ("Do công trình", "By works"),
    "heading.change": ("Thay đổi", "Change"),  # codespell:ignore thay
    "heading.closed": ("Khi chốt", "When closed"),
    "heading.closed_at": ("Chốt lúc", "Closed"),
    "heading.day": ("Ngày", "Day"),
    "heading.digest": ("Mã kiểm", "Digest"),
    "heading.edition": ("Bản chốt", "Edition"),
    "heading.found": ("Tìm thấy", "Found"),
    "heading.now": ("Hiện nay", "Now"),
    "heading.part": ("Phần", "Part"),
    "heading.period": ("Kỳ", "Period"),
    "heading.position": ("Vị trí", "Position"),
    "heading.taken_at": ("Chụp lúc", "Copied"),
    "heading.title": ("Tên", "Title"),
    "heading.view": ("Khung nhìn", "View"),
    "heading.wanted": ("Yêu cầu", "Wanted"),
    "heading.who": ("Ai, vì sao", "Who and why"),
    "heading.why": ("Vì sao", "Why"),
}
