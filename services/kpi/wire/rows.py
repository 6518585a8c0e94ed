"""All rows and works of a view <-> compact bytes, for kept days, replays and editions."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping

from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.image import Image, Row

LEVEL = 6


def encode_rows(rows: Mapping[tuple[int, str, int], Row]) -> bytes:
    """Return the rows of an image, by (partition, unit, month); the same rows, the same bytes."""
    document = [
        [*place, sorted([column, member, value] for (column, member), value in row.items())]
        for place, row in sorted(rows.items())
        if row
    ]
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode(), LEVEL)


def decode_image(content: bytes, catalogue: Catalogue) -> Image:
    """Return the image that rows make."""
    image = Image(catalogue)
    for partition, unit_id, month, cells in json.loads(zlib.decompress(content)):
        row = {(column, member): value for column, member, value in cells}
        image.put(partition, unit_id, month, row)
    return image


def encode_works(works: Iterable[tuple[str, list[bytes]]]) -> bytes:
    """Return works: key, and the newest event of each of its submissions."""
    pack = zlib.compressobj(LEVEL)
    parts = []
    for key, sources in works:
        name = key.encode()
        texts = [struct.pack(">II", len(name), len(sources)), name]
        for source in sources:
            texts += [struct.pack(">I", len(source)), source]
        parts.append(pack.compress(b"".join(texts)))
    return b"".join([*parts, pack.flush()])


def decode_works(content: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Yield works in the order they were written."""
    unpacked, at = memoryview(zlib.decompress(content)), 0

    def take(length: int) -> bytes:
        nonlocal at
        at += length
        return bytes(unpacked[at - length : at])

    while at < len(unpacked):
        name_length, count = struct.unpack(">II", take(8))
        name = take(name_length).decode()
        yield name, [take(struct.unpack(">I", take(4))[0]) for _ in range(count)]
