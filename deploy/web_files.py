"""Brings what the portal's pages take from others into services/portal/static: libraries and fonts.

    .venv/bin/python deploy/web_files.py           # writes what is missing or differs
    .venv/bin/python deploy/web_files.py --check   # exit 1 when something does; needs no network

Libraries (static/vendor) are files of npm packages as they were published, each with its licence.
They are fetched by `npm pack`, which knows the registry that is configured, and pinned by digests.

Fonts are made from the whole fonts that documents are written with. A page needs few of the
letters, and digits of one width below each other, which Be Vietnam Pro lacks: here each digit has a
second form in the middle of the same width, by the feature `tnum`. The licence (OFL) allows
changes, and reserves no name.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

from fontTools import subset
from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.ttLib import TTFont

ROOT = Path(__file__).parents[1]
WHOLE = ROOT / "services" / "documents" / "fonts"
PAGES = ROOT / "services" / "portal" / "static"
VENDOR = PAGES / "vendor"
LIBRARIES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "htmx.org@4.0.1": {
        "htmx.esm.min.js": (
            "dist/htmx.esm.min.js",
            "df982506d1529a193f6073f568ec821d4ae8db761bdb0ef07bd6a3d5eace0b2e",
        ),
        "htmx-LICENSE.txt": (
            "LICENSE",
            "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
        ),
    },
    "uplot@1.6.32": {
        "uPlot.iife.min.js": (
            "dist/uPlot.iife.min.js",
            "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        ),
        "uPlot.min.css": (
            "dist/uPlot.min.css",
            "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
        ),
        "uPlot-LICENSE.txt": (
            "LICENSE",
            "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
        ),
    },
}
"""npm package and version -> name in `VENDOR` -> (path in the package, SHA-256) of a file."""
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


def stale_fonts(is_check: bool) -> list[str]:
    """Return the names of fonts that are not what would be made; write them unless checking."""
    stale = []
    for name in SHA256:
        path, content = PAGES / f"{name}.woff", made(name)
        if not path.exists() or tables(path.read_bytes()) != tables(content):
            stale.append(path.name)
            if not is_check:
                path.write_bytes(content)
                shutil.copy(WHOLE / LICENCE, PAGES)
    return stale


def stale_libraries(is_check: bool) -> list[str]:
    """Return the names of library files that are not the pinned ones; fetch them unless checking.

    What lies beside them without being pinned is named as well, and is for a person to remove.
    """
    stale = []
    for package, files in LIBRARIES.items():
        wrong = [name for name, (_, digest) in files.items() if digest_of(VENDOR / name) != digest]
        stale += wrong
        if wrong and not is_check:
            VENDOR.mkdir(exist_ok=True)
            for name, content in fetched(package).items():
                (VENDOR / name).write_bytes(content)
    pinned = {name for files in LIBRARIES.values() for name in files}
    return [*stale, *sorted({path.name for path in VENDOR.iterdir()} - pinned)]


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file; empty if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def fetched(package: str) -> dict[str, bytes]:
    """Return name -> content of the files that are wanted of an npm package.

    Raises:
        CalledProcessError: npm cannot bring the package.
        ValueError: a file is not the one that is pinned.
    """
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        packing = ["npm", "pack", "--silent", "--ignore-scripts", package]
        subprocess.run(packing, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            for name, (path, digest) in LIBRARIES[package].items():
                member = packed.extractfile(f"package/{path}")
                content = member.read() if member else b""
                if (got := hashlib.sha256(content).hexdigest()) != digest:
                    raise ValueError(f"{path} of {package} is another file than pinned: {got}")
                found[name] = content
    return found


def main() -> int:
    """Write the files, or compare them."""
    is_check = "--check" in sys.argv
    stale = [*stale_libraries(is_check), *stale_fonts(is_check)]
    print(*stale, sep="\n", end="\n" if stale else "")
    return int(bool(stale) and is_check)


if __name__ == "__main__":
    sys.exit(main())
