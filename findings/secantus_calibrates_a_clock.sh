#!/usr/bin/env bash
# The first database that a process opens by WiredTiger costs a hundred times the CPU of the second: it spins in
# `__global_once` to calibrate its clock against the processor's, for as long as the processor takes, however it is
# configured. With SecantusDB that is three times what importing it takes, and two thirds of what a server needs to start.
# Seen with secantusdb 0.7.0b3: 0.64 to 0.74 s of CPU for the first, 0.007 for the second (Intel Xeon, virtual, busy).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check secantusdb==0.7.0b3
cat >seen.py <<'PYTHON'
import os
import time

import wiredtiger

spent = []
for name in ("first", "second"):
    os.mkdir(name)
    begin = time.process_time()
    wiredtiger.wiredtiger_open(name, "create").close()
    spent.append(time.process_time() - begin)
print(f"first database opened: {spent[0]:.3f} s of CPU; second: {spent[1]:.3f} s")
raise SystemExit(not spent[0] > 10 * spent[1])
PYTHON
venv/bin/python seen.py
