"""Copying and loading real databases, without services: order, epochs, marks, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kieng.submissions.v1 import submission_pb2
from services.cli.admin import database_schema
from services.cli.backups import archive, dump, restore
from services.cli.errors import Failure
from services.cli.terminal.screen import Screen
from services.kernel.mongo import Mongo
from services.submissions import wire
from services.submissions.documents import Write
from services.submissions.domain import transitions
from services.submissions.store import Submissions
from tests.conftest import RunningDatabase
from tests.unit.submissions import builders

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
A, B = "backup-a", "backup-b"
SUBMISSIONS = f"kieng_submissions_{A}"
SHARED = ("kieng_partners", "kieng_notifications", "kieng_kpi")


def everything(mongo: Mongo) -> dict[str, list[Any]]:
    """What the databases hold beside derived collections and notes."""
    found = {}
    for schema, name in database_schema.databases([A, B]):
        database = mongo.database(name)
        for collection in database.list_collection_names():
            if collection not in {*schema.DERIVED, "schema", "meta"}:
                rows = list(database[collection].find(sort=[("_id", 1)]))
                found[f"{name}.{collection}"] = rows
    return {name: rows for name, rows in found.items() if rows}


def fill(mongo: Mongo) -> None:
    wipe(mongo)
    for schema, name in database_schema.databases([A, B]):
        schema.declare(mongo.database(name))
    for institution, count in ((A, 60), (B, 3)):
        rows = [
            {"_id": f"{n:04}", "version": 1, "names": [f"id/{n:04}"], "outbox_pending": False}
            for n in range(count)
        ]
        mongo.database(f"kieng_submissions_{institution}")["submissions"].insert_many(rows)
    partners = [
        {"_id": "P-1", "keys": ["k"], "tax_key": "t", "unsent": True},
    ]
    mongo.database("kieng_partners")["partners"].insert_many(partners)
    mongo.database("kieng_notifications")["notifications"].insert_one({"_id": "n", "order": "1"})
    kpi = mongo.database("kieng_kpi")
    kpi["targets"].insert_one({"_id": "a|KNW-01|2026", "value": 7})
    kpi["cells"].insert_one({"_id": "derived"})


def wipe(mongo: Mongo) -> None:
    for _, name in database_schema.databases([A, B]):
        restore.drop(mongo, name)


@pytest.fixture
def mongo(mongo: RunningDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mongo]:
    monkeypatch.setattr(restore, "BATCH", 25)
    connection = Mongo(mongo.uri, 5000)
    fill(connection)
    yield connection
    wipe(connection)
    connection.close()


def save(
    mongo: Mongo, to: Path, institutions: list[str], now: datetime = NOW, *, is_whole: bool = True
) -> tuple[Path, archive.Manifest]:
    with Screen().progress() as progress:
        return dump.save(mongo, to, institutions, is_whole=is_whole, now=now, progress=progress)


def load(mongo: Mongo, folder: Path, now: datetime = NOW) -> list[str]:
    with Screen().progress() as progress:
        return restore.load(mongo, folder, archive.open_manifest(folder), now, progress)


def epoch(mongo: Mongo) -> int:
    (kept,) = mongo.database(SUBMISSIONS)["meta"].find({"_id": "restore"})
    return int(kept["restore_epoch"])


def test_what_comes_back_is_what_was_there_without_what_is_counted_anew(
    mongo: Mongo, tmp_path: Path
) -> None:
    before = everything(mongo)
    folder, manifest = save(mongo, tmp_path, [A, B])
    assert "cells" not in {part.collection for part in manifest.parts}
    assert [part.documents for part in manifest.parts if part.database == SUBMISSIONS] == [60]
    wipe(mongo)
    loaded = load(mongo, folder)
    assert loaded == [name for _, name in database_schema.databases([A, B])]
    assert everything(mongo) == before
    for schema, name in database_schema.databases([A, B]):
        assert database_schema.plan(schema, mongo.database(name)) == []
        schema.declare(mongo.database(name))


def test_evidence_comes_back_as_the_hash_and_the_link_that_were_declared(
    mongo: Mongo, tmp_path: Path
) -> None:
    proof = submission_pb2.Evidence(
        title="grant", uri="https://evidence.example.org/grant-7", sha256=f"{7:064x}"
    )
    message = builders.publication(proofs=0)
    message.evidence.append(proof)
    content = wire.decode_content(message, "with-proof")
    change = builders.change(request_id="r-1")
    made = transitions.create("with-proof", A, content, None, change, submit=True)
    Submissions(mongo, A).insert(Write(None, made))
    folder, _ = save(mongo, tmp_path, [A, B])
    wipe(mongo)
    load(mongo, folder)
    found = Submissions(mongo, A).get("with-proof").submission
    assert found == made
    restored = submission_pb2.Content.FromString(found.content.encoded)
    assert list(restored.evidence) == [proof]


def test_what_is_referred_to_is_copied_last(mongo: Mongo, tmp_path: Path) -> None:
    _, manifest = save(mongo, tmp_path, [A, B])
    order = list(dict.fromkeys(part.database for part in manifest.parts))
    assert order[:2] == [SUBMISSIONS, f"kieng_submissions_{B}"]
    assert order[-1] == "kieng_partners"


def test_a_restore_raises_the_epoch_above_every_one_there_was(mongo: Mongo, tmp_path: Path) -> None:
    folder, _ = save(mongo, tmp_path, [A, B])
    wipe(mongo)
    load(mongo, folder)
    first = epoch(mongo)
    assert first == int((NOW - restore.BEGIN).total_seconds() // 3600)
    later, _ = save(mongo, tmp_path, [A, B], NOW + timedelta(seconds=1))
    load(mongo, later)
    assert epoch(mongo) == first + 1
    wipe(mongo)
    load(mongo, folder, NOW + timedelta(hours=5))
    assert epoch(mongo) == first + 5


def test_a_restore_that_was_cut_off_is_repeated_and_closes_the_database_meanwhile(
    mongo: Mongo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(mongo)
    folder, manifest = save(mongo, tmp_path, [A, B])
    wipe(mongo)
    whole = restore._load_part

    def breaks(database: Any, *given: Any) -> None:
        whole(database, *given)
        if database.name.endswith(B):
            raise ConnectionError("cut off")

    monkeypatch.setattr(restore, "_load_part", breaks)
    with pytest.raises(ConnectionError):
        load(mongo, folder)
    half = mongo.database(f"kieng_submissions_{B}")
    with pytest.raises(RuntimeError, match="schema -1 is not 0"):
        database_schema.schema_of("submissions").declare(half)
    assert not restore.is_loaded(mongo, manifest)
    assert restore.occupied(mongo, manifest) == []
    with pytest.raises(Failure, match="half restored"):
        save(mongo, tmp_path, [A, B], NOW + timedelta(seconds=1))
    monkeypatch.undo()
    assert SUBMISSIONS not in load(mongo, folder)
    assert everything(mongo) == before
    assert restore.is_loaded(mongo, manifest)
    restore.finished(mongo, manifest)
    assert not restore.is_loaded(mongo, manifest)
    assert len(restore.occupied(mongo, manifest)) == 5


def test_one_institution_is_copied_and_replaced_alone(mongo: Mongo, tmp_path: Path) -> None:
    folder, manifest = save(mongo, tmp_path, [A], is_whole=False)
    assert {part.database for part in manifest.parts} == {SUBMISSIONS}
    before = everything(mongo)
    mongo.database(SUBMISSIONS)["submissions"].delete_one({"_id": "0000"})
    mongo.database(f"kieng_submissions_{B}")["submissions"].delete_one({"_id": "0000"})
    assert restore.occupied(mongo, manifest) == [SUBMISSIONS]
    assert load(mongo, folder) == [SUBMISSIONS]
    after = everything(mongo)
    assert after.pop(f"kieng_submissions_{B}.submissions") != before.pop(
        f"kieng_submissions_{B}.submissions"
    )
    assert after == before


def test_a_restored_partner_is_told_again_and_an_old_outbox_is_not(
    mongo: Mongo, tmp_path: Path
) -> None:
    mongo.database("kieng_partners")["partners"].update_one({}, {"$set": {"unsent": False}})
    waits = {"$set": {"outbox": [{"id": "e"}], "outbox_pending": True}}
    mongo.database(SUBMISSIONS)["submissions"].update_one({"_id": "0001"}, waits)
    folder, _ = save(mongo, tmp_path, [A, B])
    load(mongo, folder)
    partner = mongo.database("kieng_partners")["partners"].find()[0]
    assert partner["unsent"] is True
    assert mongo.database(SUBMISSIONS)["submissions"].find_one({"outbox_pending": True}) is None


def test_of_the_views_only_the_catalogue_and_the_number_of_the_live_one_stay(mongo: Mongo) -> None:
    schema, kpi = database_schema.schema_of("kpi"), mongo.database("kieng_kpi")
    opened = {
        "g1-c1-f1": "retired",
        "g2-c1-f1": "live",
        "g2-c2-f1": "refused",
        "g3-c1-f1": "building",
    }
    for day, (view_id, state) in enumerate(opened.items()):
        generation = int(view_id[1])
        at = NOW + timedelta(days=day)
        row = {"_id": view_id, "state": state, "generation": generation, "opened_at": at}
        kpi["views"].insert_one(row)
    kpi["pointer"].insert_one({"_id": "live", "view_id": "g2-c1-f1"})
    for _ in range(2):
        schema.restored(kpi)
        (kept,) = kpi["views"].find({})
        assert (kept["_id"], kept["state"], kept["generation"]) == ("g2-c1-f1", "refused", 3)
        assert kpi["pointer"].find_one({}) is None


def test_nothing_makes_no_backup(mongo: Mongo, tmp_path: Path) -> None:
    wipe(mongo)
    with pytest.raises(Failure, match="nothing is there"):
        save(mongo, tmp_path, [A])
    assert list(tmp_path.iterdir()) == []
