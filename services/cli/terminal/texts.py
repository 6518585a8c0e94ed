"""Every text that commands print in the language of their user: one table, both languages."""

from __future__ import annotations

from enum import StrEnum

from services.cli.terminal.texts_of_catalogue import CATALOGUE
from services.cli.terminal.texts_of_operators import OPERATORS
from services.cli.terminal.texts_of_readers import READERS
from services.cli.terminal.texts_of_views import VIEWS


class Lang(StrEnum):
    """Language of names, headings and messages."""

    vi = "vi"
    en = "en"


# Key -> Vietnamese, English. Both name the same values.
TEXTS: dict[str, tuple[str, str]] = {
    **OPERATORS,
    **CATALOGUE,
    **VIEWS,
    **READERS,
    # Cells of an import file
    "cell.missing.problem": ("ô này để trống", "is empty"),
    "cell.missing.remedy": ("Điền giá trị.", "Fill it in."),
    "cell.twice.problem": ("đã có ở dòng {row}", "stands in row {row} already"),
    "cell.twice.remedy": ("Mỗi bản ghi chỉ một dòng.", "Keep one row per record."),
    "cell.number.problem": ("{text!r} không phải số nguyên", "{text!r} is not a whole number"),
    "cell.number.remedy": ("Chỉ viết chữ số.", "Write digits only."),
    "cell.boolean.problem": ("{text!r} không phải có/không", "{text!r} is neither yes nor no"),
    "cell.boolean.remedy": ("Viết true hoặc false.", "Write true or false."),
    "cell.choice.problem": ("giá trị không có trong danh sách", "is not one of the choices"),
    "cell.choice.remedy": ("Chọn: {choices}.", "Choose: {choices}."),
    "cell.fraction.problem": (
        "{text!r} có phần lẻ của đồng, hoặc dấu phân cách hàng nghìn",
        "{text!r} has a fraction of a dong, or a thousands separator",
    ),
    "cell.fraction.remedy": (
        "Viết số đồng nguyên, chỉ chữ số, ví dụ 1500000.",
        "Write whole dong, digits only, e.g. 1500000.",
    ),
    "cell.amount.problem": ("{text!r} không phải số tiền", "{text!r} is not an amount"),
    "cell.amount.remedy": (
        "Viết số đồng nguyên, chỉ chữ số, ví dụ 1500000.",
        "Write whole dong, digits only, e.g. 1500000.",
    ),
    "cell.day.problem": ("{text!r} không phải ngày có thật", "{text!r} is not a date"),
    "cell.day.remedy": (
        "Viết 2025-03-31 hoặc 31/03/2025.",
        "Write 2025-03-31 or 31/03/2025.",
    ),
    # Import and review
    "import.dry": (
        "Đọc được {rows} dòng; chưa gửi gì.",
        "{rows} rows can be read; nothing was sent.",
    ),
    "import.more": ("và {more} dòng khác: dùng --report", "and {more} more: use --report"),
    "review.done": (
        "{decided} quyết định có hiệu lực, {refused} bị từ chối.",
        "{decided} decisions took effect, {refused} were refused.",
    ),
    "inbox.marked": ("Đã đánh dấu đọc {marked} thông báo.", "{marked} marked as read."),
    "issuer.made": (
        "{path}: bên cấp thử nghiệm cho {institutions}. Không dùng thật.",
        "{path}: an issuer for trials, of {institutions}. Not for real use.",
    ),
    "token.expires": ("hết hạn lúc {expires}", "expires at {expires}"),
    "topics.applied": (
        "{topics} topic, {changed} thay đổi.",  # codespell:ignore thay
        "{topics} topics, {changed} changed.",
    ),
    "topics.same": ("Đúng như bảng topic.", "As in the table of topics."),
    # Indicators
    "kpi.title": (
        "{first} đến {last}, {measure} · khung nhìn {view} · mã kiểm {digest}",
        "{first} to {last}, {measure} · view {view} · digest {digest}",
    ),
    "measure.verified": ("đã xác minh", "verified"),
    "measure.declared": ("đã kê khai", "declared"),
    "explain.exact": (
        "{works} công trình cộng lại đúng bằng {value}",
        "{works} works add up to exactly {value}",
    ),
    "explain.wrong": (
        "{works} công trình KHÔNG cộng lại bằng {value}: hãy báo lỗi này",
        "{works} works do NOT add up to {value}: report this",
    ),
    "explain.more": (
        "{works} công trình đầu tiên; giá trị là {value}; --all để xem hết",
        "first {works} works; the value is {value}; --all shows every one",
    ),
    "overlap.check": (
        "{works} công trình chung: tổng các trường {sum} - liên minh {whole} = trùng {twice}",
        "{works} shared works: sum of universities {sum} - consortium {whole} = overlap {twice}",
    ),
    "overlap.differs": (
        "{works} công trình chung: {sum} - {whole} KHÁC {twice} (có công trình do chính đơn vị"
        " này kê khai)",
        "{works} shared works: {sum} - {whole} is NOT {twice} (the unit claims works itself)",
    ),
    # up and demo
    "up.starting": ("khởi động {name}", "starting {name}"),
    "up.directory": (
        "danh mục đơn vị: bản {version}, {units} đơn vị",
        "directory: version {version}, {units} units",
    ),
    "up.catalogue": (
        "bộ chỉ số: bản {version}, {indicators} chỉ số",
        "catalogue: version {version}, {indicators} indicators",
    ),
    "up.republish": (
        "nhật ký sự kiện mới (thế hệ {generation}): phát lại từ cơ sở dữ liệu hồ sơ",
        "the event log is new (generation {generation}): publishing it from the submissions",
    ),
    "up.died": ("{name} ĐÃ CHẾT, mã {code}. Nhật ký:", "{name} DIED with code {code}. Its log:"),
    "up.restarting": ("khởi động lại {name} sau {seconds} s", "restarting {name} in {seconds} s"),
    "up.restarted": ("{name} đã chạy lại, tiến trình {pid}", "{name} runs again, process {pid}"),
    "up.gave_up": (
        "{name} chết quá nhiều lần; xem {log}",
        "{name} dies again and again; look into {log}",
    ),
    "up.broker_died": (
        "broker đã chết, và nhật ký của broker nhúng mất theo; chạy lại `kieng up`, nó tự phát"
        " lại mọi sự kiện từ cơ sở dữ liệu hồ sơ",
        "the broker died, and an embedded broker's log with it; run `kieng up` again, it"
        " publishes everything anew from the submissions databases",
    ),
    "up.database_died": (
        "cơ sở dữ liệu đã chết; chạy lại `kieng up`, dữ liệu đã ghi vẫn còn",
        "the database died; run `kieng up` again, what was written is there",
    ),
    "up.database_broken": (
        "cơ sở dữ liệu HỎNG bên trong, sẽ được khởi động lại: {reason}",
        "the database is BROKEN inside and will be started again: {reason}",
    ),
    "up.no_room": (
        "đĩa của {folder} đầy: chờ đến khi trống {room} MiB",
        "the disk of {folder} is full: waiting until {room} MiB are free",
    ),
    "up.database_gave_up": (
        "cơ sở dữ liệu hỏng và không tự hồi phục; xem logs/database.log, rồi chạy lại `kieng up`",
        "the database is broken and does not come back; look into logs/database.log, then run"
        " `kieng up` again",
    ),
    "up.not_saved": (
        "không ghi được địa chỉ và số tiến trình: {reason}",
        "addresses and process ids cannot be written: {reason}",
    ),
    "up.stopping": ("đang dừng; Ctrl-C lần nữa để dừng ngay", "stopping; Ctrl-C again kills"),
    "up.stopped": ("đã dừng", "stopped"),
    "up.next": ("Thử tiếp, trong cửa sổ khác:", "Try next, in another window:"),
    "demo.targets": ("{targets} chỉ tiêu năm", "{targets} yearly targets"),
    "demo.institution": (
        "{institution}: nhập và duyệt xong sau {seconds} s",
        "{institution}: imported and reviewed in {seconds} s",
    ),
    "demo.waiting": ("chờ khung nhìn đọc hết nhật ký", "waiting until the view has read the log"),
    "demo.overlap": (
        "\n{code} {name}: {works} công trình do nhiều trường cùng kê khai",
        "\n{code} {name}: {works} works that several universities claim",
    ),
    "demo.written": ("đã ghi {path}", "wrote {path}"),
    "demo.times": (
        "nhập {imported} s, khung nhìn theo kịp sau {caught_up} s, tổng cộng {total} s",
        "import {imported} s, view caught up {caught_up} s later, {total} s in all",
    ),
    "doctor.ok": ("tốt", "ok"),
    "doctor.wrong": ("sai", "wrong"),
    "doctor.down": ("không chạy", "down"),
    "parked.open": ("chờ sửa", "open"),
    "parked.mended": ("đã sửa", "mended"),
    # States
    "state.unspecified": ("không rõ", "unknown"),
    "state.draft": ("nháp", "draft"),
    "state.submitted": ("đã nộp", "submitted"),
    "state.unit_approved": ("đơn vị đã duyệt", "approved by the unit"),
    "state.verified": ("đã xác minh", "verified"),
    "state.returned": ("trả lại", "returned"),
    "state.rejected": ("từ chối", "rejected"),
    "state.withdrawn": ("đã rút", "withdrawn"),
    # Headings
    "heading.about": ("Về", "About"),
    "heading.aliases": ("Tên khác", "Aliases"),
    "heading.amended": ("Sửa", "Amended"),
    "heading.check": ("Kiểm tra", "Check"),
    "heading.claims": ("Kê khai", "Claims"),
    "heading.column": ("Cột", "Column"),
    "heading.contribution": ("Đóng góp", "Contribution"),
    "heading.country": ("Quốc gia", "Country"),
    "heading.created": ("Mới", "Created"),
    "heading.created_at": ("Lúc", "Made"),
    "heading.detail": ("Chi tiết", "Detail"),
    "heading.evidence": ("Minh chứng", "Evidence"),
    "heading.field": ("Trường", "Field"),
    "heading.grpc": ("Địa chỉ", "Address"),
    "heading.house": ("Nhà", "House"),
    "heading.http": ("HTTP", "HTTP"),
    "heading.indicator": ("Chỉ số", "Indicator"),
    "heading.log": ("Nhật ký", "Log"),
    "heading.month": ("Tháng", "Month"),
    "heading.name": ("Tên", "Name"),
    "heading.notification_id": ("Mã", "Id"),
    "heading.partner_id": ("Mã", "Id"),
    "heading.institution": ("Trường", "Institution"),
    "heading.place": ("Vị trí", "Place"),
    "heading.pid": ("Tiến trình", "Process id"),
    "heading.problem": ("Sai gì", "What is wrong"),
    "heading.process": ("Thành phần", "Part"),
    "heading.read_at": ("Đã đọc", "Read"),
    "heading.record": ("Bản ghi", "Record"),
    "heading.refused": ("Bị từ chối", "Refused"),
    "heading.remedy": ("Cách sửa", "Remedy"),
    "heading.row": ("Dòng", "Row"),
    "heading.state": ("Trạng thái", "State"),
    "heading.subject": ("Nội dung", "Subject"),
    "heading.submission_id": ("Mã hồ sơ", "Submission"),
    "heading.target": ("Chỉ tiêu", "Target"),
    "heading.tax_code": ("Mã số thuế", "Tax code"),
    "heading.type": ("Loại", "Type"),
    "heading.unchanged": ("Không đổi", "Unchanged"),
    "heading.unit": ("Đơn vị", "Unit"),
    "heading.unit_id": ("Đơn vị", "Unit"),
    "heading.units": ("Đơn vị", "Units"),
    "heading.value": ("Giá trị", "Value"),
    "heading.version": ("Phiên bản", "Version"),
    "heading.withdrawn": ("Rút", "Withdrawn"),
    "heading.work_key": ("Công trình", "Work"),
    "heading.year": ("Năm", "Year"),
}


def text(lang: Lang, key: str, **values: object) -> str:
    """Return a text in a language with its values filled in."""
    vietnamese, english = TEXTS[key]
    return (vietnamese if lang is Lang.vi else english).format(**values)
