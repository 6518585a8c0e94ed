"""Partners as they are registered, completed, resolved and found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from kieng.partners.v1 import events_pb2 as partner_events_pb2
from kieng.partners.v1 import partner_pb2, partner_service_pb2, partner_service_pb2_grpc
from services.kernel.errors import Conflict
from services.kernel.mongo import Mongo
from services.partners import wire
from services.partners.config import Settings
from services.partners.documents import Change
from services.partners.store import Partners
from tests.integration.partners.serving import Caller, Log, agreed, credential, refusal_of
from tests.integration.partners.test_directory import first_directory


def partner(name: str, *aliases: str, tax_code: str = "") -> Any:
    message = partner_pb2.Partner(
        name=name, aliases=aliases, tax_code=tax_code, house=partner_pb2.HOUSE_ENTERPRISE
    )
    return partner_service_pb2.RegisterPartnerRequest(partner=message)


def partners_of(channel: grpc.Channel) -> Caller:
    stub = partner_service_pb2_grpc.PartnerServiceStub(channel)
    return Caller(stub, credential("alpha", "author", "contributor"))


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
    first_directory(channel)
    first = partners_of(channel).RegisterPartner(partner("Mẫu Điện")).partner
    asked = partner("Mau Dien JSC", "Sample Power", tax_code="0100233488")
    code, _ = refusal_of(partners_of(channel).RegisterPartner, asked)
    assert code == grpc.StatusCode.ALREADY_EXISTS
    assert agreed(channel, steward.RegisterPartner(asked)).outcome == first.partner_id
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
    first_directory(channel)
    steward.RegisterPartner(partner("Mẫu Chung"))

    def complete(number: int) -> None:
        asked = partner("Mẫu Chung", f"Tên {number}")
        assert agreed(channel, steward.RegisterPartner(asked)).outcome == "partner:00001"

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(complete, range(3)))
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
