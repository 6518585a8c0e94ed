"""Records that no service of ours writes, in the log of the running service."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from kafka import KafkaConsumer, TopicPartition
from prometheus_client import REGISTRY

from kieng.kpi.v1 import kpi_service_pb2, parked_service_pb2
from kieng.kpi.v1.parked_service_pb2_grpc import ParkedServiceStub
from services.kernel.kafka import header
from services.kpi.config import Settings
from services.kpi.log.file import read_log
from services.kpi.log.topic import SUBMISSIONS
from services.kpi.metrics import RECORDS_SKIPPED
from services.kpi.offline.verification import export, verify
from tests.integration.kernel.raw_records import ODD, Raw, write_raw
from tests.integration.kpi import tokens
from tests.integration.kpi.test_service import (
    SELECTION,
    Stack,
    kpis_or_none,
    publish_catalogue,
    running,
    settings,
    verified,
)
from tests.unit.kpi.builders import real_catalogue
from tests.waiting import wait_until

__all__ = ["settings"]
DIRECTORY = "kieng.directory.v1"
LATER = Raw(b"k", b"v", [("ce_type", b"kieng.submissions.v2.SubmissionChanged"), ("x", None)])
UNKNOWN = Raw(None, b"v", [("ce_type", b"org.example/created")])
BARE = Raw(b"k", verified("s9", "doi:10.1/bare", "alpha").SerializeToString(), [])
ODD_AND_UNKNOWN = (*ODD, LATER, UNKNOWN, LATER, BARE)


def parked(stack: Stack, *roles: str) -> list[Any]:
    request = parked_service_pb2.ListParkedRequest(page_size=500)
    metadata = tokens.credential("root", *roles)
    stub = ParkedServiceStub(stack.channel)
    return list(stub.ListParked(request, timeout=10, metadata=metadata).records)


def shown(stack: Stack, offset: int, *roles: str) -> Any:
    request = parked_service_pb2.GetParkedRequest(partition=0, offset=offset)
    metadata = tokens.credential("root", *roles)
    return ParkedServiceStub(stack.channel).GetParked(request, timeout=10, metadata=metadata)


def skipped(topic: str) -> float:
    name = "kieng_kpi_records_skipped_total"
    return REGISTRY.get_sample_value(name, {"topic": topic}) or 0.0


def test_odd_records_are_parked_the_fold_goes_on_and_the_file_agrees(
    settings: Settings, tmp_path: Path
) -> None:
    before = skipped(SUBMISSIONS)
    with running(settings) as stack:
        wait_until(lambda: "no catalogue" in stack.unready())
        publish_catalogue(stack)
        write_raw(settings.kafka_bootstrap, SUBMISSIONS, *ODD_AND_UNKNOWN)
        stack.publish(verified("s1", "doi:10.1/a", "alpha/sci"))
        wait_until(lambda: kpis_or_none(stack) == {"root": 1, "alpha": 1, "beta": 0})
    with running(settings) as stack:
        # What ended the process ended it again after every restart.
        stack.publish(verified("s2", "doi:10.1/b", "beta"))
        wait_until(lambda: kpis_or_none(stack) == {"root": 2, "alpha": 1, "beta": 1})

        found = parked(stack, "operator")
        odd = [n for n, each in enumerate(ODD_AND_UNKNOWN) if each not in (LATER, UNKNOWN)]
        assert [each.offset for each in found] == odd
        assert all(each.reason.startswith("no usable ce_type") for each in found)
        assert skipped(SUBMISSIONS) == before + 3

        # Nobody's content is the operator's to see; an institution's is not.
        assert shown(stack, 0, "operator").value == b"v"
        assert found[-1].institution_id == "alpha"
        assert found[-1].submission_id == "s9"
        with pytest.raises(grpc.RpcError) as refusal:
            shown(stack, found[-1].offset, "operator")
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.RpcError) as refusal:
            shown(stack, 0, "auditor")
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND

        # A later version of what was parked mends it, as of any parked record.
        mending = verified("s9", "doi:10.1/bare", "alpha/sci")
        mending.version = 2
        stack.publish(mending)
        wait_until(lambda: len(parked(stack, "operator")) == len(odd) - 1)

        request = kpi_service_pb2.GetKpisRequest(selection=SELECTION)
        wait_until(lambda: stack.call("GetKpis", request).view.parked == len(odd) - 1)
        view = stack.call("GetKpis", request).view
        file = tmp_path / "log"
        export(settings.kafka_bootstrap, file)
        with file.open("rb") as log:
            again = verify(read_log(log), real_catalogue())
        assert (again["digest"], again["parked"]) == (view.digest, view.parked)
        at = {str(each.partition): each.next_offset for each in view.progress}
        assert again["progress"] == at


def test_odd_records_of_the_directory_are_buried_and_unknown_ones_counted(
    settings: Settings,
) -> None:
    RECORDS_SKIPPED.labels(DIRECTORY)
    before = skipped(DIRECTORY)
    write_raw(settings.kafka_bootstrap, DIRECTORY, *ODD_AND_UNKNOWN)
    with running(settings) as stack:
        publish_catalogue(stack)
        assert skipped(DIRECTORY) == before + 3
    with closing(KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap)) as consumer:
        place = TopicPartition(f"{DIRECTORY}.dlq", 0)
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        letters: list[Any] = []

        def all_there() -> bool:
            letters.extend(consumer.poll(timeout_ms=200).get(place, ()))
            return len(letters) >= len(ODD) + 1

        wait_until(all_there)
    assert all(header(each, "dlq_reason").startswith("no usable ce_type") for each in letters)
