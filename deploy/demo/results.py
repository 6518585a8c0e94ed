"""Made-up facts of results and money: publications, rights, products, contracts, receipts.

Titles, numbers and names carry "giả" (fake); amounts and tax codes are invented.
"""

from __future__ import annotations

from dice import Dice, days_before, issn, tax_code
from lots import Lot
from maker import Facts, Maker, joined, members, named, topics


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


def investment(_maker: Maker, dice: Dice, lot: Lot, serial: int, day: str) -> Facts:
    return {
        "number": f"ĐTV-GIA-{serial:03d}",
        "tax_code": tax_code("98", serial),
        "kind": lot.first_of("spin_off", "staff_startup"),
        "investor": lot.first_of("enterprise", "fund", "foreign", "own"),
        "amount_vnd": dice.dong(300, 20000),
        "received_on": day,
    }
