"""Commands reach no database in plain text beyond loopback, and the doctor tells what allows it."""

from __future__ import annotations

import pytest

from services.cli.admin import database
from services.cli.checks.infrastructure import check_settings
from services.cli.client.stack import Stack
from services.cli.errors import USAGE, Failure


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("mongodb://database.example.vn/", "database.example.vn would be reached without"),
        ("made-up@database", "is no URI"),
    ],
)
def test_a_database_that_is_named_by_hand_is_not_reached_in_plain_text(uri: str, told: str) -> None:
    with pytest.raises(Failure, match=told) as refused, database.connect(uri, Stack(".")):
        pass
    assert refused.value.exit_code == USAGE


def test_the_doctor_names_every_setting_that_allows_plain_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (well,) = check_settings(Stack("."))
    assert well.detail == "no mistake"
    names = ("KIENG_PLAIN_TEXT", "KIENG_KAFKA_PLAIN_TEXT", "KIENG_MONGO_PLAIN_TEXT")
    for name in names:
        monkeypatch.setenv(name, "true")
    _, *told = check_settings(Stack("."))
    assert [(each.check, each.detail.partition("=")[0]) for each in told] == [
        ("plain text", name) for name in names
    ]
    assert {each.exit_code for each in told} == {0}


def test_plain_text_that_nobody_asked_for_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIENG_KAFKA_BOOTSTRAP", "kafka.example.vn:9092")
    (wrong,) = check_settings(Stack("."))
    assert "KIENG_KAFKA_PLAIN_TEXT: " in wrong.detail
    assert "kafka.example.vn would be reached without verified TLS" in wrong.detail
