"""All rows of a view <-> compact bytes, for kept days and replays."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

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
