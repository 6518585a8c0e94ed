#!/usr/bin/env bash
# typer reads every option through pydantic, a plain text too, and imports it only when a command is run: importing
# typer does not show the cost and `--help` does not pay it, but a command with one option of type str loads 45 modules
# of pydantic before its first line. Whoever imports lazily, for commands that start quickly, finds it there.
# Seen with typer 0.29.2 and pydantic 2.14.3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check typer==0.29.2 pydantic==2.14.3
cat >seen.py <<'PYTHON'
import sys

import typer

app = typer.Typer()


def loaded():
    return sum(name.split(".")[0].startswith("pydantic") for name in sys.modules)


@app.command()
def greet(name: str = "x"):
    print(f"in the command, --name {name}: {loaded()} modules of pydantic")
    raise SystemExit(0 if at_first == after_help == 0 and loaded() > 20 else 1)


at_first = loaded()
try:
    app(["--help"], standalone_mode=False)
except SystemExit:
    pass
after_help = loaded()
print(f"after import typer: {at_first}; after --help: {after_help}")
app(["--name", "y"])
PYTHON
venv/bin/python seen.py
