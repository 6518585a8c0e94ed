"""Renders a submission for a reviewer within the 24 lines of a terminal, its facts first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import submission_pb2
from services.cli.terminal.effect_tables import period_text
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import day_text, value_text
from services.cli.terminal.screen import Screen
from services.cli.terminal.submission_tables import content_pairs, label_of, title_of

EFFECTS_MAX = 8
"""Maximum number of effects that are shown; the others are counted."""
HASH_CHARACTERS = 12
ABSENT = "-"


def fact_lines(screen: Screen, submission: submission_pb2.Submission) -> Iterator[str]:
    """Yield the facts and proofs of a submission, one a line, without its title and type.

    A fact that differs from what was verified before is shown as `before → now`.
    """
    before = {}
    if submission.HasField("verified_content"):
        before = _short_pairs(screen, submission.verified_content)
    now = _short_pairs(screen, submission.content)
    rows = []
    for name in dict.fromkeys([*now, *before]):
        value = now.get(name, ABSENT)
        was = before.get(name, ABSENT if before else value)
        rows.append((label_of(screen, name), value if was == value else f"{was} → {value}"))
    yield from _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a line whose cells, but for the last, are as wide as their column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, last in rows:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join((*padded, last))


def _short_pairs(screen: Screen, content: submission_pb2.Content) -> dict[str, str]:
    """Return name -> text of the facts; of the hash of a proof only the beginning."""
    pairs = content_pairs(screen, content)
    for number, proof in enumerate(content.evidence, start=1):
        short = f"{proof.sha256[:HASH_CHARACTERS]}…" if proof.sha256 else ""
        pairs[f"evidence {number}"] = " · ".join(filter(None, (proof.title, proof.uri, short)))
    title = title_of(content)
    return {name: text for name, text in pairs.items() if name != "type" and text != title}


def about_lines(screen: Screen, submission: submission_pb2.Submission) -> Iterator[str]:
    """Yield the id of a submission, who handed it in, and why an earlier version was returned."""
    record = submission.source_record
    version = screen.text("review.version", version=submission.version)
    by = submission.submitted_by or submission.edited_by
    day = day_text(submission.created_at, screen.lang)
    yield " · ".join(filter(None, (submission.submission_id, version)))
    parts = (f"{record.system} {record.record_id}".strip(), submission.work_key, f"{by}, {day}")
    yield " · ".join(filter(None, parts))
    if submission.reason:
        yield f"{screen.text('heading.earlier_reason')}: {submission.reason}"


def claim_lines(screen: Screen, claims: Sequence[kpi_service_pb2.ExplainedClaim]) -> Iterator[str]:
    """Yield one line for each other claim of the same work, or one that there are none."""
    if not claims:
        yield screen.text("review.no_other_claims")
    for claim in claims:
        measure = screen.text(f"measure.{'verified' if claim.verified else 'declared'}")
        values = {"unit": claim.unit_id, "measure": measure, "id": claim.submission_id}
        yield screen.text("review.other_claim", **values)


def effect_lines(
    screen: Screen, names: Names, effects: Sequence[kpi_service_pb2.Effect]
) -> Iterator[str]:
    """Yield a heading, and what each number becomes once the submission is verified, one a line.

    Args:
        screen: language of the texts.
        names: units of measure of the indicators.
        effects: numbers that would change, at least one.
    """
    yield screen.text("review.effect")
    rows = []
    for effect in effects[:EFFECTS_MAX]:
        unit = names.units_of_value.get(effect.indicator_code, "")
        stages = (effect.before, effect.once_verified)
        steps = [
            [value_text(getattr(stage, measure), unit, screen.lang) for stage in stages]
            for measure in ("verified", "declared")
        ]
        # What is declared is shown only if verifying changes nothing else.
        shown = next((each for each in steps if each[0] != each[1]), steps[0])
        told = " → ".join(text for text, _ in groupby(shown))
        rows.append((f"  {effect.unit_id}", effect.indicator_code, period_text(effect), told))
    yield from _aligned(rows)
    if (more := len(effects) - EFFECTS_MAX) > 0:
        yield f"  {screen.text('effect.more', more=more)}"
