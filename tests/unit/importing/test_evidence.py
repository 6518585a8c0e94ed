"""Files of evidence are hashed where they lie: below the table, and nowhere else."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

import pytest

from services.importing import submission_file
from services.importing.errors import Unreadable
from services.importing.evidence import ChosenEvidence, EvidenceFolder, chosen_files
from services.importing.field_values import CellWrong
from services.importing.submission_file import Reading
from services.importing.submission_rows import Parsed

HEADER = "record_id,unit_id,title,issued_on,Tệp minh chứng,evidence_sha256,evidence_title"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def table(
    folder: Path, files: str, digests: str = "", titles: str = "", sent: bool = False
) -> Parsed:
    folder.mkdir(exist_ok=True)
    path = folder / "publication.csv"
    row = f"r1,vnu/hus,T,2025-01-31,{files},{digests},{titles}"
    path.write_text(f"{HEADER}\n{row}\n", encoding="utf-8")
    return submission_file.read(path, Reading(has_files=not sent))


def found(parsed: Parsed) -> list[tuple[str, str]]:
    (request,) = parsed.requests
    return [(proof.sha256, proof.title) for proof in request.content.evidence]


def test_files_beside_the_table_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "proofs").mkdir()
    (tmp_path / "proofs" / "a.pdf").write_bytes(b"a")
    (tmp_path / "b.pdf").write_bytes(b"b")
    parsed = table(tmp_path, "proofs/a.pdf|b.pdf")
    assert found(parsed) == [(sha256(b"a"), "a.pdf"), (sha256(b"b"), "b.pdf")]
    assert found(table(tmp_path, "proofs\\a.pdf")) == [(sha256(b"a"), "a.pdf")]


def test_titles_belong_to_the_digests_first_and_then_to_the_files(tmp_path: Path) -> None:
    (tmp_path / "b.pdf").write_bytes(b"b")
    parsed = table(tmp_path, "b.pdf", "C" * 64, "Letter|Article")
    assert found(parsed) == [("c" * 64, "Letter"), (sha256(b"b"), "Article")]


def test_a_name_is_found_however_its_marks_are_kept(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "quyết định.pdf")).write_bytes(b"q")
    parsed = table(tmp_path, unicodedata.normalize("NFC", "quyết định.pdf"))
    assert found(parsed) == [(sha256(b"q"), "quyết định.pdf")]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ("none.pdf", "cell.file_missing"),
        (".", "cell.file_missing"),
        ("../secret", "cell.file_outside"),
        ("{tmp}/secret", "cell.file_outside"),
        ("link", "cell.file_outside"),
    ],
)
def test_what_is_not_below_the_table_is_not_read(tmp_path: Path, files: str, problem: str) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    folder = tmp_path / "table"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    parsed = table(folder, files.format(tmp=tmp_path))
    assert [(each.column, each.problem) for each in parsed.wrong] == [("evidence_file", problem)]
    assert not parsed.requests


def test_a_table_that_was_sent_has_no_file_of_this_machine_read(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"a")
    parsed = table(tmp_path, "a.pdf", sent=True)
    assert [each.problem for each in parsed.wrong] == ["cell.file_not_sent"]


def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"a")

    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # Only meanwhile: pytest opens files, too.
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(CellWrong) as wrong:
            EvidenceFolder(tmp_path)("a.pdf")
    assert wrong.value.problem == "cell.file_unreadable"
    assert wrong.value.values == {"text": "a.pdf", "reason": "Permission denied"}


CHOSEN = {"a.pdf": "a" * 64, "2024/b.pdf": "b" * 64, "2025/b.pdf": "c" * 64, "hai/c.pdf": "d" * 64}


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("a.pdf", "a"),
        ("minh-chung/a.pdf", "a"),
        ("minh-chung\\a.pdf", "a"),
        ("./2024/b.pdf", "b"),
        ("x/2025/b.pdf", "c"),
        ("c.pdf", "d"),
    ],
)
def test_a_chosen_file_is_found_with_and_without_its_folder(name: str, digest: str) -> None:
    assert ChosenEvidence(CHOSEN)(name) == digest * 64


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("b.pdf", "cell.file_ambiguous"),
        ("mot/c.pdf", "cell.file_not_sent"),
        ("xa.pdf", "cell.file_not_sent"),
        ("/", "cell.file_not_sent"),
    ],
)
def test_what_was_not_chosen_or_is_not_one_file_is_refused(name: str, problem: str) -> None:
    with pytest.raises(CellWrong) as wrong:
        ChosenEvidence(CHOSEN)(name)
    assert (wrong.value.problem, wrong.value.values) == (problem, {"text": name})


def test_files_of_one_name_and_content_are_one() -> None:
    assert ChosenEvidence({"1/a.pdf": "a" * 64, "2/a.pdf": "a" * 64})("a.pdf") == "a" * 64


def test_a_chosen_name_is_found_however_its_marks_are_kept() -> None:
    chosen = {unicodedata.normalize("NFD", "quyết định.pdf"): "a" * 64}
    assert ChosenEvidence(chosen)(unicodedata.normalize("NFC", "quyết định.pdf")) == "a" * 64


def test_lines_of_sha256sum_name_files() -> None:
    text = f"{'A' * 64}  a b.pdf\r\n\n{'b' * 64} *b.pdf\n"
    assert chosen_files(text) == {"a b.pdf": "a" * 64, "b.pdf": "b" * 64}
    with pytest.raises(Unreadable) as wrong:
        chosen_files(f"{'a' * 64}  a.pdf\na.pdf")
    assert wrong.value.place == "evidence:2"
