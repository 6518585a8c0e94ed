"""Runs the long steps of a rebuild in subprocesses: loading, and the check against the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.kernel.errors import Refusal
from services.kpi.config import Settings
from services.kpi.process import Child, ChildFailed
from services.kpi.rebuild.lifecycle import Failed, OracleReport
from services.kpi.rebuild.requests import encode_request
from services.kpi.store.views import Vector, View


class RebuildJobs:
    """The subprocesses that load or verify a view, one kind at a time. Used by one thread.

    Args:
        settings: settings of the aggregator, which the subprocesses get too.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._job: tuple[str, str] | None = None
        self._children: list[Child] = []

    def fold(self, view: View, ends: Vector) -> bool:
        """Start loading partitions of a view up to offsets, or look whether it is done.

        Returns True once it is done, and False while it runs; see `lifecycle.Work.fold`.
        """
        return self._results("worker", view, ends) is not None

    def verify(self, view: View, ends: Vector) -> OracleReport | None:
        """Start comparing a view with the oracle, or look whether it is done.

        Returns the differences, or None while it runs; an empty report if the oracle is switched
        off. See `lifecycle.Work.verify`.
        """
        results = self._results("oracle_check", view, ends) if self._settings.oracle else []
        if results is None:
            return None
        differences = [text for result in results for text in result["differences"]]
        return OracleReport(sum(result["count"] for result in results), differences)

    @property
    def running(self) -> list[Child]:
        """The subprocesses that are running."""
        return [child for child in self._children if child.is_running]

    def stop(self) -> None:
        """Stop all subprocesses and wait for them; the database rolls back their transactions."""
        for each in self._children:
            each.process.terminate()
        for each in self._children:
            each.end()
        self._children, self._job = [], None

    def _results(self, module: str, view: View, ends: Vector) -> list[Mapping[str, Any]] | None:
        if self._job != (module, view.view_id):
            self.stop()
            self._job = (module, view.view_id)
            parts = _spread(ends, self._settings.rebuild_processes)
            # With fewer partitions than processes, each subprocess starts shard workers of its own.
            each = max(1, self._settings.rebuild_processes // max(1, len(parts)))
            settings = self._settings.model_copy(update={"rebuild_processes": each})
            name = f"services.kpi.rebuild.{module}"
            self._children = [
                Child(name, settings, encode_request(view.view_id, part)) for part in parts
            ]
        if self.running:
            return None
        results, failed = list[Mapping[str, Any]](), list[str]()
        for child in self._children:
            try:
                results.append(child.result())
            except (ChildFailed, Refusal) as failure:
                failed.append(str(failure))
        self.stop()
        if failed:
            raise Failed("; ".join(failed))
        return results


def _spread(ends: Vector, count: int) -> list[dict[int, int]]:
    """Spread partitions over processes, longest first, each to the process with the least load.

    Returns:
        For each process, partition -> end offset.
    """
    parts: list[dict[int, int]] = [{} for _ in range(min(count, len(ends)))]
    for partition, end in sorted(ends.items(), key=lambda item: -item[1]):
        min(parts, key=lambda part: sum(part.values()))[partition] = end
    return parts
