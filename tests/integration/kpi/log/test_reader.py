"""A log is exported whole from a real broker, while others write to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaProducer

from services.kernel.errors import Unavailable
from services.kpi.log import reader
from services.kpi.log.file import read_log
from services.kpi.offline.verification import export, main
from tests.conftest import RunningBroker

TOPIC = "kieng.submissions.v1"
BEFORE = 300


def test_everything_that_was_there_is_exported_and_a_steady_load_does_not_keep_it(
    start_broker: Callable[[], RunningBroker], tmp_path: Path
) -> None:
    broker, stopping, file = start_broker(), threading.Event(), tmp_path / "log"
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=5)) as producer:

        def write() -> None:
            while not stopping.wait(0.005):
                producer.send(TOPIC, b"during", partition=0)

        for number in range(BEFORE):
            producer.send(TOPIC, b"%d" % number, key=b"k", headers=[("a", b"b")], partition=0)
        producer.flush()
        writer = threading.Thread(target=write)
        writer.start()
        try:
            count = export(broker.bootstrap, file)
        finally:
            stopping.set()
            writer.join()
    with file.open("rb") as reading:
        records = list(read_log(reading))
    assert len(records) == count
    values = [record.value for record in records]
    assert values[:BEFORE] == [b"%d" % number for number in range(BEFORE)]
    assert set(values[BEFORE:]) <= {b"during"}
    assert (records[0].key, records[0].headers) == (b"k", [("a", b"b")])


def test_a_log_that_cannot_be_read_leaves_no_file(
    broker: RunningBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "log"
    monkeypatch.setattr(reader, "SUBMISSIONS", "no-such-topic")
    with pytest.raises(Unavailable, match="no topic"):
        export(broker.bootstrap, file)
    monkeypatch.setenv("KIENG_KAFKA_API_TIMEOUT_MS", "500")
    with pytest.raises(Unavailable, match="the log cannot be read"):
        export("127.0.0.1:1", file)
    assert main(["export", "127.0.0.1:1", str(file)]) == 1
    assert capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
