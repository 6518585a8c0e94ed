from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY

from services.kernel.metrics import HttpPort, count_records


class Reason(list[str]):
    """What the process lacks now; the last one counts."""


@pytest.fixture
def lacking() -> Reason:
    return Reason([""])


@pytest.fixture
def port(lacking: Reason) -> Iterator[int]:
    http = HttpPort("127.0.0.1", 0, lambda: lacking[-1])
    http.start()
    yield http.port
    http.stop()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_process_lives_before_it_is_ready(port: int, lacking: Reason) -> None:
    lacking.append("no partition is assigned")
    assert get(port, "/readyz") == (503, "no partition is assigned\n")
    assert get(port, "/healthz") == (200, "ok\n")
    lacking.append("")
    assert get(port, "/readyz") == (200, "ok\n")


def test_metrics_are_shown_and_other_paths_are_not(port: int) -> None:
    status, text = get(port, "/metrics")
    assert status == 200
    assert "kieng_consumer_records_handled_total" in text
    assert get(port, "/secrets")[0] == 404


def test_handled_records_move_the_position() -> None:
    records = [
        SimpleNamespace(topic="t.metrics", partition=3, offset=offset, timestamp=offset * 1000)
        for offset in (7, 8, 11)
    ]
    count_records("g", records)
    labels = {"topic": "t.metrics", "group": "g"}

    def value(name: str, **more: str) -> float | None:
        return REGISTRY.get_sample_value(f"kieng_consumer_{name}", {**labels, **more})

    assert value("records_handled_total") == 3
    assert value("next_offset", partition="3") == 12
    assert value("last_record_timestamp_seconds") == 11
