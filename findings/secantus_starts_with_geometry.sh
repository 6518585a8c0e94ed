#!/usr/bin/env bash
# SecantusDB loads shapely, and numpy with it, before it can answer anything, for queries by place that most databases never
# see: two fifths of what importing it takes. Whoever starts one for each trial or test pays for it each time.
# Seen with secantusdb 0.7.0b3: 0.22 s of CPU, of which 0.13 are left once shapely is there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check secantusdb==0.7.0b3
entry=$(venv/bin/python -c 'from importlib.metadata import entry_points; print(next(e.module for e in entry_points(group="console_scripts") if e.name == "secantusd-py"))')
cat >seen.py <<'PYTHON'
import importlib
import sys
import time

entry, mode = sys.argv[1:]
if mode == "without":
    # What shapely brings is loaded before the clock starts, and so is not counted.
    import shapely  # noqa: F401
begin = time.process_time()
importlib.import_module(entry)
print(time.process_time() - begin, "shapely" in sys.modules, "numpy" in sys.modules)
PYTHON
venv/bin/python seen.py "$entry" with >/dev/null  # once, so that all is compiled
for mode in with without; do
  for _ in 1 2 3 4 5; do venv/bin/python seen.py "$entry" "$mode"; done | sort -n | sed -n 3p >"$mode"
done
read -r all shapely numpy <with
read -r rest _ _ <without
echo "$entry: $all s of CPU; shapely loaded: $shapely, numpy loaded: $numpy; once shapely is there: $rest s"
[ "$shapely $numpy" = "True True" ] && python3 -c "raise SystemExit(not $rest < 0.7 * $all)"
