"""Topics whose partitions are others than the live view was made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing

import pytest
from kafka import KafkaAdminClient

from services.cli.admin import log_partitions
from services.cli.checks import partitions
from services.cli.errors import NO, Failure
from services.cli.main import main
from tests.conftest import RunningBroker


@pytest.fixture
def bootstrap(start_broker: Callable[[int], RunningBroker]) -> str:
    return start_broker(3).bootstrap


def plan(bootstrap: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    with pytest.raises(SystemExit) as ended:
        main(("topics", "plan", "--kafka", bootstrap, "--partitions", "3", "--output", "json"))
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)["differences"]


def test_a_plan_compares_with_the_live_view_and_names_the_remedy(
    bootstrap: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for made_of in (0, 3):  # not known, and the same
        monkeypatch.setattr(partitions, "made_of_in", lambda stack, made_of=made_of: made_of)
        assert plan(bootstrap, capsys)[0] == 0
    monkeypatch.setattr(partitions, "made_of_in", lambda stack: 1)
    code, found = plan(bootstrap, capsys)
    assert code == NO
    assert found[-1].endswith("partitions is 3, and the live view was made of 1: " + REMEDY)


REMEDY = "kieng log repartition 3"


def test_partitions_are_never_taken_away(bootstrap: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        log_partitions.grow(admin, 3)
        with pytest.raises(Failure, match="cannot take any away: say 3"):
            log_partitions.grow(admin, 2)
        assert log_partitions.count(admin) == 3
