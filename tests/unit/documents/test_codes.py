"""The code on a printed report: a QR code of the standard's form, drawn without gaps."""

import segno

from services.documents.codes import ADDRESS_BYTES_MAX, BORDER, bars, path

ADDRESS = "https://kieng.example/report?unit=vnu&from=2025-01&to=2025-07"


def test_the_bars_are_the_dark_modules_of_the_code() -> None:
    width, found = bars(ADDRESS)
    drawn = {(x + at, y) for x, y, length in found for at in range(length)}
    matrix = segno.make_qr(ADDRESS, error="m").matrix
    wanted = {
        (x + BORDER, y + BORDER)
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if module
    }
    assert drawn == wanted
    assert width == len(matrix) + 2 * BORDER


def test_the_path_draws_each_bar() -> None:
    width, drawn = path(ADDRESS)
    assert drawn.startswith("M4 4h7v1h-7z")
    assert drawn.count("z") == len(bars(ADDRESS)[1])
    assert width == bars(ADDRESS)[0]


def test_the_longest_address_has_a_code() -> None:
    assert bars("ơ" * (ADDRESS_BYTES_MAX // 2))[0] > bars(ADDRESS)[0]
