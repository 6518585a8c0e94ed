"""Texts of notifications in Vietnamese and English, rendered from stored facts when read."""

from __future__ import annotations

from services.notifications.domain import Facts, Kind, Language, Notification

SUBJECT_CHARACTERS_MAX = 150

VI, EN = Language.VI, Language.EN

TYPES = {
    "publication": {VI: "Công bố khoa học", EN: "Publication"},
    "ip_right": {VI: "Quyền sở hữu trí tuệ", EN: "Intellectual property right"},
    "product": {VI: "Sản phẩm", EN: "Product"},
    "transfer_contract": {VI: "Hợp đồng chuyển giao", EN: "Transfer contract"},
    "receipt": {VI: "Khoản thu", EN: "Receipt"},
    "enterprise": {VI: "Doanh nghiệp", EN: "Enterprise"},
    "rd_funding": {VI: "Kinh phí nghiên cứu và phát triển", EN: "R&D funding"},
    "policy_contract": {VI: "Hợp đồng tư vấn chính sách", EN: "Policy contract"},
    "facility": {VI: "Cơ sở nghiên cứu", EN: "Facility"},
    "training": {VI: "Khóa đào tạo", EN: "Training course"},
    "agreement": {VI: "Thỏa thuận hợp tác", EN: "Agreement"},
    "joint_project": {VI: "Đề tài, dự án chung", EN: "Joint project"},
    "expert": {VI: "Chuyên gia", EN: "Expert"},
    "institute": {VI: "Viện nghiên cứu", EN: "Institute"},
    "investment": {VI: "Khoản đầu tư", EN: "Investment"},
    "scholar": {VI: "Sinh viên, học giả nước ngoài", EN: "Foreign student or scholar"},
    "programme": {VI: "Chương trình đào tạo", EN: "Programme"},
    "event": {VI: "Hội nghị, hội thảo", EN: "Event"},
    "task": {VI: "Nhiệm vụ", EN: "Task"},
    "recognition": {VI: "Khen thưởng", EN: "Recognition"},
    "impact_story": {VI: "Câu chuyện tác động", EN: "Impact story"},
    "": {VI: "Hồ sơ", EN: "Submission"},
}

SUBJECTS = {
    Kind.SUBMISSION_RETURNED: {VI: "Hồ sơ được trả lại: {work}", EN: "Returned: {work}"},
    Kind.SUBMISSION_VERIFIED: {VI: "Hồ sơ đã được xác minh: {work}", EN: "Verified: {work}"},
    Kind.SUBMISSION_REJECTED: {VI: "Hồ sơ bị từ chối: {work}", EN: "Rejected: {work}"},
    Kind.TARGET_REACHED: {
        VI: "Đạt chỉ tiêu {indicator_code} năm {year}: {unit_id}",
        EN: "Target {indicator_code} of {year} reached: {unit_id}",
    },
}

_SHOW_SUBMISSION = "kieng submission show {submission_id} --institution {institution_id}"
_SHOW_KPI = (
    "kieng kpi show --unit {unit_id} --indicator {indicator_code} --from {year}-01 --to {year}-12"
)
_SUBMISSION = {
    VI: "Đơn vị: {unit}\nMã hồ sơ: {submission_id}\nXem: " + _SHOW_SUBMISSION + "\n",
    EN: "Unit: {unit}\nSubmission: {submission_id}\nSee: " + _SHOW_SUBMISSION + "\n",
}
BODIES = {
    Kind.SUBMISSION_RETURNED: {
        VI: "{work} được trả lại để chỉnh sửa; lý do nằm trong hồ sơ.\n\n" + _SUBMISSION[VI],
        EN: "{work} was sent back to be changed; the submission says why.\n\n" + _SUBMISSION[EN],
    },
    Kind.SUBMISSION_VERIFIED: {
        VI: "{work} đã được xác minh và được tính vào chỉ số.\n\n" + _SUBMISSION[VI],
        EN: "{work} was verified and counts in the indicators.\n\n" + _SUBMISSION[EN],
    },
    Kind.SUBMISSION_REJECTED: {
        VI: "{work} bị từ chối và không được tính; lý do nằm trong hồ sơ.\n\n" + _SUBMISSION[VI],
        EN: "{work} was rejected and does not count; the submission says why.\n\n"
        + _SUBMISSION[EN],
    },
    Kind.TARGET_REACHED: {
        VI: "Chỉ số {indicator_code} của {unit_id} đã đạt chỉ tiêu năm {year}.\n\n"
        "Chỉ tiêu: {target}\nGiá trị đã xác minh: {value}\nXem: " + _SHOW_KPI + "\n",
        EN: "Indicator {indicator_code} of {unit_id} has reached its target of {year}.\n\n"
        "Target: {target}\nVerified value: {value}\nSee: " + _SHOW_KPI + "\n",
    },
}


def render(notification: Notification, language: Language) -> tuple[str, str]:
    """Return subject, one line, and body, a few lines, of a notification."""
    values = _values(notification.facts, language)
    # Only the reader's own submissions, which they may read.
    values["institution_id"] = notification.recipient.partition("/")[0]
    subject = SUBJECTS[notification.kind][language].format(**values)
    if len(subject) > SUBJECT_CHARACTERS_MAX:
        subject = subject[: SUBJECT_CHARACTERS_MAX - 1] + "…"
    return subject, BODIES[notification.kind][language].format(**values)


def _values(facts: Facts, language: Language) -> dict[str, str]:
    values = {name: _one_line(str(fact)) for name, fact in facts.items()}
    for name in ("target", "value"):
        if name in facts:
            values[name] = number(int(facts[name]), language)
    if "submission_id" in facts:
        values["work"] = _work(values, language)
        values["unit"] = values["unit_id"] or "-"
    return values


def _work(values: dict[str, str], language: Language) -> str:
    """Return type and best available name; the event of a retraction has no facts."""
    type_name = TYPES.get(values["type"], TYPES[""])[language]
    is_named_by_itself = values["work_key"].startswith("sub:")
    key = values["submission_id"] if is_named_by_itself else values["work_key"]
    return f"{type_name} “{values['title'] or key}”"


def number(value: int, language: Language) -> str:
    """Return a number with the language's thousands separator: `1.200` or `1,200`."""
    return f"{value:,}".replace(",", "." if language == VI else ",")


def _one_line(text: str) -> str:
    return " ".join(text.split())
