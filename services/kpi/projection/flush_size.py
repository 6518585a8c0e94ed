"""How many records one flush may hold: as many as the database stores in good time.

A flush that does not fit the database's time limit is lost as a whole and folded again. With a
fixed size a slow database would therefore never store anything. So the size follows the measured
speed: it falls to what fits `SECONDS_WANTED`, falls further after an error, and doubles while
flushes are full and quick. One record is always allowed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.kernel.errors import OwnershipLost
from services.kpi import metrics
from services.kpi.config import RECORDS_MAX

SECONDS_WANTED = 5.0
"""Time that a flush may take: a sixth of the limit, so that a sudden delay does not reach it."""
RECORDS_FIRST = 250
"""Size of a process's first flush, before anything is known of the database."""
LOSS = 4
"""Divisor of the size after a flush that failed."""


class FlushSize:
    """The present maximum number of records per flush, learned from the flushes of this process.

    Flushes may be measured on any thread; all of them go to the same database.
    """

    def __init__(self) -> None:
        self._records = RECORDS_FIRST
        metrics.FLUSH_RECORDS_LIMIT.set(self._records)

    @property
    def records(self) -> int:
        """Maximum number of records in the next flush, at least 1."""
        return self._records

    @contextmanager
    def measured(self, records: int) -> Iterator[None]:
        """Measure the flush that the body stores, and adapt the size to its time or failure.

        Args:
            records: number of records of the flush.
        """
        began = time.monotonic()
        try:
            yield
        except OwnershipLost:
            raise  # a flush that was refused says nothing about the speed
        except Exception:
            self._set(min(self._records, records // LOSS))
            raise
        self._adapt(records, time.monotonic() - began)

    def _adapt(self, records: int, seconds: float) -> None:
        if seconds > SECONDS_WANTED:
            self._set(min(self._records, int(records * SECONDS_WANTED / seconds)))
        elif records >= self._records:
            # Only a full flush shows that a larger one would fit, too.
            fitting = records * SECONDS_WANTED / max(seconds, 1e-9)
            self._set(int(min(2 * self._records, max(fitting, self._records))))

    def _set(self, records: int) -> None:
        self._records = max(1, min(records, RECORDS_MAX))
        metrics.FLUSH_RECORDS_LIMIT.set(self._records)
