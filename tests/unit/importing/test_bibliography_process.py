"""A bibliography made to be read for ever is refused, and no process but its own waits for it."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from services.importing import bibliography_process
from services.importing.bibliography_formats import bibtex
from services.importing.errors import Unreadable

DOUBLED = 17
"""Times that an abbreviation is doubled: 2 KiB unfold to 13 MB."""


def unfolding() -> str:
    first = '@string{a0 = "' + "x" * 100 + '"}\n'
    doubled = (f"@string{{a{n} = a{n - 1} # a{n - 1}}}\n" for n in range(1, DOUBLED))
    return f"{first}{''.join(doubled)}@article{{k, title = a{DOUBLED - 1}}}"


ENDLESS = {
    "quotes that are joined.bib": "@article{k, title = " + '"a" # ' * 40_000 + '"b"}',
    "braces in braces.bib": "@article{k, title = {" + "{a}" * 90_000 + "}}",
    "a text of many lines.ris": "TY  - JOUR\nTI  - x\n" + "y\n" * 500_000 + "ER  - \n",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_takes_too_long_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bibliography_process, "CPU_SECONDS", 1)
    monkeypatch.setattr(bibliography_process, "CPU_SECONDS_PER_MIB", 0)
    path = tmp_path / name
    path.write_text(ENDLESS[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with pytest.raises(Unreadable, match="takes too long to read; split it"):
        bibliography_process.records(path, "ris" if path.suffix == ".ris" else "bibtex")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 0.5


def test_abbreviations_that_unfold_to_much_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "abbreviations.bib"
    path.write_text(unfolding())
    assert path.stat().st_size < 2048
    with pytest.raises(Unreadable, match="takes too long to read"):
        bibliography_process.records(path, "bibtex")


def test_abbreviations_that_people_use_are_unfolded(tmp_path: Path) -> None:
    path = tmp_path / "usual.bib"
    path.write_text('@string{vnu = "Synthetic "}\n@article{k, title = vnu # {Title}, month = mar}')
    (record,) = bibliography_process.records(path, "bibtex")
    assert record == {"key": "k", "title": "Synthetic Title", "month": "March"}


def test_2000_usual_entries_take_a_small_part_of_the_time_allowed(tmp_path: Path) -> None:
    path = tmp_path / "usual.bib"
    entry = "@article{{k{n}, title={{A {{S}}tudy \\`a la {n}}}, doi={{10.5555/x.{n}}}}}\n"
    path.write_text("".join(entry.format(n=n) for n in range(2000)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    found = bibliography_process.records(path, "bibtex")
    assert found[7]["title"] == "A Study à la 7"
    assert len(found) == 2000
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert used < bibliography_process.CPU_SECONDS / 2


def test_what_is_no_bibliography_is_told_from_what_takes_long(tmp_path: Path) -> None:
    path = tmp_path / "broken.bib"
    path.write_text("@article{k, title = ")
    with pytest.raises(Unreadable, match=r"broken\.bib: not a file of bibtex: .*premature end"):
        bibliography_process.records(path, "bibtex")


def test_a_process_that_fails_by_itself_is_not_the_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "usual.bib"
    path.write_text("@article{k, title = {A}}")
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(subprocess.CalledProcessError):
        bibliography_process.records(path, "bibtex")


@pytest.mark.parametrize(
    "text",
    [
        "Plain, with a comma: (1) a/b?",
        "well-known",
        "Tổng quan 2024-2025",
        "10.5555/x_1",
        "a\tb",
        "9-",
    ],
)
def test_a_text_without_latex_stays_as_the_library_would_have_it(text: str) -> None:
    entry = f"@article{{k, title = {{{text}}}}}"
    (fast,) = bibtex(entry)
    (slow,) = bibtex(entry.replace(text, text + "{}"))
    assert fast == slow
