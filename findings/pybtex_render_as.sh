#!/usr/bin/env bash
# pybtex looks up the output format of `Text.render_as("text")` among the entry points of all installed packages, anew in
# each call: a bibliography is rendered field by field, so the time grows with what else is installed. With the 60
# packages that are installed here a field takes over twenty times as long as by a backend that is found once with
# `find_plugin` and given to `Text.render`; the texts are the same.
# Seen with pybtex 0.26.1 on Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pybtex==0.26.1
# Packages as an environment has them: each has metadata, and no entry point of pybtex.
venv/bin/python - <<'PYTHON'
import pathlib
import sysconfig

for number in range(60):
    folder = pathlib.Path(sysconfig.get_path("purelib")) / f"other{number}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: other{number}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[console_scripts]\nother{number} = other{number}:main\n")
PYTHON
cat >seen.py <<'PYTHON'
import time

from pybtex.plugin import find_plugin
from pybtex.richtext import Text

FIELDS = 50
texts = [Text(f"Title {number}") for number in range(FIELDS)]


def timed(render):
    render(texts[0])
    begin = time.process_time()
    rendered = [render(text) for text in texts]
    return rendered, time.process_time() - begin


backend = find_plugin("pybtex.backends", "text")()
each_time, long = timed(lambda text: text.render_as("text"))
once, short = timed(lambda text: text.render(backend))
assert each_time == once
print(f"render_as: {long / FIELDS * 1000:.2f} ms a field, render: {short / FIELDS * 1000:.3f} ms, {long / short:.0f} times")
raise SystemExit(long < 20 * short)
PYTHON
venv/bin/python seen.py
