"""A log of three partitions, chosen at installation: counted, compared and rebuilt as one view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from services.cli.commands.up import CATALOGUE
from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from tests.conftest import KAFKA_CACHE
from tests.e2e.calls import Caller, article, creation
from tests.e2e.comparing import Comparison
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

MONTHS = ("2022-01", "2022-12")
UNITS = {"vnu": "vnu/hus", "vnu-hcm": "vnu-hcm/uit", "hust": "hust/soict"}
OWN = 8
JOINT = 4
SECONDS = 60.0


@pytest.fixture
def bootstrap(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[str]:
    """A broker without any topic."""
    port, controller_port = free_ports(2)
    log = tmp_path / "broker.log"
    with ChildGroup() as supervisor:
        if pytestconfig.getoption("--broker") == "embedded":
            broker, seconds = embedded.tansu(port, log), embedded.BROKER_READY_SECONDS
        elif reason := apache_kafka.unavailable():
            pytest.skip(f"--broker kafka: {reason}")
        else:
            libs, folder = apache_kafka.fetch(KAFKA_CACHE), tmp_path / "kafka"
            broker = apache_kafka.apache_kafka(libs, port, controller_port, folder, log)
            seconds = apache_kafka.READY_SECONDS
        supervisor.start(broker.child, broker.unready, seconds)
        yield broker.bootstrap


@pytest.fixture
def spread(bootstrap: str, pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[RunningStack]:
    """A stack on a log of three partitions."""
    broker: str = pytestconfig.getoption("--broker")
    # The embedded broker cannot hand a group over, as in a stack that starts it itself.
    membership = {"embedded": "sole", "kafka": "group"}[broker]
    own = {"KIENG_KAFKA_MEMBERSHIP": membership, "KIENG_REBUILD_PROCESSES": "3"}
    running = RunningStack(tmp_path, broker, own)
    applied = running.run("topics", "apply", "--kafka", bootstrap, "--partitions", "3")
    assert applied.code == 0, applied.err
    try:
        running.start("up", "--kafka", bootstrap, until="kieng doctor")
        yield running
    finally:
        running.stop()


@pytest.mark.slow
def test_three_partitions_are_one_view_and_are_rebuilt_as_one(
    spread: RunningStack, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    for institution, unit in UNITS.items():
        author, approver = (Caller(spread, institution, r) for r in ("contributor", "approver"))
        own = [f"10.5555/e2e.{institution}.{number}" for number in range(OWN)]
        for doi in own + [f"10.5555/e2e.joint.{number}" for number in range(JOINT)]:
            made = author.create(creation(unit, article(doi, "2022-05-05")))
            approver.verify(made.submission_id, made.version)
    wanted = {"consortium": 3 * OWN + JOINT, **dict.fromkeys(UNITS, OWN + JOINT)}

    def counted() -> dict[str, int]:
        cells = spread.kpis([*wanted], *MONTHS, "KNW-03")["cells"]
        return {cell["unit"]: cell["verified"] for cell in cells}

    wait_until(lambda: counted() == wanted, SECONDS, "joint works are counted once")
    before = spread.kpis(["consortium"], *MONTHS, "KNW-03")["view"]
    assert sorted(before["progress"]) == ["0", "1", "2"]
    assert min(before["progress"].values()) > 0
    comparison = Comparison(spread, measured)
    comparison.check()

    content = yaml.load(CATALOGUE.read_text(), yaml.CSafeLoader)
    content["indicators"] = [i for i in content["indicators"] if i["code"] != "TRI-06"]
    changed = tmp_path / "indicators.yaml"
    changed.write_text(yaml.safe_dump(content, allow_unicode=True))
    published = spread.agreed("catalogue", "publish", str(changed))
    assert published["state"] == "live"
    wait_until(lambda: counted() == wanted, SECONDS, "the rebuilt view has the same numbers")
    comparison.check()
    after = spread.kpis(["consortium"], *MONTHS, "KNW-03")["view"]
    assert after["view_id"] == published["view_id"] != before["view_id"]
    assert after["progress"] == before["progress"]
    assert comparison.comparisons == 2
