"""Makes the fonts of the portal's pages from the whole fonts that documents are written with.

    .venv/bin/python deploy/web_fonts.py           # writes services/portal/static/*.woff
    .venv/bin/python deploy/web_fonts.py --check   # exit 1 when one is not what would be written

A page needs few of the letters, and digits of one width below each other, which Be Vietnam Pro
lacks: here each digit has a second form in the middle of the same width, by the feature `tnum`. The
licence (OFL) allows changes, and reserves no name.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
from copy import deepcopy
from pathlib import Path

from fontTools import subset
from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.ttLib import TTFont

ROOT = Path(__file__).parents[1]
WHOLE = ROOT / "services" / "documents" / "fonts"
PAGES = ROOT / "services" / "portal" / "static"
LICENCE = "OFL.txt"
SHA256 = {
    "BeVietnamPro-Regular": "cd1ef6e9d7db28ad5cdb88a65ccbe693870e60d340b791f349d248342b4fe4c3",
    "BeVietnamPro-SemiBold": "bd8e27eb02720b9d91e59e4f10a90878643219f25ce6a8d9a4f06a8a88d3bb71",
}
"""Whole fonts, version 1.002 of the project, by the digest of their file."""
LETTERS = [
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    *(0x1A0, 0x1A1, 0x1AF, 0x1B0),
    *(0x300, 0x301, 0x303, 0x309, 0x323),
    *range(0x1EA0, 0x1EFA),
    *(0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2026),
    *(0x2039, 0x203A, 0x20AB, 0x20AC, 0x2212, 0x2264, 0x2265),
]
"""Latin with its accents, Vietnamese, and the signs of the pages; others come from the system."""
DIGITS = range(ord("0"), ord("9") + 1)
DIGIT_WIDTH = 660
"""In thousandths of the size; about the mean of the digits but the narrow 1."""


def made(name: str) -> bytes:
    """Return the font of pages that is made of a whole font.

    Raises:
        ValueError: the whole font is not the one that is pinned.
    """
    content = (WHOLE / f"{name}.ttf").read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise ValueError(f"{name}.ttf is another file than the pinned one")
    font = reduced(content, LETTERS)
    outlines, widths = font["glyf"], font["hmtx"]
    digits = [font.getBestCmap()[digit] for digit in DIGITS]
    for glyph in digits:
        outline = deepcopy(outlines[glyph])
        before = (DIGIT_WIDTH - (outline.xMax - outline.xMin)) // 2
        outline.coordinates.translate((before - outline.xMin, 0))
        outline.recalcBounds(outlines)
        outlines[f"{glyph}.tnum"] = outline
        widths[f"{glyph}.tnum"] = (DIGIT_WIDTH, before)
    rules = "".join(f"sub {glyph} by {glyph}.tnum;" for glyph in digits)
    addOpenTypeFeaturesFromString(font, f"feature tnum {{ {rules} }} tnum;")
    font.flavor = "woff"
    written = io.BytesIO()
    font.save(written)
    return written.getvalue()


def reduced(content: bytes, letters: list[int]) -> TTFont:
    """Return a font with these letters only, without hints."""
    options = subset.Options(hinting=False, layout_features=["kern", "mark", "mkmk"])
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=letters)
    font = TTFont(io.BytesIO(content), recalcTimestamp=False)
    subsetter.subset(font)
    return font


def tables(content: bytes) -> dict[str, bytes]:
    """Return the tables of a font; unlike the file they do not depend on how it is compressed."""
    font = TTFont(io.BytesIO(content))
    return {tag: font.reader[tag] for tag in font.reader.tables}


def main() -> int:
    """Write the fonts, or compare them."""
    stale = []
    for name in SHA256:
        path, content = PAGES / f"{name}.woff", made(name)
        if not path.exists() or tables(path.read_bytes()) != tables(content):
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_bytes(content)
                shutil.copy(WHOLE / LICENCE, PAGES)
    print(*stale, sep="\n", end="\n" if stale else "")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
