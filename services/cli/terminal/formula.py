"""Describes what an indicator counts in words, generated from its definition."""

from __future__ import annotations

from kieng.kpi.v1 import catalogue_pb2
from services.cli.terminal.texts import Lang

_RULES = catalogue_pb2
NEVER = "never"

# Type -> what its works are called, in the plural.
WORKS = {
    "publication": ("công bố khoa học", "publications"),
    "ip_right": ("quyền sở hữu trí tuệ", "intellectual property rights"),
    "product": ("sản phẩm", "products"),
    "transfer_contract": ("hợp đồng chuyển giao", "transfer contracts"),
    "receipt": ("khoản thu", "receipts"),
    "enterprise": ("doanh nghiệp", "enterprises"),
    "rd_funding": ("khoản kinh phí nghiên cứu và phát triển", "R&D funding lines"),
    "policy_contract": ("hợp đồng tư vấn chính sách", "policy contracts"),
    "facility": ("cơ sở nghiên cứu", "facilities"),
    "training": ("khóa đào tạo", "training courses"),
    "agreement": ("thỏa thuận hợp tác", "agreements"),
    "joint_project": ("đề tài, dự án", "projects"),
    "expert": ("lượt chuyên gia", "stays of experts"),
    "institute": ("viện nghiên cứu", "institutes"),
    "investment": ("khoản đầu tư", "investments"),
    "scholar": ("sinh viên, học giả nước ngoài", "foreign students and scholars"),
    "programme": ("chương trình đào tạo", "programmes"),
    "event": ("hội nghị, hội thảo", "events"),
    "task": ("nhiệm vụ", "tasks"),
    "recognition": ("quyết định khen thưởng", "honours"),
    "impact_story": ("câu chuyện tác động", "impact stories"),
    "any": ("hồ sơ kê khai", "submissions of every type"),
}
_MEASURED = {
    _RULES.COUNTING_RULE_WHOLE: (
        "số {works}, mỗi kết quả tính một lần ở từng cấp",
        "number of {works}, each once at every level",
    ),
    _RULES.COUNTING_RULE_LEAD: (
        "số {works}, tính cho đơn vị chủ trì",
        "number of {works}, at the unit that leads",
    ),
    _RULES.COUNTING_RULE_FRACTION: (
        "số {works}, chia theo tỷ lệ đóng góp",
        "number of {works}, split among those that claim them",
    ),
    _RULES.COUNTING_RULE_MONEY_RECEIVED: (
        "tổng `{amount}` của {works}, trừ tiền các đơn vị trả cho nhau",
        "sum of `{amount}` of {works}, less what units pay each other",
    ),
    _RULES.COUNTING_RULE_MONEY_SIGNED: (
        "tổng `{amount}` của {works}, chia theo tỷ lệ đóng góp",
        "sum of `{amount}` of {works}, split among those that claim them",
    ),
    _RULES.COUNTING_RULE_DISTINCT: (
        "số `{member}` khác nhau của {works}",
        "number of different `{member}` of {works}",
    ),
    _RULES.COUNTING_RULE_CLAIMS: ("số {works}", "number of {works}"),
}
_QUANTITY = (
    "tổng `{amount}`{times}{per} của {works}, chia theo tỷ lệ đóng góp",
    "sum of `{amount}`{times}{per} of {works}, split among those that claim them",
)


def words(indicator: catalogue_pb2.Indicator, lang: Lang) -> str:
    """Return what an indicator counts, in one sentence."""
    if indicator.attainment_of:
        text = ("giá trị của {code} chia cho chỉ tiêu năm", "{code} divided by its yearly target")
        return _in(text, lang).format(code=indicator.attainment_of)
    value = _component(indicator.value, lang)
    if not indicator.HasField("denominator"):
        return value
    return f"{value}; {_in(('chia cho', 'divided by'), lang)} " + _component(
        indicator.denominator, lang
    )


def _in(pair: tuple[str, str], lang: Lang) -> str:
    return pair[0] if lang is Lang.vi else pair[1]


def _component(component: catalogue_pb2.Component, lang: Lang) -> str:
    is_quantity = component.rule == _RULES.COUNTING_RULE_FRACTION and component.amount
    pattern = _QUANTITY if is_quantity else _MEASURED[component.rule]
    text = _in(pattern, lang).format(
        works=_in(WORKS[component.type], lang),
        amount=component.amount,
        member=component.member,
        times=f" × `{component.times}`" if component.times else "",  # noqa: RUF001
        per=f" / {component.per}" if component.per else "",
    )
    tests = _in((" và ", " and "), lang).join(_condition(test, lang) for test in component.where)
    where = f"{_in((', có ', ', where '), lang)}{tests}" if tests else ""
    return f"{text}{where}{_when(component, lang)}"


def _when(component: catalogue_pb2.Component, lang: Lang) -> str:
    begin = f"`{component.date}`"
    if component.not_before:
        begin += _in((" và ", " and "), lang) + f"`{component.not_before}`"
    if not component.until:
        return _in((", theo tháng của ", ", in the month of "), lang) + begin
    end = "" if component.until == NEVER else f"`{component.until}`"
    until = _in((" đến ", " until "), lang) + end if end else ""
    at_end = (", lũy kế đến cuối kỳ: từ {begin}", ", as of the end of the period: from {begin}")
    return _in(at_end, lang).format(begin=begin) + until


def _condition(condition: catalogue_pb2.Condition, lang: Lang) -> str:
    field, test = f"`{condition.field}`", condition.WhichOneof("test")
    if test in ("any_of", "none_of"):
        listed = _in((" hoặc ", " or "), lang).join(getattr(condition, test).values)
        is_one = (" là ", " is ") if test == "any_of" else (" không phải là ", " is not ")
        return f"{field}{_in(is_one, lang)}{listed}"
    if test == "at_least":
        return f"{field} {_in(('từ', 'is at least'), lang)} {condition.at_least}"
    if test == "within":
        within = condition.within
        late = (
            (f"{within.days} ngày sau ", f"{within.days} days after ") if within.days else ("", "")
        )
        text = ("{field} chậm nhất {late}`{after}`", "{field} is {late}`{after}` at the latest")
        return _in(text, lang).format(field=field, late=_in(late, lang), after=within.after)
    if test == "minimum":
        limits = ", ".join(f"{kind}: {n}" for kind, n in sorted(condition.minimum.of_type.items()))
        otherwise = f"{_in(('còn lại', 'others'), lang)}: {condition.minimum.otherwise}"
        return f"{_in(('đủ', 'enough'), lang)} {field} ({limits}, {otherwise})"
    is_set = (" được ghi", " is set") if condition.present else (" để trống", " is not set")
    return f"{field}{_in(is_set, lang)}"
