"""Imports everything that forks of this process need (see tests/forking.py)."""

from __future__ import annotations

import atexit
import gc
import importlib
import os

from tests.forking import IMPORTED

for name in IMPORTED:
    importlib.import_module(name)
# Forks neither look through all that again and again, nor copy the pages where it lies.
gc.collect()
gc.freeze()
# Else DuckDB lists, after the summary of the tests, what it forgot when this process ends.
atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))
