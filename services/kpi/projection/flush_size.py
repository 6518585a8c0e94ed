"""Limits the number of records per flush to what the database stores in good time.

A flush that exceeds the database's time limit is lost as a whole and folded again, so with a fixed
size a slow database would never store anything. The limit therefore follows the measured speed: it
falls to what fits into `SECONDS_WANTED`, falls further after an error, and at most doubles when a
full flush was quick. It never falls below one record.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.kernel.errors import OwnershipLost
from services.kpi import metrics
from services.kpi.config import RECORDS_MAX

SECONDS_WANTED = 5.0
"""Desired maximum time of a flush: a sixth of the time limit, to leave room for delays."""
RECORDS_FIRST = 250
"""Limit for the first flush of a process, before the speed of the database is known."""
LOSS = 4
"""Divisor of the limit after a flush that failed."""


class FlushSize:
    """The current maximum number of records per flush, learned from the flushes of this process.

    Flushes may be measured on any thread; they all go to the same database.
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
        """Measure how long the block takes to store a flush, and adapt the limit.

        It falls after a slow flush or an error, which is raised again, and may rise after a full
        and quick one. A lost lease changes nothing.

        Args:
            records: number of records in the flush.
        """
        began = time.monotonic()
        try:
            yield
        except OwnershipLost:
            raise  # a refused flush says nothing about the speed of the database
        except Exception:
            self._set(min(self._records, records // LOSS))
            raise
        self._adapt(records, time.monotonic() - began)

    def _adapt(self, records: int, seconds: float) -> None:
        if seconds > SECONDS_WANTED:
            self._set(min(self._records, int(records * SECONDS_WANTED / seconds)))
        elif records >= self._records:
            # Only a full flush shows that a larger one might fit as well.
            fitting = records * SECONDS_WANTED / max(seconds, 1e-9)
            self._set(int(min(2 * self._records, max(fitting, self._records))))

    def _set(self, records: int) -> None:
        self._records = max(1, min(records, RECORDS_MAX))
        metrics.FLUSH_RECORDS_LIMIT.set(self._records)
