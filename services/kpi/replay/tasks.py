"""Tasks of a replay: freezing its works for an edition, or comparing them with frozen ones."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.kpi.domain.cube import Range
from services.kpi.domain.restated_claims import Cause, FrozenClaim, FrozenWork, RestatedClaim
from services.kpi.domain.restatement import Line, Restatement
from services.kpi.replay.memory_projection import MemoryProjection
from services.kpi.wire.frozen import decode_frozen, encode_frozen, freeze


@dataclass(frozen=True, slots=True)
class Task:
    """What a replay does with the works of a subtree: freeze them or compare them.

    Args:
        unit_id: root of the subtree.
        works: frozen works to compare with; empty to freeze the replayed ones.
        works_sha256: expected SHA-256 of the frozen works; empty to freeze.
        months: range of months to compare.
        measure: 0 declared, 1 verified.
    """

    unit_id: str
    works: bytes = b""
    works_sha256: str = ""
    months: Range = (0, 0)
    measure: int = 1

    def fields(self) -> dict[str, Any]:
        """Return the task as JSON fields that `task_of` reads, without its frozen works."""
        return {
            "unit_id": self.unit_id,
            "works_sha256": self.works_sha256,
            "months": list(self.months),
            "measure": self.measure,
        }


def task_of(fields: Mapping[str, Any], works: bytes) -> Task:
    """Return the task that `Task.fields` encoded.

    Args:
        fields: its fields.
        works: its frozen works, which are sent apart; empty for none.
    """
    first, last = fields["months"]
    return Task(fields["unit_id"], works, fields["works_sha256"], (first, last), fields["measure"])


def run(task: Task, projection: MemoryProjection) -> tuple[dict[str, Any], bytes]:
    """Run a task on the replayed works; return JSON facts and the resulting bytes.

    To freeze, the facts are `works_sha256` and `works` (their number), and the bytes the frozen
    works. To compare, the fact is `lines` (their number), and the bytes the restatement lines.

    Args:
        task: the task.
        projection: the replayed view.

    Raises:
        WrongState: the frozen works are not those that were signed (TAMPERED).
    """
    catalogue = projection.catalogue
    works = (freeze(key, sources, catalogue) for key, sources in projection.works())
    if not task.works_sha256:
        top = catalogue.tree.number[task.unit_id]
        held = {unit for i, unit in enumerate(catalogue.tree.ids) if catalogue.tree.holds(top, i)}
        content, sha256, count = encode_frozen(work for work in works if _concerns(work, held))
        return {"works_sha256": sha256, "works": count}, content
    restatement = Restatement(catalogue, task.unit_id, task.months, task.measure)
    lines = restatement.lines(decode_frozen(task.works, task.works_sha256), works)
    return {"lines": len(lines)}, encode_lines(lines)


def _concerns(work: FrozenWork, units: set[str]) -> bool:
    """Return True if one of these units claims a work, or if it is retracted and may return."""
    claiming = {claim.unit_id for claim in work.claims if claim.unit_id}
    # The verified claim may belong to another unit than the one that is declared now.
    claiming |= {unit_id for unit_id, *_ in work.contributed}
    return not claiming or bool(claiming & units)


def encode_lines(lines: list[Line]) -> bytes:
    """Return restatement lines as compressed JSON, which the subprocess sends to its parent."""
    document = [
        [
            line.work_key,
            [
                [[getattr(one.claim, name) for name in _CLAIM], one.cause.value, one.version_before]
                for one in line.claims
            ],
            [[*key, change] for key, change in sorted(line.changes.items())],
        ]
        for line in lines
    ]
    return zlib.compress(json.dumps(document, ensure_ascii=False).encode())


_CLAIM = tuple(FrozenClaim.__dataclass_fields__)


def decode_lines(content: bytes) -> Iterator[Line]:
    """Yield the restatement lines that `encode_lines` encoded, in order of work key."""
    for work_key, claims, changes in json.loads(zlib.decompress(content)):
        restated = [
            RestatedClaim(FrozenClaim(*claim), Cause(cause), before)
            for claim, cause, before in claims
        ]
        cells = {(unit_id, code, part): change for unit_id, code, part, change in changes}
        yield Line(work_key, restated, cells)
