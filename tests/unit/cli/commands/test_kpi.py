"""Months that were not given are those that people mean."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo

import pytest

from services.cli.commands import kpi, kpi_history
from services.cli.errors import USAGE, Failure

HANOI = timezone(timedelta(hours=7))


class Midnight(datetime):
    """A clock that stands half an hour after the year began in Hanoi, when UTC has the old one."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Midnight:
        """Return this time in a zone."""
        return cls(2026, 1, 1, 0, 30, tzinfo=HANOI).astimezone(tz)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (("2025-03", "2025-07"), ("2025-03", "2025-07")),
        (("", "2025-07"), ("2025-01", "2025-07")),
        (("2025-03", ""), ("2025-03", "2026-01")),
        (("", ""), ("2026-01", "2026-01")),
    ],
)
def test_months_go_from_january_to_the_present_month_in_vietnam(
    given: tuple[str, str], meant: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kpi, "datetime", Midnight)
    assert kpi.read_months(*given) == meant
    chosen = kpi.selection([], [], *given, by_month=False)
    assert (chosen.from_month, chosen.to_month) == meant


@pytest.mark.parametrize(
    ("given", "option"), [(("2025-13", "2025-12"), "--from"), (("", "2025"), "--to")]
)
def test_what_is_no_month_is_refused_by_its_option(given: tuple[str, str], option: str) -> None:
    with pytest.raises(Failure, match=option):
        kpi.read_months(*given)


@pytest.mark.parametrize("text", ["", "0", "0:", "0:1,", f"0:{10**19}", f"{10**10}:1"])
def test_what_is_no_position_of_a_log_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="write partition:offset") as refused:
        kpi_history.read_vector(text)
    assert refused.value.exit_code == USAGE


def test_a_position_has_an_offset_for_each_partition() -> None:
    found = kpi_history.read_vector("0:1234,1:999999999999999999")
    assert [(each.partition, each.next_offset) for each in found] == [
        (0, 1234),
        (1, 999_999_999_999_999_999),
    ]
