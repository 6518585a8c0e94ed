"""What the services of a stack are given, and what of their surroundings takes precedence."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.client.stack import SERVICES, Stack
from services.cli.local import service_environment
from services.cli.local.service_environment import KEYS, addresses, inherited, of_service, of_stack

STACK = Stack("/data", 1, "127.0.0.1:1", "embedded", "mongodb://127.0.0.1:2")


def test_keys_are_not_inherited_and_the_rest_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS, "KIENG_OTHER"):
        monkeypatch.setenv(name, "from outside")
    assert {name for name in inherited() if name.startswith("KIENG_")} >= {"KIENG_OTHER"}
    assert not set(KEYS) & inherited().keys()


def test_what_is_only_advisable_yields_to_what_is_inherited() -> None:
    outer = {"KIENG_KAFKA_FETCH_WAIT_MS": "7", "KIENG_HOST": "elsewhere"}
    given = of_stack(STACK, ["vnu"], outer)
    assert given["KIENG_KAFKA_FETCH_WAIT_MS"] == "7"
    assert given["KIENG_AUDIENCES"] == "none"
    assert given["KIENG_HOST"] == service_environment.HOST
    assert given["KIENG_INSTITUTIONS"] == '["vnu"]'


def test_only_the_embedded_broker_has_no_groups() -> None:
    external = Stack("/data", 1, "127.0.0.1:1", "external", "mongodb://127.0.0.1:2")
    assert of_stack(STACK, [], {})["KIENG_KAFKA_MEMBERSHIP"] == "sole"
    assert "KIENG_KAFKA_MEMBERSHIP" not in of_stack(external, [], {})
    assert "KIENG_KAFKA_FETCH_WAIT_MS" not in of_stack(external, [], {})


def test_a_certificate_is_named_if_there_is_one() -> None:
    assert not [name for name in of_stack(STACK, [], {}) if "TLS" in name]
    with_tls = of_stack(STACK, [], {}, tls=True)
    assert with_tls["KIENG_TLS_KEY_FILE"] == str(Path("/data/tls/tls.key"))


def test_services_find_the_grpc_ports_of_each_other() -> None:
    pairs = {name: (10 * i, 10 * i + 1) for i, name in enumerate(SERVICES)}
    assert addresses(pairs) == {
        "KIENG_PARTNERS_ADDRESS": "127.0.0.1:0",
        "KIENG_SUBMISSIONS_ADDRESS": "127.0.0.1:10",
        "KIENG_KPI_ADDRESS": "127.0.0.1:30",
        "KIENG_NOTIFICATIONS_ADDRESS": "127.0.0.1:40",
    }


def test_each_file_of_keys_is_for_one_process() -> None:
    given = {name: of_service(name, STACK, 8, 9) for name in SERVICES}
    holders = {
        variable: [name for name in SERVICES if variable in given[name]]
        for variable in ("KIENG_SERVICE_KEY_FILE", "KIENG_EDITION_KEY_FILE", "KIENG_WEB_PORT")
    }
    assert holders == {
        "KIENG_SERVICE_KEY_FILE": ["submissions"],
        "KIENG_EDITION_KEY_FILE": ["kpi.query"],
        "KIENG_WEB_PORT": ["portal"],
    }
    assert given["portal"]["KIENG_GRPC_PORT"] == "0"
    assert {each["KIENG_HTTP_PORT"] for each in given.values()} == {"9"}
