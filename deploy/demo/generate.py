"""Writes the demo data, or checks that the committed files are what it would write.

    python deploy/demo/generate.py [--check]

The same profile.toml gives the same bytes on every machine. The seed of a lot is its own line, so
that a changed lot leaves the choices in the others as they are.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dice import Dice, sha256
from facts import FACTS, make
from lots import Profile, read_profile
from maker import Maker
from stories import FATES, Claim, Teller

HERE = Path(__file__).resolve().parent
# Type -> prefix of its record ids, and the date on which its works happened.
TYPES = {
    "publication": ("pub", "issued_on"),
    "ip_right": ("ip", "filed_on"),
    "product": ("prd", "identified_on"),
    "transfer_contract": ("trc", "signed_on"),
    "receipt": ("rcp", "received_on"),
    "enterprise": ("ent", "founded_on"),
    "rd_funding": ("rdf", "received_on"),
    "policy_contract": ("pol", "signed_on"),
    "facility": ("fac", "opened_on"),
    "training": ("trn", "started_on"),
    "agreement": ("agr", "signed_on"),
    "joint_project": ("prj", "started_on"),
    "expert": ("exp", "started_on"),
    "institute": ("ins", "founded_on"),
    "investment": ("inv", "received_on"),
    "scholar": ("sch", "started_on"),
    "programme": ("prg", "started_on"),
    "event": ("evt", "held_on"),
    "task": ("tsk", "due_on"),
    "recognition": ("rec", "given_on"),
    "impact_story": ("imp", "happened_on"),
}
EVIDENCE = ("evidence_title", "evidence_uri", "evidence_sha256")
REASONS = {
    "return": "Thiếu minh chứng, đề nghị bổ sung (dữ liệu giả)",
    "reject": "Không thuộc phạm vi kê khai (dữ liệu giả)",
    "withdraw": "Kê khai nhầm (dữ liệu giả)",
    "amend": "Sửa theo hồ sơ gốc (dữ liệu giả)",
}
Table = dict[str, str]


def all_claims(profile: Profile) -> tuple[list[Claim], list[Claim]]:
    """Every claim of every lot in the order of the profile; those of its history stand apart."""
    maker = Maker(profile.partners)
    teller = Teller(profile.weights, profile.partners)
    serials: Counter[str] = Counter()
    seeds: Counter[str] = Counter()
    claims: list[Claim] = []
    history: list[Claim] = []
    for lot in (*profile.lots, *profile.history):
        line = "/".join(
            (lot.type, *lot.institutions, lot.unit, *sorted(lot.variant), lot.period, lot.fate)
        )
        seeds[line] += 1
        dice = Dice(f"{profile.seed}/{line}/{seeds[line]}")
        for _ in range(lot.count):
            serials[lot.type] += 1
            made = teller.claims(dice, lot, make(maker, dice, lot, serials[lot.type]))
            (history if lot in profile.history else claims).extend(made)
    return claims, history


def grouped(
    profile: Profile, claims: Iterable[Claim], history: Iterable[Claim]
) -> dict[tuple[str, str], list[Claim]]:
    """Claims by (institution, type), mixed so that no file tells the lots apart; history last."""
    groups: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        groups[claim.institution, claim.type].append(claim)
    mixed = {
        key: Dice(f"{profile.seed}/order/{'/'.join(key)}").shuffled(groups[key])
        for key in sorted(groups, key=lambda key: (key[0], list(FACTS).index(key[1])))
    }
    for claim in history:
        mixed[claim.institution, claim.type].append(claim)
    return mixed


def claimed(profile: Profile, type_: str, content: Mapping[str, str]) -> Table:
    """The content, claimed by the unit that existed when it happened."""
    first_day, before = profile.began.get(content["unit_id"], ("", ""))
    is_early = content[TYPES[type_][1]] < first_day
    return {**content, "unit_id": before if is_early else content["unit_id"]}


def evidence(institution: str, record_id: str, version: int) -> Table:
    """The proof of one content: the hash of a text that nobody needs to keep."""
    return {
        "evidence_title": f"Minh chứng mẫu {record_id} (dữ liệu giả)",
        "evidence_uri": f"https://evidence.example.org/{institution}/{record_id}/{version}",
        "evidence_sha256": sha256(f"synthetic evidence of {institution} {record_id} {version}"),
    }


def change(profile: Profile, record_id: str, claim: Claim) -> Table:
    """The row of changes/<type>.csv of a claim."""
    kind = FATES[claim.fate][1]
    if kind == "withdraw":
        return {"record_id": record_id, "action": kind, "reason": REASONS[kind]}
    proof = evidence(claim.institution, record_id, 2)
    second = claimed(profile, claim.type, claim.second)
    return {"record_id": record_id, **second, **proof, "action": "", "reason": REASONS[kind]}


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A CSV file; absent columns are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def files(profile: Profile) -> dict[str, str]:
    """Path below this folder -> content, of all files that are generated."""
    made = {}
    decisions: dict[tuple[str, int], list[Table]] = defaultdict(list)
    for (institution, type_), claims in grouped(profile, *all_claims(profile)).items():
        rows, changes = [], []
        for number, claim in enumerate(claims, start=1):
            record_id = f"{TYPES[type_][0]}-{number:05d}"
            first_content = claimed(profile, type_, claim.first)
            proof = evidence(institution, record_id, 1)
            rows.append({"record_id": record_id, **first_content, **proof})
            first, amended, second = FATES[claim.fate]
            if amended:
                changes.append(change(profile, record_id, claim))
            for round_, decision in ((1, first), (2, second)):
                if decision:
                    reason = REASONS.get(decision, "")
                    decisions[institution, round_].append(
                        {"record_id": record_id, "decision": decision, "reason": reason}
                    )
        columns = list(rows[0])
        made[f"{institution}/{type_}.csv"] = csv_text(columns, rows)
        if changes:
            changed = csv_text([*columns, "action", "reason"], changes)
            made[f"{institution}/changes/{type_}.csv"] = changed
    for (institution, round_), decided in decisions.items():
        made[f"{institution}/decisions-{round_}.csv"] = csv_text(list(decided[0]), decided)
    partners = [partner.row() for partner in profile.partners]
    made["partners.csv"] = csv_text(list(partners[0]), partners)
    return made


def committed(profile: Profile) -> dict[str, str]:
    """The same mapping as the files stand in this folder."""
    paths = [HERE / "partners.csv"]
    for institution in profile.weights:
        paths += sorted((HERE / institution).rglob("*.csv"))
    return {
        path.relative_to(HERE).as_posix(): path.read_bytes().decode()
        for path in paths
        if path.exists()
    }


def main() -> int:
    """Returns 0, or 1 when the committed files differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args().check
    profile = read_profile(HERE / "profile.toml")
    made, found = files(profile), committed(profile)
    different = sorted(
        name for name in made.keys() | found.keys() if made.get(name) != found.get(name)
    )
    for name in different:
        print(f"{'differs' if check else 'written'}: {name}")
        if not check:
            path = HERE / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name in made:
                path.write_bytes(made[name].encode())
            else:
                path.unlink()
    return 1 if check and different else 0


if __name__ == "__main__":
    sys.exit(main())
