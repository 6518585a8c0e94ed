"""Imports everything that forks of this process need (see tests/forking.py)."""

from __future__ import annotations

import atexit
import gc
import importlib

from services.cli.terminal.texts import texts
from services.texts import Lang
from tests.forking import IMPORTED

for name in IMPORTED:
    importlib.import_module(name)
# Every command prints some, and would read all.
for lang in Lang:
    texts(lang)
# Forks neither look through all that again and again, nor copy the pages where it lies.
gc.collect()
gc.freeze()
# At exit nothing would be collected else, and DuckDB would list what was never freed.
atexit.register(gc.unfreeze)
