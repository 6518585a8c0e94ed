"""Writes the log derived from stored submissions, without database or broker.

`python -m services.submissions.offline_log FILE...` reads files of a backup (`.bson.gz`, documents
one after another) and writes to standard output, for each event: key, CloudEvents source and
value, each after its length; lengths are 4 bytes, big-endian. `kieng backup` uses it to compute
the digest of a backup.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from bson import decode_file_iter
from bson.codec_options import CodecOptions

from services.submissions.documents import decode
from services.submissions.events import events_of

OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


def records(paths: Sequence[Path]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield key, source and value of the events derived from the documents in these files."""
    for path in paths:
        with gzip.open(path, "rb") as file:
            for document in decode_file_iter(cast(BinaryIO, file), OPTIONS):
                for event in events_of(None, decode(document).submission):
                    yield event.key.encode(), event.source.encode(), event.value


def main(arguments: Sequence[str]) -> int:
    """Write all events to standard output."""
    for record in records([Path(argument) for argument in arguments]):
        for content in record:
            sys.stdout.buffer.write(len(content).to_bytes(4, "big") + content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
