"""Every type of event, as it was published once, is read by those who read it now."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.protobuf.json_format import MessageToDict

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.kpi.log.file import FileRecord
from services.kpi.projection.memory_store import MemoryStore
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.providers import CatalogueStore
from services.kpi.service import KpiAggregator
from services.kpi.store.ledger import PartitionLease
from services.kpi.wire.catalogue import decode_catalogue
from services.notifications import wire as notifications
from services.notifications.contradictions import Claimant, Contradicted
from services.notifications.domain import Decided, Kind, Proposed, Reached, Recipient
from tests.golden.make import CATALOGUE
from tests.golden.make_events import EVENTS

PROTOS = Path(__file__).parents[2] / "protos" / "kieng"
PARTS = {"kieng.submissions.v1.Claim"}
"""Messages that stand beside the events of a contract and are parts of them."""
KEPT: list[dict[str, Any]] = json.loads(EVENTS.read_text(encoding="utf-8"))
AUTHOR = Recipient("a", "author")


def declared() -> Iterator[tuple[str, Any]]:
    """Every type of event that a contract declares, with its class."""
    for path in sorted(PROTOS.glob("*/v*/events.proto")):
        module = importlib.import_module(f"kieng.{path.parts[-3]}.{path.parts[-2]}.events_pb2")
        for name, descriptor in module.DESCRIPTOR.message_types_by_name.items():
            if descriptor.full_name not in PARTS:
                yield descriptor.full_name, getattr(module, name)


TYPES = [name.rpartition(".")[2] for name, _ in declared()]


def records(*types: str) -> list[FileRecord]:
    """The golden records of some types, as a consumer is handed them."""
    kept = [each for each in KEPT if each["headers"]["ce_type"].rpartition(".")[2] in types]
    return [
        FileRecord(
            partition=0,
            offset=offset,
            timestamp=1_751_338_800_000,
            key=each["key"].encode(),
            value=base64.b64decode(each["value"]),
            headers=[(name, text.encode()) for name, text in each["headers"].items()],
            topic=each["topic"],
        )
        for offset, each in enumerate(kept)
    ]


def test_there_is_one_of_every_type_that_a_contract_declares() -> None:
    types = {each["headers"]["ce_type"] for each in KEPT}
    assert types == {name for name, _ in declared()}, "run python -m tests.golden.make_events"


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept["headers"]["ce_id"])
def test_the_bytes_say_what_they_said(kept: dict[str, Any]) -> None:
    """Also of what others than these services read, e.g. partners and deliveries."""
    headers = kept["headers"]
    message = dict(declared())[headers["ce_type"]].FromString(base64.b64decode(kept["value"]))
    assert MessageToDict(message, preserving_proto_field_name=True) == kept["says"]
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_dataschema"] == f"kieng:{headers['ce_type']}"
    assert headers["ce_subject"] == kept["key"]
    assert headers["content-type"] == "application/protobuf"


def fold(generation: int) -> tuple[PartitionFold, MemoryStore]:
    """What the aggregator makes of the golden records of the submissions log."""
    catalogue = catalogue_pb2.Catalogue.FromString(CATALOGUE.read_bytes())
    view = MemoryStore()
    lease = PartitionLease("golden", 0, 1, 0, 0, 0, frozenset())
    made = PartitionFold(lease, decode_catalogue(catalogue), view, generation=generation)
    made.apply(records("SubmissionChanged", "LogRepublished"))
    return made, view


def test_the_aggregator_folds_changes_and_hears_that_an_institution_is_complete() -> None:
    made, view = fold(generation=2)
    assert (made.lease.parked, made.lease.republished) == (0, frozenset({"a"}))
    assert made.lease.newest_event_ms == 1_751_338_800_000
    works = {key: len(sources) for key, sources in view.works_kept()}
    assert works == {"doi:10.5555/old": 1, "doi:10.5555/new": 1}
    rows = view.rows(made.lease, [("a/x/g", 2025 * 12 + 2), ("consortium", 2025 * 12 + 2)])
    for row in rows.values():
        assert {
            key: value for key, value in row.cells().items() if key[0].startswith("KNW-03:")
        } == {
            ("KNW-03:declared", ""): 1,
            ("KNW-03:verified", ""): 1,
        }
    assert len(rows) == 2


def test_that_an_older_log_was_complete_means_nothing_to_the_aggregator() -> None:
    assert fold(generation=3)[0].lease.republished == frozenset()


def test_the_aggregator_keeps_a_directory() -> None:
    kept: list[directory_pb2.Directory] = []
    aggregator = KpiAggregator()
    aggregator.catalogues = cast(CatalogueStore, SimpleNamespace(keep_directory=kept.append))
    aggregator.on_directory(records("DirectoryPublished"))
    (directory,) = kept
    assert directory.version == 3
    assert [unit.unit_id for unit in directory.units] == ["consortium", "a", "a/old", "a/new"]
    ended = directory.units[2]
    assert (ended.valid_to, list(ended.successor_ids)) == ("2024-08-01", ["a/new"])


def test_notifications_hear_of_decisions_targets_contradictions_and_proposals_alone() -> None:
    heard = [record for record in records(*TYPES) if notifications.is_listened_to(record)]
    found = [notifications.decode_record(record) for record in heard]
    old, new = "doi:10.5555/old", "doi:10.5555/new"
    article = ("a/x/g", "publication", "Title")
    assert [each for each in found if each is not None] == [
        Decided(Kind.SUBMISSION_RETURNED, "s-1", 2, (AUTHOR,), old),
        Decided(Kind.SUBMISSION_VERIFIED, "s-1", 4, (AUTHOR,), old, *article),
        Decided(Kind.SUBMISSION_VERIFIED, "s-1", 6, (AUTHOR,), new, *article),
        Reached("a", "KNW-01", 2025, 120, 124),
        Proposed("rollback-2ee31d25ec7c-1", 2, "open", "a", ("b",)),
        Contradicted(
            "c2f4898a56a790c97e2e27d9977a6b6897e6aac9330aeef2a42528ea4def969b",
            "doi:10.5555/both",
            Claimant("alpha.1", "alpha/sci", Recipient("alpha", "author-of-alpha")),
            Claimant("beta.1", "beta", Recipient("beta", "author-of-beta")),
            (("quartile", "q2", "q1"),),
        ),
    ]
