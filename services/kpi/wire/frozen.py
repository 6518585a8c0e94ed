"""Freezes works for editions, and encodes frozen works in a canonical form."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from kieng.submissions.v1 import events_pb2, submission_pb2
from services.kernel.errors import WrongState
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.contribution import key_parts
from services.kpi.domain.fold import restored
from services.kpi.domain.months import month_of_date, month_text
from services.kpi.domain.restated_claims import ContributionKey, FrozenClaim, FrozenWork
from services.kpi.wire import events
from services.kpi.wire.vocabulary import enum_word

HASH_CHARACTERS = 16


def canonical(document: Any) -> bytes:
    """Return canonical JSON, which has the same bytes everywhere: sorted keys, no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def freeze(work_key: str, sources: Iterable[bytes], catalogue: Catalogue) -> FrozenWork:
    """Return a work in frozen form, i.e. with units and columns by name instead of number.

    Args:
        work_key: key of the work.
        sources: newest encoded event of each of its submissions.
        catalogue: catalogue to count with.
    """
    statements, claims = {}, []
    for source in sources:
        event = events.decode_changed(source)
        statements[events.name_of(event)] = events.decode_statement(event, catalogue, source)
        claims.append(_claim(event))
    contributed: dict[ContributionKey, int] = {}
    for key, value in restored(statements, catalogue).contributed.items():
        number, member = key if isinstance(key, tuple) else (key, "")
        unit, month, column = key_parts(number)
        place = (catalogue.tree.ids[unit], month, catalogue.columns[column].name, member)
        contributed[place] = value
    # Ids that are older than prefixes may be the same in two institutions.
    ordered = tuple(sorted(claims, key=lambda claim: (claim.submission_id, claim.institution_id)))
    return FrozenWork(work_key, ordered, contributed)


def _claim(event: events_pb2.SubmissionChanged) -> FrozenClaim:
    hashes, unit_id = [], ""
    for name in ("declared", "verified"):
        if not event.HasField(name):
            hashes.append("")
            continue
        claim: events_pb2.Claim = getattr(event, name)
        unit_id = claim.unit_id
        digest = hashlib.sha256(claim.SerializeToString(deterministic=True)).hexdigest()
        hashes.append(digest[:HASH_CHARACTERS])
    return FrozenClaim(
        event.submission_id,
        event.version,
        event.institution_id,
        unit_id,
        event.submitted_by,
        enum_word(submission_pb2.State.DESCRIPTOR, event.state),
        *hashes,
    )


def encode_frozen(works: Iterable[FrozenWork]) -> tuple[bytes, str, int]:
    """Return frozen works as compressed lines, the SHA-256 of the plain lines, and their number.

    Each line is the canonical JSON of one work; works stay in the given order.
    """
    pack, digest, parts, count = zlib.compressobj(), hashlib.sha256(), [], 0
    for work in works:
        line = canonical(_document(work)) + b"\n"
        digest.update(line)
        parts.append(pack.compress(line))
        count += 1
    return b"".join([*parts, pack.flush()]), digest.hexdigest(), count


def _document(work: FrozenWork) -> list[Any]:
    claims = [
        [
            c.submission_id,
            c.version,
            c.institution_id,
            c.unit_id,
            c.subject,
            c.state,
            c.declared,
            c.verified,
        ]
        for c in work.claims
    ]
    contributed = sorted(
        [unit_id, month_text(month), column, member, value]
        for (unit_id, month, column, member), value in work.contributed.items()
    )
    return [work.work_key, claims, contributed]


def decode_frozen(content: bytes, sha256: str) -> Iterator[FrozenWork]:
    """Yield the frozen works that `encode_frozen` encoded.

    Args:
        content: the compressed lines.
        sha256: expected SHA-256 of the plain lines, from the signed content of the edition.

    Raises:
        WrongState: the lines have another hash (TAMPERED).
    """
    try:
        plain = zlib.decompress(content)
    except zlib.error:
        plain = b""
    if hashlib.sha256(plain).hexdigest() != sha256:
        raise WrongState("the frozen works are not those that were signed", reason="TAMPERED")
    for line in plain.splitlines():
        work_key, claims, contributed = json.loads(line)
        places = {
            (unit_id, month_of_date(month), column, member): value
            for unit_id, month, column, member, value in contributed
        }
        yield FrozenWork(work_key, tuple(FrozenClaim(*claim) for claim in claims), places)
