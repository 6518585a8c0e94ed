"""CompareTrees answers what both trees give, whichever of them the live view counts by."""

from __future__ import annotations

import random
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, kpi_service_pb2
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cube import Cube
from services.kpi.query.reorganisation import compare_trees, units_as_is
from services.kpi.store.reads import Progress
from services.kpi.store.works import StoredWork
from services.kpi.wire.catalogue import decode_catalogue
from services.kpi.wire.events import decode_stored
from services.kpi.wire.values import encode_value
from tests.property.kpi.histories import EXAMPLES
from tests.unit.kpi.builders import article, catalogue_message, changed, cube_of
from tests.unit.kpi.view_states import view

INDICATORS = ("KNW-03", "KNW-04", "KNW-05")
YEAR = (2025 * 12, 2025 * 12 + 11)
KINDS = directory_pb2.UnitKind

Units = list[directory_pb2.Unit]


def reorganised(chance: random.Random) -> Units:
    """A random tree of three institutions, in which some units have ended and have successors."""
    units = [directory_pb2.Unit(unit_id="root", kind=KINDS.UNIT_KIND_CONSORTIUM)]
    for name in ("alpha", "beta", "gamma"):
        kind = KINDS.UNIT_KIND_INSTITUTION
        units.append(directory_pb2.Unit(unit_id=name, parent_id="root", kind=kind))
    for number in range(7):
        above = chance.choice(units[1:]).unit_id
        name, kind = f"{above.partition('/')[0]}/u{number}", KINDS.UNIT_KIND_SCHOOL
        units.append(directory_pb2.Unit(unit_id=name, parent_id=above, kind=kind))
    for unit in chance.sample(units[1:], 4):
        others = [other.unit_id for other in units[1:] if other is not unit]
        unit.valid_to = "2025-02-28"
        unit.successor_ids.extend(chance.sample(others, chance.choice([1, 1, 2])))
    return units


def works(chance: random.Random, units: Units) -> list[StoredWork]:
    """Articles of 2025, each claimed by one to three units."""
    found = []
    for number in range(12):
        key, said = f"doi:10.1/{number:02d}", []
        for position, unit in enumerate(chance.sample(units[1:], chance.choice([1, 1, 2, 3]))):
            claim = article(unit.unit_id, issued_on=f"2025-{chance.randint(1, 4):02d}-10")
            event = changed(f"s{number}{position}", 1, key, claim, claim)
            said.append(event.SerializeToString())
        found.append(StoredWork(key, said))
    return found


def over(units: Units) -> catalogue_pb2.Catalogue:
    """The catalogue of a few indicators over these units."""
    message = catalogue_message()
    few = [each for each in message.indicators if each.code in INDICATORS]
    return catalogue_pb2.Catalogue(indicators=few, taxonomies=message.taxonomies, units=units)


def counted(read: list[StoredWork], units: Units) -> Cube:
    """The cube of all these works over these units."""
    catalogue = decode_catalogue(over(units))
    total: dict[Any, int] = {}
    for work in read:
        said = [statement for _, statement in decode_stored(work.sources, catalogue)]
        for key, value in contribution(said, catalogue).items():
            total[key] = total.get(key, 0) + value
    return cube_of(catalogue, total)


class FakeSnapshots:
    """Stands for the stored works of a view, which lists them by the units of its own tree."""

    def __init__(self, read: list[StoredWork], message: catalogue_pb2.Catalogue) -> None:
        self._catalogue = decode_catalogue(message)
        self._above = {work.work_key: self._units_of(work) for work in read}
        self._read = read

    def _units_of(self, work: StoredWork) -> set[str]:
        tree, found = self._catalogue.tree, set[str]()
        for _, statement in decode_stored(work.sources, self._catalogue):
            if statement.declared is not None:
                found.update(tree.above(tree.ids[statement.declared.unit]))
        return found

    def works(
        self, _view_id: str, unit_id: str, _types: Any, after: str, limit: int
    ) -> tuple[Progress, list[Any], list[StoredWork]]:
        found = [w for w in self._read if w.work_key > after and unit_id in self._above[w.work_key]]
        return Progress({0: 1}, 0, 0, frozenset()), [], found[:limit]


def asked(unit_id: str) -> catalogue_service_pb2.CompareTreesRequest:
    request = catalogue_service_pb2.CompareTreesRequest(unit_id=unit_id)
    for months in (request.before, request.after):
        months.from_month, months.to_month = "2025-01", "2025-12"
    return request


def value_of(cube: Cube, unit_id: str, number: Any) -> Any:
    measure = int(number.measure == kpi_service_pb2.MEASURE_VERIFIED)
    indicator = cube.catalogue.indicators[number.indicator_code]
    return encode_value(cube.value(unit_id, indicator, measure, *YEAR, 0))


@pytest.mark.parametrize("tree", ["as it was", "as it is"])
def test_both_trees_are_answered_in_whichever_the_view_counts(tree: str) -> None:
    moved = 0
    for seed in range(EXAMPLES // 5):
        chance = random.Random(seed)
        units = reorganised(chance)
        read, now = works(chance, units), units_as_is(units)
        message = over(units if tree == "as it was" else now)
        state = SimpleNamespace(view=view(), cube=counted(read, list(message.units)))
        live = cast(Any, SimpleNamespace(read=partial(nullcontext, state)))
        snapshots = cast(Any, FakeSnapshots(read, message))
        cubes = counted(read, units), counted(read, now)
        directory = directory_pb2.Directory(units=units)
        for unit_id in [unit.unit_id for unit in units]:
            answer = compare_trees(asked(unit_id), live, view(), message, directory, snapshots)
            for number in answer.numbers:
                was, is_now = (value_of(cube, unit_id, number) for cube in cubes)
                found = number.as_was_before, number.as_is_before
                assert found == (was, is_now), (seed, unit_id, number.indicator_code)
                moved += was != is_now
    assert moved
