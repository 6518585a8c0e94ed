"""A filled log is waited for: its own view, not one that was given up; what is late is repeated."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import catalogue_service_pb2
from services.cli.admin import partner_file
from services.cli.client.troubles import CallFailed, Trouble
from services.cli.errors import USAGE, Failure
from services.cli.local import seed

View = catalogue_service_pb2.View


def clients(*views: View) -> Any:
    answer = catalogue_service_pb2.ListViewsResponse(views=views)
    return SimpleNamespace(stub=lambda kind: SimpleNamespace(ListViews=lambda request: answer))


def test_a_refused_generation_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "LIVE_SECONDS", 0.0)
    monkeypatch.setattr(seed, "POLL_SECONDS", 0.0)
    live = View(state=View.STATE_LIVE, generation=2)
    refused = View(state=View.STATE_REFUSED, generation=3)
    filled = View(state=View.STATE_BUILDING, generation=3, waiting_for=["alpha", "beta"])
    seed.wait_until_live(clients(refused, live))
    with pytest.raises(Failure, match="waits for alpha, beta"):
        seed.wait_until_live(clients(filled, live))


LATE = CallFailed(Trouble(grpc.StatusCode.UNAVAILABLE, "late", "DEPENDENCY_DOWN"), "kpi", "here")
REFUSED = CallFailed(Trouble(grpc.StatusCode.PERMISSION_DENIED, "no", "NOT_ALLOWED"), "kpi", "here")


class Answers:
    """A call that answers, or raises, one thing after another."""

    def __init__(self, *answers: Any) -> None:
        self.left = list(answers)

    def __call__(self, request: Any) -> Any:
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_start_asks_again_for_views_that_came_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "POLL_SECONDS", 0.0)
    live = catalogue_service_pb2.ListViewsResponse(views=[View(state=View.STATE_LIVE)])
    call = Answers(LATE, live)
    stub: Any = SimpleNamespace(stub=lambda kind: SimpleNamespace(ListViews=call))
    seed.wait_until_live(stub)
    assert call.left == []
    call.left = [REFUSED, live]
    with pytest.raises(CallFailed):
        seed.wait_until_live(stub)


def test_a_start_registers_a_partner_again_whose_answer_came_late(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(seed, "POLL_SECONDS", 0.0)
    path = tmp_path / "partners.csv"
    path.write_text("name,house\nAlpha,enterprise\nBeta,state\n")
    call = Answers(LATE, None, None)
    stub: Any = SimpleNamespace(stub=lambda kind: SimpleNamespace(RegisterPartner=call))
    again = partial(seed.retry, 5.0, seed.STARTING)
    assert partner_file.register(stub, path, lambda: None, again) == 2
    assert call.left == []


def test_an_entry_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "units.yaml"
    path.write_text("units: [{unit_id: vnu/hus, colour: red}]")
    with pytest.raises(Failure, match="vnu/hus"):
        seed.read_units(path)


def test_a_day_that_is_left_empty_is_no_day(tmp_path: Path) -> None:
    path = tmp_path / "units.yaml"
    path.write_text(
        "units: [{unit_id: vnu, kind: institution, valid_from: 1993-12-10, valid_to: }]"
    )
    (unit,) = seed.read_units(path)
    assert (unit.valid_from, unit.valid_to) == ("1993-12-10", "")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "Is a directory"),
        ("units: []\n".encode("utf-16"), "not text in UTF-8"),
        ("units: [{name: Đạt}]\n".encode("cp1258", "replace"), "not text in UTF-8"),
        (b"units: [vnu]\n", "wanted a list of entries under `units`"),
        (b"units:\n", "wanted a list of entries under `units`"),
        (b"- vnu\n", "wanted a list of entries under `units`"),
        (b"units: [{{ unit }}]\n", "is no YAML"),
        (b"units: \x07\n", "is no YAML"),
    ],
)
def test_a_file_that_is_no_list_of_units_is_refused_in_words(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "units.yaml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(Failure, match=told) as refused:
        seed.read_units(path)
    assert refused.value.exit_code == USAGE
    assert str(path) in refused.value.message
