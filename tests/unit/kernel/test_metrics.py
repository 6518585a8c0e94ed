from __future__ import annotations

import queue
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from prometheus_client import REGISTRY
from prometheus_client.exposition import ThreadingWSGIServer

from services.kernel.metrics import (
    count_records,
    forget_partitions,
    note_poll,
    preset_consumer,
    serve_http,
)


class Reason(list[str]):
    """What the process lacks now; the last one counts."""


@pytest.fixture
def lacking() -> Reason:
    return Reason([""])


@pytest.fixture
def port(lacking: Reason) -> Iterator[int]:
    http = serve_http("127.0.0.1", 0, {"/healthz": lambda: "", "/readyz": lambda: lacking[-1]})
    yield http.server_port
    http.shutdown()
    http.server_close()


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


def test_no_call_is_answered_before_there_is_an_answer_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first_apps: queue.Queue[object] = queue.Queue()
    serve = ThreadingWSGIServer.serve_forever

    def observed(server: ThreadingWSGIServer) -> None:
        first_apps.put(server.get_app())
        serve(server)

    monkeypatch.setattr(ThreadingWSGIServer, "serve_forever", observed)
    http = serve_http("127.0.0.1", 0, {})
    assert first_apps.get() is http.get_app()
    http.shutdown()
    http.server_close()


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_it_listens_where_it_is_told(host: str, url: str) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    http = serve_http(host, 0, {"/healthz": lambda: ""})
    with urllib.request.urlopen(f"http://{url}:{http.server_port}/healthz", timeout=5) as answer:
        assert answer.status == 200
    http.shutdown()
    http.server_close()


def has_ipv6() -> bool:
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def test_metrics_are_shown_and_other_paths_are_not(port: int) -> None:
    status, text = get(port, "/metrics")
    assert status == 200
    assert "kieng_consumer_records_handled_total" in text
    assert get(port, "/secrets")[0] == 404


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"kieng_consumer_{name}", labels)


def records(*offsets: int, topic: str = "t.metrics") -> list[SimpleNamespace]:
    return [
        SimpleNamespace(topic=topic, partition=3, offset=offset, timestamp=offset * 1000)
        for offset in offsets
    ]


def test_handled_records_move_the_position_and_shorten_the_lag() -> None:
    of_group = {"topic": "t.metrics", "group": "g"}
    began = time.time()
    count_records("g", records(7, 8, 11), 20)
    assert value("records_handled_total", **of_group) == 3
    assert value("next_offset", partition="3", **of_group) == 12
    assert value("lag_records", partition="3", **of_group) == 8
    assert (value("last_progress_timestamp_seconds", **of_group) or 0) >= began
    count_records("g", records(19), 0)
    assert value("lag_records", partition="3", **of_group) == 0


def test_a_partition_that_is_gone_is_shown_no_longer() -> None:
    labels = {"topic": "t.gone", "group": "g", "partition": "3"}
    count_records("g", records(7, topic="t.gone"), 8)
    assert value("next_offset", **labels) == 8
    forget_partitions("g", [TopicPartition("t.gone", 3), TopicPartition("t.gone", 4)])
    assert value("next_offset", **labels) is None
    assert value("lag_records", **labels) is None


def test_the_lag_in_seconds_is_the_age_of_the_oldest_record_in_hand() -> None:
    of_group = {"topic": "t.lag", "group": "g"}
    now = int(time.time())
    polled = {
        TopicPartition("t.lag", 0): records(now - 60, now, topic="t.lag"),
        TopicPartition("t.lag", 1): records(now - 90, topic="t.lag"),
        TopicPartition("t.other", 0): records(now - 900, topic="t.other"),
    }
    note_poll("g", ["t.lag"], polled)
    assert 90 <= (value("lag_seconds", **of_group) or 0) < 100
    note_poll("g", ["t.lag"], {})
    assert value("lag_seconds", **of_group) == 0


def test_a_consumer_shows_zero_before_its_first_record() -> None:
    preset_consumer("fresh", ["t.a", "t.b"])
    for name in ("records_handled", "records_dead_lettered", "ownership_lost"):
        assert value(f"{name}_total", topic="t.b", group="fresh") == 0
    assert value("rebalances_total", group="fresh") == 0
    assert value("commit_failures_total", group="fresh") == 0
