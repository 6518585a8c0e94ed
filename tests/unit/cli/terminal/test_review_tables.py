"""In the queue a submission is known by its title and its amount."""

from __future__ import annotations

from kieng.submissions.v1 import facts_pb2, submission_pb2
from services.cli.terminal.review_tables import AMOUNTS, subject_text
from services.cli.terminal.screen import Screen
from services.texts import Lang
from tests.unit.submissions.builders import publication, transfer


def test_every_amount_of_money_is_shown() -> None:
    fields = [
        (field.name, inner.name)
        for field in facts_pb2.Facts.DESCRIPTOR.fields
        for inner in (field.message_type.fields if field.message_type else ())
        if inner.name.endswith("_vnd")
    ]
    assert {name for _, name in fields} == set(AMOUNTS)
    shown = subject_text(Screen(lang=Lang.vi), transfer(value_vnd="9000000"))
    assert shown.endswith(" · 9.000.000 ₫")


def test_a_title_is_shown_alone_without_an_amount() -> None:
    assert subject_text(Screen(), publication()) == "A title"
    assert subject_text(Screen(), submission_pb2.Content()) == ""
