"""The directory as it is published, read and searched, with a broker that may be down."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from nameko.extensions import DependencyProvider

from kieng.directory.v1 import directory_pb2, directory_service_pb2, directory_service_pb2_grpc
from kieng.directory.v1 import events_pb2 as directory_events_pb2
from kieng.proposals.v1 import proposal_pb2
from services.kernel.errors import Unavailable
from services.kernel.mongo import Mongo
from services.partners.config import Settings
from services.partners.metrics import RELAY_FAILURES
from services.partners.schema import DATABASE
from services.partners.service import PartnersService
from tests.integration.partners.serving import Caller, Log, agreed, credential, refusal_of, running
from tests.waiting import wait_until

STEWARD = ("root", "keeper", "steward")


def unit(unit_id: str, parent_id: str, kind: int, name: str) -> directory_pb2.Unit:
    return directory_pb2.Unit(
        unit_id=unit_id,
        parent_id=parent_id,
        kind=kind,  # type: ignore[arg-type]
        name=directory_pb2.LocalizedText(vi=name, en=name),
    )


UNITS = [
    unit("alpha/sci", "alpha", directory_pb2.UNIT_KIND_SCHOOL, "Trường Khoa học"),
    unit("beta/sci", "beta", directory_pb2.UNIT_KIND_SCHOOL, "Trường Khoa học"),
    unit("beta", "root", directory_pb2.UNIT_KIND_INSTITUTION, "Đại học Hai"),
    unit("alpha", "root", directory_pb2.UNIT_KIND_INSTITUTION, "Đại học Một"),
    unit("root", "", directory_pb2.UNIT_KIND_CONSORTIUM, "Liên minh"),
]


def publish(*more: directory_pb2.Unit) -> Any:
    return directory_service_pb2.PublishDirectoryRequest(units=[*UNITS, *more])


def directory_of(channel: grpc.Channel) -> Caller:
    stub = directory_service_pb2_grpc.DirectoryServiceStub(channel)
    return Caller(stub, credential(*STEWARD))


def first_directory(channel: grpc.Channel) -> int:
    """Publish the units as the first directory: proposed by the office, approved by the two."""
    answer = directory_of(channel).PublishDirectory(publish())
    assert (answer.version, answer.proposal.state) == (0, proposal_pb2.STATE_OPEN)
    assert agreed(channel, answer).state == proposal_pb2.STATE_EFFECTIVE
    return int(directory_of(channel).PublishDirectory(publish()).version)


def test_a_directory_is_published_once_read_in_order_searched_and_told(
    channel: grpc.Channel, settings: Settings
) -> None:
    directory = directory_of(channel)
    get = directory_service_pb2.GetDirectoryRequest
    assert refusal_of(directory.GetDirectory, get())[0] == grpc.StatusCode.NOT_FOUND
    assert first_directory(channel) == 1
    same = directory_service_pb2.PublishDirectoryRequest(units=UNITS[::-1])
    assert directory.PublishDirectory(same).version == 1
    extra = unit("alpha/inst", "alpha", directory_pb2.UNIT_KIND_INSTITUTE, "Viện Mới")
    assert agreed(channel, directory.PublishDirectory(publish(extra))).outcome == "2"

    newest = directory.GetDirectory(get()).directory
    assert [u.unit_id for u in newest.units] == [
        *("root", "beta", "beta/sci", "alpha", "alpha/sci", "alpha/inst")
    ]
    assert len(directory.GetDirectory(get(version=1)).directory.units) == 5
    assert refusal_of(directory.GetDirectory, get(version=3))[0] == grpc.StatusCode.NOT_FOUND
    search = directory_service_pb2.SearchUnitsRequest(query="truong khoa hoc")
    assert [u.unit_id for u in directory.SearchUnits(search).units] == ["beta/sci", "alpha/sci"]

    with Log(settings.kafka_bootstrap, "kieng.directory.v1") as log:
        record = log.first(lambda r: directory_of_event(r) == newest)
    headers = dict(record.headers)
    assert record.key == b"directory"
    assert headers["ce_type"] == b"kieng.directory.v1.DirectoryPublished"
    assert headers["ce_source"] == b"kieng/partners/shared"
    # Whichever runs first lets it take effect: the last vote, or the loop, which has no call.
    assert headers.get("traceparent", b"00-").startswith(b"00-")


def directory_of_event(record: Any) -> directory_pb2.Directory | None:
    """The directory of a record; None for an event of another type, e.g. of a proposal."""
    if record.key != b"directory":
        return None
    return directory_events_pb2.DirectoryPublished.FromString(record.value).directory


def test_a_directory_that_is_no_tree_is_refused_by_field(channel: grpc.Channel) -> None:
    lost = unit("alpha/x", "alpha/none", directory_pb2.UNIT_KIND_GROUP, "X")
    with pytest.raises(grpc.RpcError) as refusal:
        directory_of(channel).PublishDirectory(publish(lost))
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "units[5].parent_id: there is no unit 'alpha/none'" in str(refusal.value.details())


def test_a_start_publishes_the_newest_directory_once_more(
    settings: Settings, empty_database: Mongo
) -> None:
    with running(PartnersService, settings) as channel:
        first_directory(channel)
        with Log(settings.kafka_bootstrap, "kieng.directory.v1") as log:
            event_id = event_id_of(log.first(lambda r: is_of(empty_database, r)))
            with running(PartnersService, settings):
                again = log.first(lambda r: is_of(empty_database, r))
    assert event_id_of(again) == event_id


def event_id_of(record: Any) -> bytes:
    # Tests of others write odd records without an id into the same topic.
    identity: bytes = dict(record.headers).get("ce_id", b"")
    return identity


def is_of(connection: Mongo, record: Any) -> bool:
    newest = connection.database(DATABASE)["directories"].find_one({"version": 1})
    return newest is not None and event_id_of(record).decode() == newest["event_id"]


def test_directories_published_at_the_same_time_get_different_versions(
    channel: grpc.Channel,
) -> None:
    first_directory(channel)
    stub = directory_service_pb2_grpc.DirectoryServiceStub(channel)

    def publish_one(number: int) -> int:
        owner = ("alpha", "beta")[number % 2]
        extra = unit(f"{owner}/x{number}", owner, directory_pb2.UNIT_KIND_GROUP, f"Nhóm {number}")
        request = publish(extra)
        request.base_version = 1
        steward = Caller(stub, credential(owner, "keeper", "steward"))
        return int(steward.PublishDirectory(request).version)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(publish_one, range(4))) == [2, 3, 4, 5]
    newest = directory_of(channel).GetDirectory(directory_service_pb2.GetDirectoryRequest())
    assert {f"{('alpha', 'beta')[n % 2]}/x{n}" for n in range(4)} <= {
        each.unit_id for each in newest.directory.units
    }


def test_a_viewer_may_read_and_may_not_publish(channel: grpc.Channel) -> None:
    stub = directory_service_pb2_grpc.DirectoryServiceStub(channel)
    viewer = Caller(stub, credential("beta", "reader", "viewer"))
    with pytest.raises(grpc.RpcError) as refusal:
        viewer.PublishDirectory(publish())
    assert refusal.value.code() == grpc.StatusCode.PERMISSION_DENIED


class DeadBroker(DependencyProvider):
    def get_dependency(self, worker_ctx: Any) -> Any:
        def publish(events: Any) -> None:
            raise Unavailable("the broker does not acknowledge")

        return publish


class ServiceWithDeadBroker(PartnersService):
    publish = DeadBroker()


def test_events_wait_for_a_broker_that_is_down(empty_database: Mongo, settings: Settings) -> None:
    failures = RELAY_FAILURES._value.get()
    with running(ServiceWithDeadBroker, settings) as channel:
        assert first_directory(channel) == 1
        wait_until(lambda: RELAY_FAILURES._value.get() > failures)
    with (
        running(PartnersService, settings),
        Log(settings.kafka_bootstrap, "kieng.directory.v1") as log,
    ):
        assert log.first(lambda r: is_of(empty_database, r))
