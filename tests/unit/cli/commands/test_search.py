"""A search says when there are more units or partners than it lists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kieng.directory.v1 import directory_pb2, directory_service_pb2
from kieng.partners.v1 import partner_pb2, partner_service_pb2
from services.cli.client.clients import Clients
from services.cli.commands.unit import FOUND_MAX
from services.cli.main import main


class Full:
    """A stub of services that find as much as they are asked for, at most ``known``."""

    def __init__(self, known: int) -> None:
        self.known = known

    def SearchUnits(self, request: Any) -> Any:
        found = [
            directory_pb2.Unit(unit_id=f"alpha/u{number}", kind=directory_pb2.UNIT_KIND_SCHOOL)
            for number in range(min(self.known, request.page_size))
        ]
        return directory_service_pb2.SearchUnitsResponse(units=found)

    def SearchPartners(self, request: Any) -> Any:
        found = [
            partner_pb2.Partner(partner_id=f"partner:{number:05d}")
            for number in range(min(self.known, request.page_size))
        ]
        return partner_service_pb2.SearchPartnersResponse(partners=found)


@pytest.mark.parametrize(("known", "more"), [(FOUND_MAX, False), (FOUND_MAX + 1, True)])
@pytest.mark.parametrize("kind", ["unit", "partner"])
def test_more_than_is_listed_is_said(
    kind: str,
    known: int,
    more: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Clients, "stub", lambda self, stub_class: Full(known))
    for output in ("json", "csv"):
        with pytest.raises(SystemExit) as ended:
            main([kind, "search", "a", "--lang", "en", "--output", output])
        assert ended.value.code == 0
    printed, said = capsys.readouterr()
    document, end = json.JSONDecoder().raw_decode(printed)
    assert (len(document[f"{kind}s"]), document["more"]) == (FOUND_MAX, more)
    assert len(printed[end:].strip().splitlines()) == FOUND_MAX + 1
    assert ("there are more" in said) is more
