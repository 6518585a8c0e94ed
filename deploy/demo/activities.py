"""Made-up facts of people and what they do together: training, projects, experts, events.

Titles, numbers and names carry "giả" (fake); amounts are invented.
"""

from __future__ import annotations

from dice import Dice, days_before, orcid
from lots import Lot
from maker import KEY_FIELDS, Facts, Maker, members, topics


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
