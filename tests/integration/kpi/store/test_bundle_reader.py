"""Works of a bulk load, bound in bundles, read like works that were folded one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pytest

from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.rebuild import shard
from services.kpi.rebuild.bulk_load import here, rebuild
from services.kpi.store import bundle_writer
from services.kpi.store.bulk_load import BulkLoad
from services.kpi.store.purge import ViewPurge
from services.kpi.store.reads import Snapshots
from services.kpi.store.works import StoredWork
from tests.conftest import RunningDatabase
from tests.integration.kpi.conftest import Stored, storing
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import UNITS, FakeRecord

LOG = log(400)
LOADED = 300
TYPES = ["publication", "receipt", "product", "agreement", "ip_right"]


@pytest.fixture(scope="module", params=[1, 3])
def loaded(request: pytest.FixtureRequest, mongo: RunningDatabase) -> Iterator[tuple[Stored, str]]:
    """The log in both views, as :func:`load` fills them; tests only read them."""
    with pytest.MonkeyPatch.context() as patch, storing(mongo) as stored:
        yield load(stored, request.param, patch)


def load(stored: Stored, runs: int, patch: pytest.MonkeyPatch) -> tuple[Stored, str]:
    """Fold the log in the live view, and in another one that loads most of it in bulk, in passes.

    Three small runs of bundles, or one; the rest of the log amends some of what is bound.
    """
    patch.setattr(shard, "CHUNK_WORKS", 32)
    patch.setattr(bundle_writer, "WORKS_PER_BUNDLE", 32 // runs)
    patch.setattr("services.kpi.store.bundle_reader.WORKS_PER_BUNDLE", 32 // runs)
    stored.claimed().apply(LOG)
    view = stored.open("log-2")

    def read(until: int) -> Iterable[list[FakeRecord]]:
        return (LOG[begin : min(begin + 70, until)] for begin in range(0, until, 70))

    lease = stored.ledger.claim(view.view_id, 0, is_loader=True)
    loading = BulkLoad(stored.mongo, stored.ledger.session)
    gather_all = here(lease, stored.catalogue, read)
    rebuild(loading, lease, stored.catalogue, gather_all, LOADED, runs)
    lease = stored.ledger.claim(view.view_id, 0)
    assert lease.runs == runs
    assert not stored.mongo.database("kieng_kpi")["works"].count_documents({"v": view.view_id})
    PartitionFold(lease, stored.catalogue, stored.ledger).apply(LOG[LOADED:])
    return stored, view.view_id


def pages(
    snapshots: Snapshots, view_id: str, unit: str, types: list[str], size: int
) -> list[StoredWork]:
    found: list[StoredWork] = []
    while True:
        after = found[-1].work_key if found else ""
        page = snapshots.works(view_id, unit, types, after, size)[2]
        found += page
        if len(page) < size:
            return found


def test_the_rows_are_the_same(loaded: tuple[Stored, str]) -> None:
    stored, view_id = loaded
    assert stored.rows(view_id) == stored.rows(stored.view.view_id)


@pytest.fixture(scope="module")
def listed(loaded: tuple[Stored, str]) -> dict[tuple[str, str], list[StoredWork]]:
    """(unit, type) -> what the view that was folded lists; without a type, works of all of them."""
    stored, _ = loaded
    snapshots, folded = Snapshots(stored.mongo), stored.view.view_id
    return {
        (unit, name): pages(snapshots, folded, unit, [name] if name else TYPES, 500)
        for unit in UNITS
        for name in ("", *TYPES)
    }


@pytest.mark.parametrize(
    ("size", "units"), [(1, UNITS[-1:]), (7, UNITS[:2]), (500, UNITS)], ids=["1", "7", "500"]
)
def test_every_unit_lists_the_same_works_in_order(
    loaded: tuple[Stored, str],
    listed: dict[tuple[str, str], list[StoredWork]],
    size: int,
    units: Sequence[str],
) -> None:
    stored, view_id = loaded
    snapshots = Snapshots(stored.mongo)
    for unit in units:
        for name in TYPES:
            assert pages(snapshots, view_id, unit, [name], size) == listed[unit, name]
        everything = pages(snapshots, view_id, unit, TYPES, size)
        assert everything == listed[unit, ""]
        keys = [work.work_key for work in everything]
        assert keys == sorted(set(keys))
    assert sum(len(listed[unit, ""]) for unit in units) > 20


@pytest.mark.parametrize("limit", [0, 3])
def test_joint_works_are_the_same(loaded: tuple[Stored, str], limit: int) -> None:
    stored, view_id = loaded
    snapshots, listed = Snapshots(stored.mongo), 0
    for name in TYPES:
        ends = ("", f"{name}:0040")
        for after in ends:
            one, other = (
                snapshots.joint_works(which, [name], [], list, after, limit)[2]
                for which in (stored.view.view_id, view_id)
            )
            assert one == other
            listed += len(one)
    assert listed > 10


def test_every_work_is_found_by_its_key(loaded: tuple[Stored, str]) -> None:
    stored, view_id = loaded
    snapshots = Snapshots(stored.mongo)
    keys = {work["k"] for work in stored.documents("works")}
    assert len(keys) > 80
    for key in [*keys, "absent", "", "zzz"]:
        assert (
            snapshots.find_work(view_id, key)[1] == snapshots.find_work(stored.view.view_id, key)[1]
        )
    lease = stored.ledger.claim(view_id, 0)
    wanted = stored.ledger.works(stored.ledger.claim(stored.view.view_id, 0), sorted(keys))
    assert stored.ledger.works(lease, sorted(keys)) == wanted


@pytest.mark.parametrize("runs", [1, 3])
def test_a_view_is_removed_with_its_bundles(
    stored: Stored, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, view_id = load(stored, runs, monkeypatch)
    removal = ViewPurge(stored.mongo)
    view = stored.catalogues.view(view_id)
    assert view is not None
    assert stored.documents("bundles")
    while removal.step(view):
        pass
    assert stored.documents("bundles") == []


def test_a_load_that_a_former_release_began_is_not_gone_on_with(stored: Stored) -> None:
    lease = stored.ledger.claim("v", 0, is_loader=True)
    progress = stored.mongo.database("kieng_kpi")["progress"]
    progress.update_one({"_id": "v|0"}, {"$set": {"end": 5, "chunks": 1}})
    with pytest.raises(RuntimeError, match="publish the catalogue again"):
        BulkLoad(stored.mongo).begin(lease, 5, 1)
