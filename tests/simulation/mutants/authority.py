"""Mistakes in what an institution may say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.kpi.domain import authority
from services.kpi.wire import events

_REAL_REFUSAL = authority.refusal


def _no_source_is_asked(institution_id: str, source: str) -> None:
    return None


def _any_unit(speaker: Any, unit_ids: Any) -> str:
    return _REAL_REFUSAL(speaker, ())


def _any_version(speaker: Any, unit_ids: Any) -> str:
    return _REAL_REFUSAL(replace(speaker, version=1), unit_ids)


def _any_id(speaker: Any, unit_ids: Any) -> str:
    return _REAL_REFUSAL(replace(speaker, submission_id="s", work_key="w"), unit_ids)


def _by_id_alone(event: Any) -> str:
    return str(event.submission_id)


MUTANTS = {
    "any producer speaks for an institution": ((events, "_check_source", _no_source_is_asked),),
    "an institution claims for units of another": ((authority, "refusal", _any_unit),),
    "a version of no epoch ends all later ones": ((authority, "refusal", _any_version),),
    "an institution speaks under the id of another": ((authority, "refusal", _any_id),),
    "older ids of two institutions are one": ((events, "name_of", _by_id_alone),),
}
