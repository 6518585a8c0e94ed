"""What travels in a page comes back unchanged, and files are read beside the event loop."""

from __future__ import annotations

import asyncio
import io
import threading

import pytest
import xlsxwriter

from services.kernel.errors import InvalidArgument
from services.portal.uploads import Desk, Upload, clean_name, packed, read, unpacked

ROWS = 4_000


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 50])
def test_what_is_packed_comes_back(content: bytes) -> None:
    assert unpacked(packed(content)) == content


def test_nothing_unpacks_to_more_than_it_may() -> None:
    assert unpacked(packed(b" " * 1000), 1000) == b" " * 1000
    with pytest.raises(InvalidArgument):
        unpacked(packed(b" " * 1001), 1000)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("receipt.csv", "receipt.csv"),
        (r"C:\users\a\receipt.csv", "receipt.csv"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b.csv", "a_b.csv"),
        ("x" * 300 + ".csv", "x" * 80 + ".csv"),
        ("..", "file"),
        ("Biên lai.xlsx", "Biên lai.xlsx"),
    ],
)
def test_a_name_leads_nowhere(given: str, name: str) -> None:
    assert clean_name(given) == name


def book() -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["record_id", "unit_id", "number", "received_on", "amount_vnd"])
        for at in range(1, ROWS):
            sheet.write_row(at, 0, [f"r-{at}", "vnu/hus", f"PT-{at}", "2025-03-01", str(at)])
    return content.getvalue()


def test_the_event_loop_goes_on_while_a_large_file_is_read() -> None:
    upload = Upload("receipt.xlsx", book(), {"system": "file"})

    async def scenario() -> tuple[int, int]:
        desk, turns = Desk(), 0
        assert await desk.work(threading.get_ident) != threading.get_ident()
        reading = asyncio.create_task(desk.work(read, upload))
        while not reading.done():
            await asyncio.sleep(0.001)
            turns += 1
        return len((await reading).requests), turns

    rows, turns = asyncio.run(scenario())
    assert rows == ROWS - 1
    assert turns > 1


def test_too_many_rows_below_wrong_headings_are_no_error_of_the_portal() -> None:
    rows = "".join(f"p{number},vnu/hus\n" for number in range(5_001))
    content = f"record_id,unit_id,no such\n{rows}".replace("hus\n", "hus,x\n").encode()
    found = read(Upload("receipt.csv", content, {"type": "receipt", "system": "file"}))
    assert found.parsed is None
    assert "5,000 rows" in str(found.wrong)
