"""The oracle judges by itself what counts, and comes to what the decoder comes to."""

from __future__ import annotations

import random

import pytest

from kieng.submissions.v1 import events_pb2
from services.kernel.errors import InvalidRecord
from services.kpi.domain.authority import source_of
from services.kpi.oracle.judgement import Judge, fields_read, happened, is_day, is_its_own
from services.kpi.wire.events import check_authority, decode_changed, decode_statement
from tests.property.kpi.test_spoilt_values import KINDS
from tests.property.kpi.test_spoilt_values import event as any_event
from tests.simulation.spoilt_values import DAYS, spoil
from tests.unit.kpi.builders import article, catalogue_message, changed, real_catalogue

JUDGE = Judge(catalogue_message())


def is_folded(value: bytes) -> bool:
    """Whether the decoder of the fold takes an event."""
    try:
        event = decode_changed(value)
        check_authority(event, source_of(event.institution_id))
        decode_statement(event, real_catalogue(), b"")
    except InvalidRecord:
        return False
    return True


def test_judge_and_decoder_park_the_same_events() -> None:
    rng = random.Random(4)
    verdicts = []
    for _ in range(5000):
        value = spoil(rng, any_event(rng, rng.choice(KINDS))).SerializeToString()
        counts = JUDGE.event(value) is not None
        assert counts == is_folded(value), value
        verdicts.append(counts)
    assert 500 < sum(verdicts) < 4500


def test_both_read_the_same_fields_of_a_catalogue() -> None:
    read = fields_read(catalogue_message())
    for kind, names in real_catalogue().fields_of.items():
        assert read[kind] - {happened(kind)} == names - {happened(kind)}
    assert read.keys() == real_catalogue().fields_of.keys()


@pytest.mark.parametrize("value", [b"\xff\xff", b"", changed().SerializeToString()[:3]])
def test_bytes_that_are_no_event_do_not_count(value: bytes) -> None:
    assert JUDGE.event(value) is None


@pytest.mark.parametrize("text", DAYS)
def test_what_resembles_a_day_is_none(text: str) -> None:
    assert not is_day(text)


def test_a_claim_without_facts_or_for_an_unknown_unit_does_not_count() -> None:
    assert JUDGE.counts(changed(declared=article()))
    assert not JUDGE.counts(changed(declared=article("alpha/absent")))
    assert not JUDGE.counts(changed(declared=events_pb2.Claim(unit_id="alpha")))


def test_an_id_with_a_dot_begins_with_its_institution() -> None:
    owned = [
        is_its_own(changed(name, declared=article())) for name in ("s", "alpha.s", ".s", "b.s")
    ]
    assert owned == [True, True, False, False]
