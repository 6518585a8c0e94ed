from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from services.kernel.errors import InvalidArgument, NotFound, Unavailable
from services.submissions.directory_cache import (
    KnownUnits,
    PartnerCache,
    UnitCache,
    Units,
    units_named,
)
from services.submissions.domain.unit import Unit
from services.submissions.peer_calls import Stub


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Directory:
    def __init__(self, *units: str) -> None:
        self.units = {unit: Unit() for unit in units}
        self.reads = 0
        self.is_down = False

    def __call__(self) -> dict[str, Unit]:
        self.reads += 1
        if self.is_down:
            raise Unavailable("down")
        return self.units


def test_known_units_are_remembered_for_half_a_minute() -> None:
    clock, directory = Clock(), Directory("a")
    cache = UnitCache(clock)
    for now, reads in ((100.0, 1), (129.0, 1), (130.0, 2)):
        clock.now = now
        assert cache.find("a", directory) == Unit()
        assert directory.reads == reads


def test_an_unknown_unit_is_looked_up_again_at_most_once_a_second() -> None:
    clock, directory = Clock(), Directory("a")
    cache = UnitCache(clock)
    assert cache.find("b", directory) is None
    directory.units = {"a": Unit(), "b": Unit("2024-06-02", ("a",))}
    assert cache.find("b", directory) is None
    clock.now += 1
    assert cache.find("b", directory) == Unit("2024-06-02", ("a",))
    assert directory.reads == 2


def test_a_remembered_unit_needs_no_directory_and_an_unknown_one_does() -> None:
    clock, directory = Clock(), Directory("a")
    cache = UnitCache(clock)
    cache.find("a", directory)
    directory.is_down = True
    clock.now += 60
    assert cache.find("a", directory) == Unit()
    with pytest.raises(Unavailable):
        cache.find("b", directory)


def test_a_partner_is_asked_for_once_until_the_answer_is_old() -> None:
    clock, asked = Clock(), []

    def ask(text: str) -> str:
        asked.append(text)
        return f"partner:{text}"

    cache = PartnerCache(clock)
    assert [cache.resolve("x", ask) for _ in range(3)] == ["partner:x"] * 3
    assert asked == ["x"]
    clock.now += 300
    cache.resolve("x", ask)
    assert asked == ["x", "x"]


def test_while_no_directory_is_published_a_unit_can_be_neither_known_nor_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(request: Any) -> Any:
        raise NotFound("no directory")

    stub = SimpleNamespace(GetDirectory=nothing)
    monkeypatch.setattr(Stub, "get_dependency", lambda self, worker_ctx: stub)
    units = Units()
    units.cache = UnitCache()
    with pytest.raises(Unavailable, match="no directory of units is published yet"):
        units.get_dependency(None).find("a")


class Searching:
    """A directory service that finds these units, or refuses."""

    def __init__(self, *units: str, refuses: Exception | None = None) -> None:
        self.units, self.refuses = units, refuses

    def SearchUnits(self, request: Any) -> Any:
        if self.refuses is not None:
            raise self.refuses
        assert (request.query, request.page_size) == ("ĐHKHTN", 3)
        return SimpleNamespace(units=[SimpleNamespace(unit_id=unit) for unit in self.units])


@pytest.mark.parametrize(
    ("service", "hint"),
    [
        (Searching("vnu/hus"), "did you mean 'vnu/hus'"),
        (Searching("vnu/hus", "hust"), "did you mean 'vnu/hus' or 'hust'"),
        (Searching("vnu/hus", "hust", "vnu"), "`kieng unit search` finds it"),
        (Searching(refuses=Unavailable("down")), "`kieng unit search` finds it"),
        (Searching(refuses=InvalidArgument("no letter")), "`kieng unit search` finds it"),
    ],
)
def test_a_unit_that_is_named_instead_of_its_id_is_suggested(service: Any, hint: str) -> None:
    known = KnownUnits(dict[str, Unit]().get, tuple, partial(units_named, service))
    with pytest.raises(InvalidArgument, match=hint):
        known.need("ĐHKHTN", "unit_id")
