"""Derives the events of submissions from backup files, without a database or broker.

`python -m services.submissions.offline_log FILE...` reads files of a backup (`.bson.gz`, documents
one after another) and writes for each event its key, CloudEvents source and value to standard
output, each preceded by its length in 4 bytes, big-endian. `kieng backup` computes the digest of a
backup from this output.
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
    """Yield key, CloudEvents source and value of each event of the submissions in these files.

    Args:
        paths: files of a backup, `.bson.gz`; the events are in the order of their documents.
    """
    for path in paths:
        with gzip.open(path, "rb") as file:
            for document in decode_file_iter(cast(BinaryIO, file), OPTIONS):
                for event in events_of(None, decode(document).submission):
                    yield event.key.encode(), event.source.encode(), event.value


def main(arguments: Sequence[str]) -> int:
    """Write the events in files of a backup to standard output, in the form of the module.

    Args:
        arguments: paths of the files.

    Returns:
        The exit code 0.
    """
    for record in records([Path(argument) for argument in arguments]):
        for content in record:
            sys.stdout.buffer.write(len(content).to_bytes(4, "big") + content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
