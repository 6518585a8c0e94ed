"""Made-up facts of each submission type, by the names of protos/kieng/submissions/v1/facts.proto.

Everything is text as it stands in the files. Titles, numbers and names carry "giả" (fake).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dice import Dice, days_before, issn, orcid, tax_code
from lots import Lot, Partner

Facts = dict[str, str]

# Lower-case codes of the eight key fields.
KEY_FIELDS = (
    "semiconductor",
    "ai",
    "robotics",
    "biomedicine",
    "quantum",
    "energy_materials",
    "smart_agriculture",
    "environment",
)
# The date that puts a work of the type into a month.
DATE = {
    "publication": "issued_on",
    "ip_right": "filed_on",
    "product": "identified_on",
    "transfer_contract": "signed_on",
    "receipt": "received_on",
    "enterprise": "founded_on",
    "rd_funding": "received_on",
    "policy_contract": "signed_on",
    "facility": "opened_on",
    "training": "started_on",
    "agreement": "signed_on",
    "joint_project": "started_on",
    "expert": "started_on",
    "institute": "founded_on",
    "investment": "received_on",
    "scholar": "started_on",
    "programme": "started_on",
    "event": "held_on",
    "task": "due_on",
    "recognition": "given_on",
    "impact_story": "happened_on",
}


@dataclass
class Maker:
    """Makes the facts of the next work; remembers what later works refer to."""

    partners: tuple[Partner, ...]
    contracts: list[tuple[str, str]] = field(default_factory=list)  # institution, reference
    products: list[tuple[str, str]] = field(default_factory=list)

    def partner(self, dice: Dice, *houses: str, named: bool = False) -> str:
        """Some text that names one partner; named ones only when asked, invented ones always."""
        fitting = [p for p in self.partners if p.house in houses and (named or p.synthetic)]
        return dice.pick(dice.pick(fitting).texts)

    def make(self, dice: Dice, lot: Lot, serial: int) -> Facts:
        """The facts of one work of a lot."""
        return FACTS[lot.type](self, dice, lot, serial, lot.day(dice))


def joined(items: Iterable[str]) -> str:
    return "|".join(items)


def topics(dice: Dice) -> str:
    return joined(dice.shuffled(KEY_FIELDS)[: dice.between(0, 2)])


def members(lot: Lot) -> str:
    """The institutions that the facts name: those that claim, and `with-` others that do not."""
    named = [item.removeprefix("with-") for item in sorted(lot.variant) if item.startswith("with-")]
    return joined(dict.fromkeys((*lot.institutions, *named)))


def publication(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    standing = lot.first_of("top", "rest", "plain")
    quartile = {
        "top": dice.pick(("q1", "q1", "q2")),
        "rest": dice.pick(("q3", "q3", "q4", "")),
        "plain": "",
    }[standing]
    names_members = len(set(members(lot).split("|"))) > 1 and dice.chance(50)
    return {
        "doi": "" if "nodoi" in lot.variant else f"10.5555/kieng-demo.{day[:4]}.{serial:05d}",
        "title": f"Bài báo mẫu số {serial:05d} (dữ liệu giả)",
        "issn": issn(serial % 400),
        "indexes": "" if standing == "plain" else dice.pick(("wos|scopus", "wos", "scopus")),
        "quartile": quartile,
        "quartile_source": "scimago" if quartile else "",
        "quartile_year": "2024" if quartile else "",
        "issued_on": day,
        "unit_authors": dice.pick(("", "1", "2", "3")),
        "institutions": members(lot) if names_members or named(lot) else "",
        "fields": topics(dice),
        "areas": "",
    }


def named(lot: Lot) -> bool:
    return any(item.startswith("with-") for item in lot.variant)


def ip_right(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    kind = lot.first_of("patent", "utility_solution", "design", "plant_variety", "software")
    prefix = {"patent": "1", "utility_solution": "2", "design": "3", "plant_variety": "4"}
    granted = "granted" in lot.variant
    filed = days_before(day, dice.between(400, 1100)) if granted else day
    # Facts that came later than the first version of the data go by the serial: the dice stay.
    exploited = granted and serial % 9 == 0
    return {
        "kind": kind,
        "title": f"Giải pháp mẫu số {serial:04d} (dữ liệu giả)",
        "office": dice.pick(("VN", "VN", "", "US")) if granted else dice.pick(("VN", "")),
        "application_no": f"{prefix.get(kind, '5')}-{filed[:4]}-GIA{serial:05d}",
        "grant_no": f"GIA-{serial:05d}" if granted else "",
        "filed_on": filed,
        "granted_on": day if granted else "",
        "fields": topics(dice),
        "areas": "",
        "ended_on": "2025-12-01" if granted and serial % 31 == 0 else "",
        "exploited_on": day if exploited else "",
        "exploited_by": f"contract:HĐCG-GIA-{serial:04d}" if exploited else "",
    }


def product(maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    stage = lot.first_of("potential", "ready", "on_market")
    code = f"SP-GIA-{serial:04d}"
    on_market = ""
    ended = ""
    if "ended" in lot.variant or "ending" in lot.variant:
        day = dice.day("2023-07-01", "2024-06-30")
        first = "2025-01-15" if "ended" in lot.variant else "2025-08-01"
        ended = dice.day(first, "2025-07-31" if "ended" in lot.variant else "2025-12-15")
    if stage == "on_market":
        # An ended one was sold before 2025; the others go on sale in the period of their lot.
        latest = "2025-12-31" if day > "2025-07-31" else "2025-07-31"
        on_market = dice.day(day, "2024-12-31" if ended else latest)
        own = lot.institutions[0]
        maker.products.append((own, f"product:{own}:{code}"))
    return {
        "code": code,
        "title": f"Sản phẩm mẫu số {serial:04d} (dữ liệu giả)",
        "trl": dice.pick({"potential": "23456", "ready": "78", "on_market": "9"}[stage]),
        "identified_on": day,
        "stage": stage,
        "on_market_on": on_market,
        "ended_on": ended,
        "ip_refs": "",
        "fields": topics(dice),
        "areas": "cybersecurity" if serial % 12 == 0 else "",
        "trl_on": "" if stage == "potential" else day,
    }


def transfer_contract(maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    number = f"HĐCG-GIA-{serial:04d}/{day[:4]}"
    maker.contracts.extend((who, f"contract:{number}") for who in dict.fromkeys(lot.institutions))
    return {
        "number": number,
        "partner": maker.partner(dice, "enterprise"),
        "kind": dice.pick(("licence", "option", "assignment", "know_how", "order")),
        "value_vnd": dice.dong(200, 9000),
        "signed_on": day,
    }


def receipt(maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    own = lot.institutions[0]
    payers = [item.removeprefix("from-") for item in lot.variant if item.startswith("from-")]
    contracts = [reference for who, reference in maker.contracts if who == own]
    products = [ref for who, ref in maker.products if (who == own) != ("cross" in lot.variant)]
    return {
        "number": f"PT-GIA-{serial:05d}",
        "contract_ref": dice.pick(contracts) if "contract" in lot.variant else "",
        "product_ref": dice.pick(products) if "product" in lot.variant else "",
        "amount_vnd": dice.dong(20, 2500),
        "received_on": day,
        "payer_unit_id": joined(payers),
        "training_ref": f"training:ĐT-GIA-{serial:04d}" if "course" in lot.variant else "",
        "policy_ref": f"policy_contract:HĐTV-GIA-{serial:04d}" if "advice" in lot.variant else "",
    }


def enterprise(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    dissolved = "dissolved" in lot.variant
    return {
        "name": f"Công ty CP Khởi nghiệp Mẫu {serial:03d} (dữ liệu giả)",
        "tax_code": tax_code("98", serial),
        "kind": lot.first_of("spin_off", "staff_startup", "student_startup", "st_enterprise"),
        "founded_on": day,
        "ended_on": dice.day("2025-11-01", "2025-12-31") if dissolved else "",
        "ip_refs": "",
    }


def rd_funding(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "number": f"KT-GIA-{serial:05d}",
        "funding_source": lot.first_of("state_budget", "enterprise", "foreign", "own", "other"),
        "amount_vnd": dice.dong(100, 12000),
        "in_kind": str(dice.chance(15)).lower(),
        "received_on": day,
    }


def policy_contract(maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "number": f"HĐTV-GIA-{serial:04d}/{day[:4]}",
        "partner": maker.partner(dice, "state"),
        "level": lot.first_of("national", "local"),
        "value_vnd": dice.dong(80, 3000),
        "signed_on": day,
        "adopted_by": "Cơ quan Mẫu (dữ liệu giả)" if serial % 3 == 0 else "",
        "adopted_on": day if serial % 3 == 0 else "",
    }


def facility(maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "code": f"CSVC-GIA-{serial:04d}",
        "kind": "data" if "data" in lot.variant else dice.pick(("lab", "equipment", "space")),
        "partner": maker.partner(dice, "enterprise", "school") if dice.chance(75) else "",
        "value_vnd": dice.dong(800, 40000),
        "in_kind": str("kind" in lot.variant).lower(),
        "opened_on": day,
        "institutions": members(lot) if named(lot) else "",
        "ended_on": "",
    }


def training(maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "number": f"ĐT-GIA-{serial:04d}/{day[:4]}",
        "partner": maker.partner(dice, "enterprise"),
        "topic": f"Khóa học mẫu số {serial:04d} (dữ liệu giả)",
        "started_on": day,
        "hours": str(8 * dice.between(1, 10)),
        "trainees": str(dice.between(8, 120)),
        "fee_vnd": dice.dong(15, 400),
    }


def agreement(maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    kind = lot.first_of("strategic", "mou", "contract")
    expires = ""
    if "expired" in lot.variant:
        day, expires = dice.day("2023-07-01", "2024-03-31"), dice.day("2025-01-01", "2025-07-31")
    elif "expiring" in lot.variant:
        day, expires = dice.day("2023-07-01", "2024-03-31"), dice.day("2025-08-01", "2025-12-31")
    elif dice.chance(60):
        expires = dice.day("2027-01-01", "2029-12-31")
    # Only agreements name partners that exist: what they need is found by an alias.
    houses = ("school", "other") if kind == "mou" else ("enterprise", "other")
    return {
        "number": f"TTHT-GIA-{serial:04d}/{day[:4]}",
        "partner": maker.partner(dice, *houses, named=True),
        "kind": kind,
        "signed_on": day,
        "expires_on": expires,
    }


def joint_project(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    shared = "|" in members(lot)
    level = "tri_university" if shared else dice.pick(("national", "ministry", "institution"))
    return {
        "code": f"DT-GIA-{day[:4]}-{serial:03d}",
        "title": f"Đề tài mẫu số {serial:03d} (dữ liệu giả)",
        "level": level,
        "institutions": members(lot),
        "budget_vnd": dice.dong(500, 15000),
        "started_on": day,
        "fields": KEY_FIELDS[serial % len(KEY_FIELDS)],
        "areas": "",
    }


def expert(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    own_id = len(lot.institutions) == 1 and dice.chance(30)
    return {
        "person_id": f"{lot.institutions[0]}:gia-{serial:04d}" if own_id else orcid(serial),
        "name": f"Chuyên gia Mẫu {serial:03d} (dữ liệu giả)",
        "country": dice.pick(("JP", "KR", "FR", "DE", "US", "AU", "GB", "SG")),
        "overseas_vietnamese": str(dice.chance(30)).lower(),
        "mode": dice.pick(("visiting", "contract", "short")),
        "started_on": day,
        "days": str(dice.between(5, 365)),
    }


def institute(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "name": f"Viện Mẫu Số {serial:02d} (dữ liệu giả)",
        "decision_no": f"QĐ-GIA-{serial:03d}/{day[:4]}",
        "founded_on": day,
        "fields": topics(dice),
        "areas": "",
    }


def investment(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "number": f"ĐTV-GIA-{serial:03d}",
        "tax_code": tax_code("98", serial),
        "kind": lot.first_of("spin_off", "staff_startup"),
        "investor": lot.first_of("enterprise", "fund", "foreign", "own"),
        "amount_vnd": dice.dong(300, 20000),
        "received_on": day,
    }


def scholar(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "person_id": f"{lot.institutions[0]}:gia-nn-{serial:04d}",
        "name": f"Người Học Mẫu {serial:03d} (dữ liệu giả)",
        "country": dice.pick(("LA", "KH", "CN", "JP", "KR", "FR", "IN")),
        "kind": dice.pick(("student", "exchange_student", "scholar")),
        "started_on": day,
        "ended_on": "",
    }


def programme(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "code": f"CTDT-GIA-{serial:03d}",
        "title": f"Chương trình mẫu số {serial:03d} (dữ liệu giả)",
        "kind": dice.pick(("degree", "exchange", "credit_recognition")),
        "institutions": members(lot),
        "students": str(dice.between(10, 60)),
        "started_on": day,
        "ended_on": "",
        "fields": topics(dice),
        "areas": "",
    }


def event(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "code": f"HN-GIA-{serial:03d}",
        "title": f"Hội nghị mẫu số {serial:03d} (dữ liệu giả)",
        "kind": dice.pick(("conference", "workshop", "seminar")),
        "institutions": members(lot),
        "held_on": day,
        "participants": str(dice.between(30, 600)),
        "fields": topics(dice),
        "areas": "",
    }


def task(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    done = {"done": days_before(day, dice.between(0, 20)), "overdue": "2025-12-31", "open": ""}
    return {
        "decision_no": "QĐ-GIA-1345",
        "number": f"{serial:03d}-GIA",
        "title": f"Nhiệm vụ mẫu số {serial:03d} (dữ liệu giả)",
        "due_on": day,
        "done_on": done[lot.first_of(*done)],
    }


def recognition(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "person_id": f"{lot.institutions[0]}:gia-cv-{serial:04d}",
        "name": f"Chuyên gia Tư vấn Mẫu {serial:03d} (dữ liệu giả)",
        "kind": lot.first_of("policy_consulting", "research"),
        "decision_no": f"QĐKT-GIA-{dice.between(1, 40):03d}/{day[:4]}",
        "given_on": day,
    }


def impact_story(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "title": f"Câu chuyện tác động mẫu số {serial:03d} (dữ liệu giả)",
        "summary": "Một nghiên cứu mẫu đã giúp một xã mẫu (dữ liệu giả).",
        "beneficiary": "Xã Mẫu (dữ liệu giả)",
        "happened_on": day,
        "fields": topics(dice),
        "areas": "",
    }


FACTS: dict[str, Callable[[Maker, Dice, Lot, int, str], Facts]] = {
    made.__name__: made
    for made in (
        *(publication, ip_right, product, transfer_contract, receipt, enterprise, rd_funding),
        *(policy_contract, facility, training, agreement, joint_project, expert, institute),
        *(investment, scholar, programme, event, task, recognition, impact_story),
    )
}
