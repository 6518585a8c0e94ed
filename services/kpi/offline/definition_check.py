"""Checks catalogue definitions as the service does, but offline: before they are published.

`python -m services.kpi.offline.definition_check UNITS [EXAMPLES]` reads a serialized catalogue
from its input and prints one JSON object: what is wrong by the path of the definition, how many
examples were run, and what differed. `kieng catalogue check` presents the result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.offline.examples import check_folder
from services.kpi.offline.verification import read_units
from services.kpi.wire.catalogue import decode_catalogue


def mistakes(message: catalogue_pb2.Catalogue) -> dict[str, str]:
    """Return path -> what is wrong, for the definitions of a catalogue that cannot be counted.

    Empty if all are right. A wrong indicator is left out and the rest is checked again, so that one
    run reports all of them. A wrong taxonomy ends the check, because the indicators that it splits
    cannot be judged.
    """
    found: dict[str, str] = {}
    rest = catalogue_pb2.Catalogue()
    rest.CopyFrom(message)
    aside: set[str] = set()
    while True:
        try:
            decode_catalogue(rest)
            return found
        except InvalidArgument as wrong:
            ((path, text),) = wrong.fields.items()
        code = path.partition("[")[2].partition("]")[0]
        is_left = any(indicator.attainment_of in aside for indicator in rest.indicators)
        if not (path.endswith("attainment_of") and is_left):
            found[path] = text
        keep = [indicator for indicator in rest.indicators if indicator.code != code]
        if not path.startswith("indicators") or len(keep) == len(rest.indicators):
            return found
        aside.add(code)
        del rest.indicators[:]
        rest.indicators.extend(keep)


def check(message: catalogue_pb2.Catalogue, units: Path, examples: Path | None) -> dict[str, Any]:
    """Check the definitions of a catalogue and run their examples.

    Args:
        message: the catalogue; its units are added to it.
        units: units file.
        examples: folder with examples; None to run none.

    Returns:
        JSON values: `mistakes` (path -> what is wrong), `examples` (number of examples that were
            run; 0 if there are mistakes), `differences` (one line per cell that differs).
    """
    message.units.extend(read_units(units))
    found = mistakes(message)
    count, differences = 0, list[str]()
    if not found and examples is not None:
        count, differences = check_folder(examples, decode_catalogue(message))
    return {"mistakes": found, "examples": count, "differences": differences}


def main(arguments: Sequence[str]) -> int:
    """Check the catalogue on standard input and print the result as JSON.

    Args:
        arguments: path of the units file, and optionally the folder of examples.

    Returns:
        Exit code: 0 even if there are mistakes, 2 for wrong arguments.
    """
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    message = catalogue_pb2.Catalogue.FromString(sys.stdin.buffer.read())
    examples = Path(arguments[1]) if len(arguments) == 2 else None
    print(json.dumps(check(message, Path(arguments[0]), examples)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
