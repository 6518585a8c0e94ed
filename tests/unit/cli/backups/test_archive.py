"""A backup's files: what was written is read, and any change of them is found."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from services.cli.backups.archive import (
    MANIFEST,
    SEAL,
    ArchiveInvalid,
    Manifest,
    check,
    open_manifest,
    read_part,
    seal,
    write_part,
)
from services.cli.errors import NO
from services.cli.main import main


def documents(count: int) -> list[RawBSONDocument]:
    return [RawBSONDocument(bson.encode({"_id": n, "text": "ơ" * n})) for n in range(count)]


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    folder = tmp_path / "kieng-1.partial"
    folder.mkdir()
    parts = [
        write_part(folder, "kieng_partners", "partners", documents(50)),
        write_part(folder, "kieng_submissions_a", "submissions", documents(3)),
        write_part(folder, "kieng_submissions_a", "empty", []),
    ]
    versions = {"kieng_partners": 0}
    return seal(folder, Manifest("kieng-1", "2026-11-24", "0", ["a"], True, versions, {}, parts))


def problems(folder: Path) -> list[str]:
    try:
        return list(check(folder, open_manifest(folder), lambda part: None))
    except ArchiveInvalid as invalid:
        return [str(invalid)]


def test_what_was_written_is_read(backup: Path) -> None:
    manifest = open_manifest(backup)
    assert problems(backup) == []
    read = [dict(document) for document in read_part(backup, manifest.parts[0])]
    assert read == [dict(document) for document in documents(50)]
    assert (manifest.documents, len(manifest.parts)) == (53, 3)


def test_only_the_owner_can_read_a_backup(backup: Path) -> None:
    for path in backup.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_a_flipped_bit_anywhere_is_found(backup: Path) -> None:
    for path in sorted(path for path in backup.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 40)):
            changed = bytearray(whole)
            changed[at] ^= 1
            path.write_bytes(changed)
            assert problems(backup), f"{path.name}, byte {at}"
        path.write_bytes(whole)
    assert problems(backup) == []


def shorten(backup: Path) -> None:
    path = backup / "kieng_partners" / "partners.bson.gz"
    path.write_bytes(path.read_bytes()[:-9])


BROKEN: dict[str, tuple[Any, str]] = {
    "cut off": (shorten, "not what was written"),
    "without a file": (
        lambda backup: (backup / "kieng_partners" / "partners.bson.gz").unlink(),
        "partners.bson.gz: missing",
    ),
    "without its manifest": (lambda backup: (backup / MANIFEST).unlink(), "cut off"),
    "without its hash": (lambda backup: (backup / SEAL).unlink(), "cut off"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_backup_that_is_broken_is_told(backup: Path, how: str) -> None:
    change, told = BROKEN[how]
    change(backup)
    (problem,) = problems(backup)
    assert told in problem


def test_a_file_with_other_documents_is_not_read_to_its_end_in_silence(backup: Path) -> None:
    part = open_manifest(backup).parts[0]
    write_part(backup, part.database, part.collection, documents(49))
    with pytest.raises(ArchiveInvalid, match="49 documents, 50 were written"):
        list(read_part(backup, part))


@pytest.mark.parametrize("command", ["verify", "restore"])
def test_a_damaged_backup_is_told_in_the_language_of_the_command(
    backup: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (backup / part.file for part in open_manifest(backup).parts[:2])
    first.write_bytes(b"spoilt")
    second.unlink()
    with pytest.raises(SystemExit) as ended:
        main(["backup", command, str(backup), "--lang", "vi"])
    assert ended.value.code == NO
    told = "".join(capsys.readouterr())
    assert "nội dung không còn đúng như khi ghi" in told
    assert ": thiếu" in told
