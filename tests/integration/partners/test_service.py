from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from nameko.extensions import DependencyProvider

from kieng.directory.v1 import directory_pb2, directory_service_pb2, directory_service_pb2_grpc
from kieng.directory.v1 import events_pb2 as directory_events_pb2
from kieng.partners.v1 import events_pb2 as partner_events_pb2
from kieng.partners.v1 import partner_pb2, partner_service_pb2, partner_service_pb2_grpc
from services.kernel.errors import Conflict, Unavailable
from services.kernel.mongo import Mongo
from services.partners import wire
from services.partners.config import Settings
from services.partners.documents import Change
from services.partners.metrics import RELAY_FAILURES
from services.partners.service import PartnersService
from services.partners.store import DATABASE, Partners
from tests.conftest import RunningBroker, RunningDatabase
from tests.integration.partners.serving import (
    Caller,
    Log,
    credential,
    running,
    wait_until,
    write_issuers,
)

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


def partner(name: str, *aliases: str, tax_code: str = "") -> Any:
    message = partner_pb2.Partner(
        name=name, aliases=aliases, tax_code=tax_code, house=partner_pb2.HOUSE_ENTERPRISE
    )
    return partner_service_pb2.RegisterPartnerRequest(partner=message)


def publish(*more: directory_pb2.Unit) -> Any:
    return directory_service_pb2.PublishDirectoryRequest(units=[*UNITS, *more])


@pytest.fixture(scope="module")
def settings(
    mongo: RunningDatabase, broker: RunningBroker, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return Settings(
        mongo_uri=mongo.uri,
        kafka_bootstrap=broker.bootstrap,
        issuers_file=write_issuers(tmp_path_factory.mktemp("issuers") / "issuers.json"),
    )


@pytest.fixture
def empty_database(settings: Settings) -> Iterator[Mongo]:
    connection = Mongo(settings.mongo_uri, 5000)
    connection.client.drop_database(DATABASE)
    yield connection
    connection.close()


@pytest.fixture
def channel(settings: Settings, empty_database: Mongo) -> Iterator[grpc.Channel]:
    with running(PartnersService, settings) as channel:
        yield channel


def directory_of(channel: grpc.Channel) -> Caller:
    stub = directory_service_pb2_grpc.DirectoryServiceStub(channel)
    return Caller(stub, credential(*STEWARD))


def partners_of(channel: grpc.Channel) -> Caller:
    stub = partner_service_pb2_grpc.PartnerServiceStub(channel)
    return Caller(stub, credential("alpha", "author", "contributor"))


def refusal_of(call: Any, request: Any) -> tuple[grpc.StatusCode, dict[str, str]]:
    with pytest.raises(grpc.RpcError) as refusal:
        call(request)
    status = rpc_status.from_call(refusal.value)
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return refusal.value.code(), dict(info.metadata)


def test_a_directory_is_published_once_read_in_order_searched_and_told(
    channel: grpc.Channel, settings: Settings
) -> None:
    directory = directory_of(channel)
    get = directory_service_pb2.GetDirectoryRequest
    assert refusal_of(directory.GetDirectory, get())[0] == grpc.StatusCode.NOT_FOUND
    assert directory.PublishDirectory(publish()).version == 1
    same = directory_service_pb2.PublishDirectoryRequest(units=UNITS[::-1])
    assert directory.PublishDirectory(same).version == 1
    extra = unit("alpha/inst", "alpha", directory_pb2.UNIT_KIND_INSTITUTE, "Viện Mới")
    assert directory.PublishDirectory(publish(extra)).version == 2

    newest = directory.GetDirectory(get()).directory
    assert [u.unit_id for u in newest.units] == [
        *("root", "beta", "beta/sci", "alpha", "alpha/sci", "alpha/inst")
    ]
    assert len(directory.GetDirectory(get(version=1)).directory.units) == 5
    assert refusal_of(directory.GetDirectory, get(version=3))[0] == grpc.StatusCode.NOT_FOUND
    search = directory_service_pb2.SearchUnitsRequest(query="truong khoa hoc")
    assert [u.unit_id for u in directory.SearchUnits(search).units] == ["beta/sci", "alpha/sci"]

    with Log(settings.kafka_bootstrap, "kieng.directory.v1") as log:
        record = log.first(lambda r: directory_event(r).directory == newest)
    headers = dict(record.headers)
    assert record.key == b"directory"
    assert headers["ce_type"] == b"kieng.directory.v1.DirectoryPublished"
    assert headers["ce_source"] == b"kieng/partners/shared"
    assert headers["traceparent"].startswith(b"00-")


def directory_event(record: Any) -> directory_events_pb2.DirectoryPublished:
    return directory_events_pb2.DirectoryPublished.FromString(record.value)


def test_a_directory_that_is_no_tree_is_refused_by_field(channel: grpc.Channel) -> None:
    lost = unit("alpha/x", "alpha/none", directory_pb2.UNIT_KIND_GROUP, "X")
    with pytest.raises(grpc.RpcError) as refusal:
        directory_of(channel).PublishDirectory(publish(lost))
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "units[5].parent_id: there is no unit 'alpha/none'" in refusal.value.details()


def test_a_start_publishes_the_newest_directory_once_more(
    settings: Settings, empty_database: Mongo
) -> None:
    with running(PartnersService, settings) as channel:
        directory_of(channel).PublishDirectory(publish())
        with Log(settings.kafka_bootstrap, "kieng.directory.v1") as log:
            event_id = event_id_of(log.first(lambda r: is_of(empty_database, r)))
            with running(PartnersService, settings):
                again = log.first(lambda r: is_of(empty_database, r))
    assert event_id_of(again) == event_id


def event_id_of(record: Any) -> bytes:
    return dict(record.headers)["ce_id"]


def is_of(connection: Mongo, record: Any) -> bool:
    newest = connection.database(DATABASE)["directories"].find_one({"version": 1})
    return newest is not None and event_id_of(record).decode() == newest["event_id"]


def test_directories_published_at_the_same_time_get_different_versions(
    channel: grpc.Channel,
) -> None:
    directory = directory_of(channel)
    extras = [
        unit(f"alpha/x{n}", "alpha", directory_pb2.UNIT_KIND_GROUP, f"Nhóm {n}") for n in range(4)
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda e: directory.PublishDirectory(publish(e)).version, extras))
    assert sorted(answers) == [1, 2, 3, 4]


def test_a_partner_is_registered_once_resolved_by_every_name_and_told(
    channel: grpc.Channel, settings: Settings
) -> None:
    partners = partners_of(channel)
    first = partners.RegisterPartner(
        partner("Công ty Cổ phần Mẫu Điện", "Sample Works", tax_code="0100233488")
    )
    assert (first.created, first.partner.partner_id) == (True, "partner:00001")
    for again in (
        partner("Khác hẳn", tax_code="0100233488"),
        partner("MAU DIEN JSC"),
        partner("Tập đoàn Mẫu Điện", "sample works co., ltd"),
    ):
        answer = partners.RegisterPartner(again)
        assert (answer.created, answer.partner) == (False, first.partner)
    for query in ("partner:00001", "0100233488", "mẫu điện", " Công ty TNHH Sample Works "):
        request = partner_service_pb2.ResolvePartnerRequest(query=query)
        assert partners.ResolvePartner(request).partner == first.partner
    with Log(settings.kafka_bootstrap, "kieng.partners.v1") as log:
        record = log.first(lambda r: event_of(r).partner == first.partner)
    assert (record.key, event_of(record).version) == (b"partner:00001", 1)
    assert dict(record.headers)["ce_type"] == b"kieng.partners.v1.PartnerChanged"


def event_of(record: Any) -> partner_events_pb2.PartnerChanged:
    return partner_events_pb2.PartnerChanged.FromString(record.value)


def test_a_steward_completes_a_known_partner_and_all_are_told(
    channel: grpc.Channel, settings: Settings
) -> None:
    stub = partner_service_pb2_grpc.PartnerServiceStub(channel)
    steward = Caller(stub, credential("root", "keeper", "steward"))
    first = partners_of(channel).RegisterPartner(partner("Mẫu Điện")).partner
    asked = partner("Mau Dien JSC", "Sample Power", tax_code="0100233488")
    code, _ = refusal_of(partners_of(channel).RegisterPartner, asked)
    assert code == grpc.StatusCode.ALREADY_EXISTS
    full = steward.RegisterPartner(asked)
    assert (full.created, full.partner.partner_id) == (False, first.partner_id)
    assert (full.partner.name, full.partner.tax_code) == ("Mẫu Điện", "0100233488")
    assert list(full.partner.aliases) == ["Sample Power"]
    assert steward.RegisterPartner(asked) == full
    for query in ("sample power", "0100233488", "Mẫu Điện"):
        request = partner_service_pb2.ResolvePartnerRequest(query=query)
        assert steward.ResolvePartner(request).partner == full.partner
    found = steward.SearchPartners(partner_service_pb2.SearchPartnersRequest(query="power"))
    assert list(found.partners) == [full.partner]
    with Log(settings.kafka_bootstrap, "kieng.partners.v1") as log:
        record = log.first(lambda r: event_of(r).partner == full.partner)
    assert event_of(record).version == 2


def test_two_stewards_who_complete_a_partner_at_once_lose_nothing(channel: grpc.Channel) -> None:
    stub = partner_service_pb2_grpc.PartnerServiceStub(channel)
    steward = Caller(stub, credential("root", "keeper", "steward"))
    steward.RegisterPartner(partner("Mẫu Chung"))
    with ThreadPoolExecutor(3) as pool:
        asked = (partner("Mẫu Chung", f"Tên {number}") for number in range(3))
        list(pool.map(steward.RegisterPartner, asked))
    request = partner_service_pb2.ResolvePartnerRequest(query="Mẫu Chung")
    found = steward.ResolvePartner(request).partner
    assert sorted(found.aliases) == ["Tên 0", "Tên 1", "Tên 2"]


def test_a_name_that_somebody_takes_in_between_is_not_written_twice(
    empty_database: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, change = Partners(empty_database), Change(datetime.now(UTC), "event")
    first, second, both = (
        wire.decode_partner(partner(*names).partner)
        for names in (("Mẫu Một",), ("Mẫu Hai",), ("Mẫu Một", "Mẫu Hai"))
    )
    known, _ = store.register(first, change)
    store.register(second, change)
    # As if the second had not been there when it was asked for.
    monkeypatch.setattr(store, "_sharing", lambda asked: [known])
    with pytest.raises(Conflict):
        store.register(both, change, wire.key_of)
    assert store.meant_by("", "mau mot") == [known]


def test_a_taken_name_a_wrong_tax_code_and_an_unclear_text_are_refused(
    channel: grpc.Channel,
) -> None:
    partners = partners_of(channel)
    first = partners.RegisterPartner(partner("Mẫu Một", tax_code="0100233488")).partner
    code, told = refusal_of(partners.RegisterPartner, partner("Mẫu Hai", "mau mot JSC"))
    assert (code, told["partner_id"]) == (grpc.StatusCode.ALREADY_EXISTS, first.partner_id)
    wrong = partner("Mẫu Ba", tax_code="0100233489")
    assert refusal_of(partners.RegisterPartner, wrong)[0] == grpc.StatusCode.INVALID_ARGUMENT
    second = partners.RegisterPartner(partner("Mẫu Bốn", "0100233488")).partner
    resolve = partner_service_pb2.ResolvePartnerRequest
    code, told = refusal_of(partners.ResolvePartner, resolve(query="0100233488"))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert set(told) == {first.partner_id, second.partner_id}
    code, _ = refusal_of(partners.ResolvePartner, resolve(query="nobody"))
    assert code == grpc.StatusCode.NOT_FOUND


def test_one_partner_registered_by_many_at_once_is_one(channel: grpc.Channel) -> None:
    partners = partners_of(channel)
    with ThreadPoolExecutor(6) as pool:
        asked = (partner(f"Mẫu Chung {form}") for form in ("", "JSC", "Co., Ltd", "", "", "Group"))
        answers = list(pool.map(partners.RegisterPartner, asked))
    assert sum(answer.created for answer in answers) == 1
    assert len({answer.partner.partner_id for answer in answers}) == 1


def test_partners_are_found_by_words_of_their_names_best_first(channel: grpc.Channel) -> None:
    partners = partners_of(channel)
    for name in ("Điện tử Mẫu Sao", "Mẫu Sao Xanh", "Công ty Mẫu Sao", "Khác"):
        partners.RegisterPartner(partner(name))
    search = partner_service_pb2.SearchPartnersRequest

    def names(**fields: Any) -> list[str]:
        return [p.name for p in partners.SearchPartners(search(**fields)).partners]

    assert names(query="MAU SAO") == ["Công ty Mẫu Sao", "Mẫu Sao Xanh", "Điện tử Mẫu Sao"]
    assert names(query="sao dien") == ["Điện tử Mẫu Sao"]
    assert len(names()) == 4
    assert len(names(page_size=2)) == 2
    assert names(query="nobody") == []


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
        assert directory_of(channel).PublishDirectory(publish()).version == 1
        wait_until(lambda: RELAY_FAILURES._value.get() > failures)
    with (
        running(PartnersService, settings),
        Log(settings.kafka_bootstrap, "kieng.directory.v1") as log,
    ):
        assert log.first(lambda r: is_of(empty_database, r))
