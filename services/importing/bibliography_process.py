"""Reads the records of a bibliography; what libraries parse is read in a process with limits.

The libraries for RIS and BibTeX take a time that grows with the square of some files, and a few
abbreviations of BibTeX unfold to any length. Neither may occupy the process that asks.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from services.importing.bibliography_formats import READERS, WRONG, Record
from services.importing.csv_file import encoding_of
from services.importing.errors import Unreadable

BY_LIBRARY = frozenset({"ris", "bibtex"})
"""The formats that a library parses; Python itself parses JSON."""
CPU_SECONDS = 5
CPU_SECONDS_PER_MIB = 10
"""CPU time allowed for reading, beside `CPU_SECONDS`; 6,000 usual records take a sixth of it."""
MEMORY_MAX = 2 * 1024**3
"""Maximum address space of the process that reads, in bytes."""
GROWTH_MAX = 8
"""Maximum length of all texts that are read, as a multiple of the file's."""
MIB = 1024**2
TOO_MUCH = 3
"""Exit code of the process if the file needs more memory than it may have."""


def records(path: Path, source: str) -> list[Record]:
    """Return the records (field -> text) in a file, in its order.

    The fields are those of the format; see the function for it in `READERS`.

    Args:
        path: file in UTF-8, UTF-16 or an old Vietnamese encoding.
        source: name of its format, a key of `READERS`.

    Raises:
        Unreadable: the file cannot be read, does not have this format or any record, or is made so
            that reading takes much longer or more memory than its size explains. Its author's
            fault.
    """
    if not (found := _read(path, source)):
        raise Unreadable(path, f"has no record of {source}; export it again")
    return found


def _read(path: Path, source: str) -> list[Record]:
    try:
        text = path.read_bytes().decode(encoding_of(path))
        if source not in BY_LIBRARY:
            return list(READERS[source](text))
    except WRONG as error:
        raise _wrong(path, source, error) from error
    answer = _ask(text, source)
    if not answer:
        raise Unreadable(path, "takes too long to read; split it, or export it as CSV")
    told = json.loads(answer)
    if "problem" in told:
        raise _wrong(path, source, told["problem"])
    return list(told["records"])


def _wrong(path: Path, source: str, problem: object) -> Unreadable:
    return Unreadable(path, f"not a file of {source}: {problem}")


def _ask(text: str, source: str) -> bytes:
    """Return what the process answers; empty if it was ended because it needs too much.

    Raises:
        CalledProcessError: the process failed for another reason. Not the file's fault.
    """
    encoded = text.encode("utf-8", "surrogatepass")
    seconds = CPU_SECONDS + CPU_SECONDS_PER_MIB * len(encoded) // MIB
    # Safe, so that no module in the user's folder is taken for one of Python's.
    argv = (sys.executable, "-P", "-m", __name__, source, str(seconds))
    done = subprocess.run(argv, input=encoded, stdout=subprocess.PIPE, check=False)
    # The system ends a process that takes too long by a signal.
    if done.returncode == TOO_MUCH or done.returncode < 0:
        return b""
    done.check_returncode()
    return done.stdout


def _limited(found: Iterator[Record], length: int) -> Iterator[Record]:
    left = GROWTH_MAX * length + MIB
    for record in found:
        left -= sum(map(len, record.values()))
        if left < 0:
            raise MemoryError
        yield dict(record)


def _answer(source: str, seconds: int) -> dict[str, object]:
    """Read standard input within the limits; return the records, or what is wrong with the file.

    Raises:
        MemoryError: the texts unfold to much more than the file has.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    text = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    try:
        return {"records": list(_limited(READERS[source](text), len(text)))}
    except WRONG as error:
        return {"problem": str(error)}


if __name__ == "__main__":
    try:
        print(json.dumps(_answer(sys.argv[1], int(sys.argv[2]))))
    except MemoryError:
        sys.exit(TOO_MUCH)
