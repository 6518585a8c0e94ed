"""Every query on a real Prometheus, and alerts that end as mails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from email.message import Message
from functools import partial
from zoneinfo import ZoneInfo

import promql_parser
import pytest

from tests.e2e.calls import Caller, article, creation
from tests.e2e.conftest import Mailbox
from tests.e2e.running import RunningStack
from tests.e2e.watching import Prometheus, watching
from tests.monitoring.bundle import (
    Query,
    alerts,
    panel_queries,
    rule_queries,
    substituted,
    variable_queries,
)
from tests.monitoring.test_series import LABELS, SERIES_MAX
from tests.pausing import paused
from tests.waiting import wait_until

DATA_SECONDS = 60.0
MAIL_SECONDS = 60.0
YEAR = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).year
OPERATORS = "operators@kieng.example"
OF_APACHE_KAFKA = {"capacity: Nhật ký trên đĩa · Log on disk"}
"""Panels that are empty on the embedded broker, which does not tell the size of its log."""
OF_PROMETHEUS = {"instance", "job"}


@pytest.fixture(scope="module")
def prometheus(
    stack: RunningStack, mail_server: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Prometheus and Alertmanager watching the session's stack, which has this year's numbers."""
    found = Caller(stack, "vnu", "contributor").create(
        creation("vnu/hus", article("10.5555/e2e.this-year", f"{YEAR}-01-05"))
    )
    Caller(stack, "vnu", "approver").verify(found.submission_id, found.version)
    Caller(stack, "hust", "contributor").create(
        creation("hust", article("10.5555/e2e.waits", f"{YEAR}-01-06"))
    )
    for unit in ("vnu", "consortium"):
        wanted = ("--unit", unit, "--year", str(YEAR), "--indicator", "KNW-03", "--value", "4")
        stack.json("target", "set", "--institution", unit, *wanted)
    smtp = f"127.0.0.1:{mail_server.port}"  # type: ignore[attr-defined]
    with watching(stack, smtp, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


def test_every_query_of_every_dashboard_and_rule_answers_with_data(
    stack: RunningStack,
    prometheus: Prometheus,
    pytestconfig: pytest.Config,
    measured: Callable[[str], None],
) -> None:
    quiet = set() if pytestconfig.getoption("--broker") == "kafka" else OF_APACHE_KAFKA
    panels = [Query(each.place, substituted(each.text)) for each in panel_queries()]
    records = [each for each in rule_queries() if each.place not in alerts()]
    expected = [each for each in (*panels, *records) if each.place not in quiet]
    empty = wait_for_data(prometheus, expected)
    assert not empty, "\n".join(f"{each.place}: {each.text}" for each in empty)
    for metric, label in variable_queries():
        assert prometheus.ask(f"label/{label}/values", **{"match[]": metric}), (metric, label)
    silent = [each for each in rule_queries() if each.place in alerts()]
    firing = [each.place for each in silent if prometheus.query(each.text)]
    missing = {
        name for each in silent for name in metrics_of(each.text) if not prometheus.query(name)
    }
    assert not missing, f"alerts ask for metrics that nobody shows: {missing}"
    names = {each["metric"]["__name__"] for each in prometheus.query('{job="kieng"}')}
    measured(
        f"{len(expected)} queries of panels and records with data, {len(silent)} of alerts without "
        f"error ({', '.join(firing)} true in peace); {len(names)} metrics"
    )


def test_the_numbers_are_those_that_the_service_answers(
    stack: RunningStack, prometheus: Prometheus
) -> None:
    (cell,) = stack.kpis(["vnu"], f"{YEAR}-01", f"{YEAR}-12", "KNW-03")["cells"]
    of_vnu = f'institution="vnu", indicator="KNW-03", year="{YEAR}"'

    def value(expression: str) -> float:
        found = prometheus.query(expression)
        return float(found[0]["value"][1]) if found else -1.0

    def shows(expression: str, wanted: int) -> bool:
        return value(expression) == wanted

    for measure in ("declared", "verified"):
        expression = f'kieng_value{{{of_vnu}, measure="{measure}"}}'
        wait_until(partial(shows, expression, int(cell[measure])), DATA_SECONDS, expression)
    share = int(cell["verified"]) / 4
    wait_until(
        lambda: value(f"kieng:target_attainment:ratio{{{of_vnu}}}") == share, 60, "the share"
    )


def test_labels_and_series_of_the_running_stack_are_bounded(
    prometheus: Prometheus, measured: Callable[[str], None]
) -> None:
    ours = '{job="kieng", __name__=~"kieng_.*|grpc_server_.*"}'
    found = prometheus.query(ours)
    labels = {label for each in found for label in each["metric"] if not label.startswith("__")}
    assert labels <= LABELS | OF_PROMETHEUS
    assert len(found) < 4 * SERIES_MAX
    measured(f"{len(found)} series of our own metrics over all processes")
    by_service = "on (job, instance) group_left (service) kieng_service_info"
    named = f"process_resident_memory_bytes * {by_service}"
    megabytes = {
        each["metric"]["service"]: round(float(each["value"][1]) / 2**20)
        for each in prometheus.query(named)
    }
    measured(f"memory in MiB: {megabytes}")


def test_a_hanging_process_and_a_long_wait_end_as_mails_to_whom_they_concern(
    stack: RunningStack, prometheus: Prometheus, mailbox: Mailbox
) -> None:
    missing = ("KiengServiceMissing", "kpi.aggregator")
    with paused(stack.pid("kpi.aggregator")):
        wait_until(lambda: missing in prometheus.firing(), MAIL_SECONDS, "the alert")
        told = mail_about(mailbox, OPERATORS, "KiengServiceMissing", "kpi.aggregator")
    body = text_of(told)
    assert "kpi.aggregator is not there" in body
    assert "runbooks/KiengServiceMissing.md" in body
    wait_until(lambda: missing not in prometheus.firing(), MAIL_SECONDS, "the end of the alert")
    queue = mail_about(mailbox, "kpi@hust.example", "KiengReviewQueueOld", "hust")
    assert "Submissions of hust wait for a decision" in text_of(queue)
    # A ticket is the institution's own matter.
    assert not [m for m in mailbox.of(OPERATORS) if "KiengReviewQueueOld" in m["Subject"]]
    assert not [m for m in mailbox.of("kpi@hust.example") if "ServiceMissing" in m["Subject"]]


def wait_for_data(prometheus: Prometheus, queries: list[Query]) -> list[Query]:
    """Ask until every query has given data; return those that have not in time."""
    left = list(queries)

    def all_have_data() -> bool:
        left[:] = [each for each in left if not prometheus.query(each.text)]
        return not left

    try:
        wait_until(all_have_data, DATA_SECONDS, "data")
    except AssertionError:
        return left
    return []


def metrics_of(expression: str) -> set[str]:
    """Names of the metrics in an expression, those that records make included."""
    found: set[str] = set()

    def walk(node: object) -> None:
        name = getattr(node, "name", None)
        if type(node).__name__ == "VectorSelector" and isinstance(name, str):
            found.add(name)
        for child in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
            below = getattr(node, child, None)
            for each in below if isinstance(below, list) else [below]:
                if each is not None and type(each).__module__ == type(node).__module__:
                    walk(each)

    walk(promql_parser.parse(expression))
    return found


def mail_about(mailbox: Mailbox, receiver: str, *words: str) -> Message:
    """The mail to somebody whose subject has all the words."""

    def find() -> list[Message]:
        return [m for m in mailbox.of(receiver) if all(w in str(m["Subject"]) for w in words)]

    found: list[Message] = wait_until(find, MAIL_SECONDS, f"a mail to {receiver} about {words}")
    return found[0]


def text_of(mail: Message) -> str:
    """Everything that a mail says."""
    parts = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    return "\n".join(part.get_content() for part in parts)  # type: ignore[attr-defined]
