"""What becomes of each work: who claims it, where claims disagree, what is decided and amended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dice import Dice, days_before
from facts import DATE
from lots import Lot, Partner
from maker import Facts

# Fate of one claim -> first decision, change, second decision.
FATES = {
    "verified": ("verify", "", ""),
    "late": ("approve", "", "verify"),
    "latest": ("", "", "verify"),
    "mended": ("return", "amend", "verify"),
    "amended": ("verify", "amend", "verify"),
    "pending": ("verify", "amend", ""),
    "submitted": ("", "", ""),
    "approved": ("approve", "", ""),
    "resubmitted": ("return", "amend", ""),
    "returned": ("return", "", ""),
    "rejected": ("reject", "", ""),
    "withdrawn": ("", "withdraw", ""),
    "recalled": ("verify", "withdraw", ""),
}
# Fate of a lot -> fates of its single claims. All of "counted" end with the lot's facts verified.
SINGLE = {
    "counted": {"verified": 84, "late": 4, "latest": 3, "mended": 4, "amended": 3, "pending": 2},
    "noise": {
        **{"submitted": 24, "approved": 14, "resubmitted": 8, "returned": 18},
        **{"rejected": 16, "withdrawn": 10, "recalled": 10},
    },
    "sure": {"verified": 1},
}
# Fate of a lot -> fates of the first of several claims, and of the others.
SEVERAL = {
    "counted": ({"verified": 9, "late": 1}, {"verified": 9, "late": 1}),
    "mixed": ({"verified": 1}, {"submitted": 1, "approved": 1}),
    "refused": ({"verified": 1}, {"rejected": 1, "recalled": 1}),
    "typo": ({"verified": 1}, {"mended": 1, "amended": 1}),
}
# What the claims of one work declare, where all of them do.
SHARES = {
    2: ((600000, 400000), (700000, 300000), (500000, 500000), (600000, 200000)),
    3: ((500000, 300000, 200000), (400000, 400000, 200000)),
}
SOURCES = ("registry", "system", "declared")
AMOUNTS = ("amount_vnd", "value_vnd", "fee_vnd", "budget_vnd")
LEAD_TYPES = ("joint_project", "training", "institute", "programme", "event")


@dataclass
class Claim:
    """One submission: what stands at the end, and how it came to that."""

    type: str
    institution: str
    content: dict[str, str]
    fate: str
    # What the other of the two contents says where they differ; empty when there is one content.
    other: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> dict[str, str]:
        """What is imported first."""
        return self.content if self.fate == "pending" else {**self.content, **self.other}

    @property
    def second(self) -> dict[str, str]:
        """What an amendment says."""
        return {**self.content, **self.other} if self.fate == "pending" else self.content


@dataclass
class Teller:
    """Makes the claims of works."""

    weights: Mapping[str, Mapping[str, int]]
    partners: tuple[Partner, ...]

    def claims(self, dice: Dice, lot: Lot, facts: Facts) -> list[Claim]:
        """The claims of one work of a lot."""
        if len(lot.institutions) == 1:
            return [self.single(dice, lot, facts)]
        units = self.units(dice, lot)
        ranks = self.ranks(dice, lot)
        shares = self.shares(dice, lot)
        claims = []
        for position, (institution, unit) in enumerate(zip(lot.institutions, units, strict=True)):
            fate = dice.weighted(SEVERAL[lot.fate][min(position, 1)])
            best = ranks[position] == min(ranks)
            said = facts if best else self.disagreeing(dice, lot, facts)
            content = {
                "unit_id": unit,
                "part": self.part(dice, lot, position),
                "share_ppm": shares[position],
                "source": SOURCES[ranks[position]],
                **said,
            }
            if content["source"] == "declared" and dice.chance(50):
                content["source"] = ""
            claim = Claim(lot.type, institution, content, fate)
            if fate in ("mended", "amended"):
                claim.other = {"doi": facts["doi"].replace("kieng-demo", "kieng-dmeo")}
            claims.append(claim)
        return claims

    def single(self, dice: Dice, lot: Lot, facts: Facts) -> Claim:
        """The only claim of a work."""
        (institution,) = lot.institutions
        unit = lot.unit or dice.weighted(self.weights[institution])
        source = dice.weighted({"registry": 25, "system": 45, "declared": 10, "": 20})
        content = {
            "unit_id": unit,
            "part": self.part(dice, lot, 0),
            "share_ppm": "",
            "source": source,
            **facts,
        }
        fate = dice.weighted(SINGLE[lot.fate])
        claim = Claim(lot.type, institution, content, fate)
        if FATES[fate][1] == "amend":
            claim.other = self.amendment(dice, lot, claim)
        return claim

    def units(self, dice: Dice, lot: Lot) -> list[str]:
        """A unit for each claim, none twice."""
        units: list[str] = []
        for institution in lot.institutions:
            free = {u: w for u, w in self.weights[institution].items() if u not in units}
            units.append(dice.weighted(free))
        return units

    @staticmethod
    def ranks(dice: Dice, lot: Lot) -> list[int]:
        """A source for each claim, none twice: then who is right never hangs on a submission id."""
        count = len(lot.institutions)
        start = 1 if count == 2 and dice.chance(35) else 0
        return dice.shuffled(range(start, start + count))

    @staticmethod
    def shares(dice: Dice, lot: Lot) -> list[str]:
        """Declared shares of all claims, of one (which then means nothing), or of none."""
        count = len(lot.institutions)
        if "shares" in lot.variant:
            return [str(share) for share in dice.pick(SHARES[count])]
        alone = "500000" if lot.type == "publication" and dice.chance(10) else ""
        return [alone, *[""] * (count - 1)]

    @staticmethod
    def part(dice: Dice, lot: Lot, position: int) -> str:
        """Types that count at the lead always say who leads."""
        if lot.type in LEAD_TYPES:
            return "member" if position else "lead"
        return "" if dice.chance(75) else ("member" if position else "lead")

    def disagreeing(self, dice: Dice, lot: Lot, facts: Facts) -> Facts:
        """The same work as another unit writes it down."""
        said = dict(facts)
        for name, change in (
            ("doi", str.upper),
            ("application_no", str.lower),
            ("code", str.lower),
        ):
            if name in said and dice.chance(60):
                said[name] = change(said[name])
        for name in ("title", "name", "topic"):
            if name in said and lot.type != "expert":
                said[name] = said[name].replace("(dữ liệu giả)", "- bản khai khác (dữ liệu giả)")
        if said.get("office") in ("VN", ""):
            said["office"] = "" if said["office"] else "VN"
        if "partner" in said:
            said["partner"] = dice.pick(self.named(said["partner"]).texts)
        if lot.type == "expert":
            said["started_on"] = lot.day(dice)
        if lot.type == "publication":
            said |= self.other_article(dice, lot, said["quartile"])
        return said

    @staticmethod
    def other_article(dice: Dice, lot: Lot, quartile: str) -> Facts:
        """Authors of the other unit; where all claims are verified, another quartile or day too."""
        said = {"unit_authors": dice.pick(("", "1", "2", "3"))}
        # A blank contradicts nothing: only a quartile can be disagreed with.
        if lot.fate == "counted" and quartile and dice.chance(35):
            others = [other for other in ("q1", "q2", "q3", "q4") if other != quartile]
            said["quartile"] = dice.pick(others)
            said |= {"quartile_source": "web", "quartile_year": "2023"}
        if lot.fate == "counted" and dice.chance(20):
            said["issued_on"] = lot.day(dice)
        return said

    def named(self, text: str) -> Partner:
        """The partner that a text names."""
        return next(partner for partner in self.partners if text in partner.texts)

    def amendment(self, dice: Dice, lot: Lot, claim: Claim) -> dict[str, str]:
        """Something that the other content of an amended submission says differently."""
        content = claim.content
        units = [u for u in self.weights[claim.institution] if u != content["unit_id"]]
        options = ["unit", "month", *("amount" for name in AMOUNTS if content.get(name))]
        if content.get("doi"):
            options += ["doi", "quartile"]
        match dice.pick(options):
            case "unit":
                return {"unit_id": dice.pick(units)}
            case "month":
                name = "granted_on" if content.get("granted_on") else DATE[lot.type]
                return {name: days_before(content[name], dice.between(31, 90))}
            case "amount":
                name = next(name for name in AMOUNTS if content.get(name))
                return {name: str(int(content[name]) + dice.between(1, 50) * 1_000_000)}
            case "doi":
                return {"doi": content["doi"] + "-v0"}
            case _:
                top = content["quartile"] in ("q1", "q2")
                return {
                    "quartile": "q3" if top else "q1",
                    "quartile_source": "scimago",
                    "quartile_year": "2023",
                }
