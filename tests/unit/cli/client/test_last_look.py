"""What a reviewer saw is remembered per reviewer, and a damaged memory harms nothing."""

from __future__ import annotations

from pathlib import Path
from stat import S_IMODE

import pytest
import typer

from services.cli.client.last_look import FILE, LastLook


def test_what_was_shown_is_not_new_until_it_changes(tmp_path: Path) -> None:
    look = LastLook.of(tmp_path, "vnu approver")
    assert look.is_new("s1", 1)
    look.see([("s1", 1), ("s2", 4)])
    assert look.save()
    assert S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    again = LastLook.of(tmp_path, "vnu approver")
    assert [again.is_new("s1", 1), again.is_new("s1", 2), again.is_new("s3", 1)] == [0, 1, 1]
    assert LastLook.of(tmp_path, "hust approver").is_new("s1", 1)


def test_what_no_longer_waits_is_forgotten(tmp_path: Path) -> None:
    look = LastLook.of(tmp_path, "vnu approver")
    look.see([("s1", 1), ("s2", 1)])
    look.see([("s3", 1)], waiting=["s2", "s3"])
    assert look.seen == {"s2": 1, "s3": 1}


def test_what_was_shown_alone_is_remembered(tmp_path: Path) -> None:
    look = LastLook.of(tmp_path, "vnu approver")
    look.shown = ("s1", 3)
    look.save()
    assert LastLook.of(tmp_path, "vnu approver").shown == ("s1", 3)


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "[1]",
        '{"vnu approver": 7}',
        '{"vnu approver": {"seen": 7, "shown": ["", 0]}}',
        '{"vnu approver": {"seen": {}, "shown": ["s1", "new"]}}',
        '{"vnu approver": {"seen": {}, "shown": ["s1"]}}',
    ],
)
def test_a_damaged_memory_is_no_memory(tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE).write_text(damage, encoding="utf-8")
    look = LastLook.of(tmp_path, "vnu approver")
    assert (look.seen, look.shown) == ({}, ("", 0))
    assert look.save()


def test_a_memory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    look = LastLook.of(tmp_path, "vnu approver")
    (tmp_path / FILE).mkdir()
    assert not look.save()


def test_without_a_data_folder_it_is_kept_with_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typer, "get_app_dir", lambda name: str(tmp_path / name))
    assert LastLook.of(tmp_path / "none", "vnu approver").save()
    assert (tmp_path / "kieng" / FILE).is_file()
