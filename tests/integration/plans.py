"""Reads the plan of every query that the services of this process send to a real database.

A query is known by where in `services/` it stands and by the fields that it asks for. The embedded
database explains a plan as MongoDB does, but walks an index only if it covers the whole filter;
so a condition that an index begins with is explained alone, beside nothing.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import MongoClient, monitoring

FEW: Mapping[str, str] = {
    "schema": "two documents",
    "meta": "one document",
    "counters": "one document",
    "pointer": "one document",
    "probe": "of the exporter: always empty",
    "views": "a handful; removed ones keep one line each",
    "progress": "one for each partition of a view",
    "catalogues": "one for each version that was published",
    "directories": "one for each version that was published",
    "targets": "one for each unit, indicator and year that has a target, all kept in memory",
    "editions": "a few a year, listed whole",
    "days": "one a day, listed whole",
    "outbox": "what the broker has not taken yet, oldest first",
}
"""Collections that hold few documents, whatever happens; they may be read whole."""
WHOLE: Mapping[str, str] = {
    "services.submissions.store.Submissions.every": "a republished log has every submission",
    "services.submissions.store.Submissions.census": "counts all of them, every 30 s at most",
    "services.notifications.store.Subscriptions.everybody": "an emergency is told to everybody",
    "services.partners.store.Partners.with_words": "parts of names, among hundreds; at most 500",
    "services.kpi.rebuild.oracle_check": "compares a whole view",
    "services.partners.schema.restored": "runs once after a restore, and marks every document",
    "services.kpi.store.migrations": "runs once, when the schema is applied",
}
"""Places that read a collection whole, by intent."""

asking = threading.local()
Condition = Mapping[str, Any]


@dataclass
class Plans(monitoring.CommandListener):
    """Listens to commands, and explains each new query at once, on a connection of its own."""

    without_index: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if getattr(asking, "is_explaining", False) or not (place := _place()):
            return
        for collection, wanted in _filters(event.command_name, event.command):
            if not wanted and event.command.get("limit") == 1:
                continue  # any document will do
            shape = f"{place} {collection} {sorted(wanted)}"
            if shape in self.seen or collection in FEW or any(map(place.startswith, WHOLE)):
                continue
            self.seen.add(shape)
            asking.is_explaining = True
            try:
                if not is_indexed(event, collection, wanted):
                    self.without_index[shape] = str(wanted)
            finally:
                asking.is_explaining = False

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing is asked of an answer."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing is asked of an error."""


def _place() -> str:
    """Return module and function of the services that ask; empty if it is a test."""
    frame = sys._getframe(2)
    found: Any = frame
    while found is not None:
        module = str(found.f_globals.get("__name__", ""))
        is_ours = module.startswith("services.") and not module.startswith("services.cli")
        if is_ours and not module.startswith("services.kernel.mongo"):
            return f"{module}.{found.f_code.co_qualname}"
        found = found.f_back
    return ""


def _filters(name: str, command: Mapping[str, Any]) -> Iterator[tuple[str, Condition]]:
    if name == "find":
        yield command["find"], command.get("filter", {})
    elif name == "aggregate" and isinstance(command["aggregate"], str):
        first = (command.get("pipeline") or [{}])[0]
        yield command["aggregate"], first.get("$match", {})
    elif name in ("update", "delete"):
        for each in command.get(f"{name}s", ()):
            yield command[name], each["q"]
    elif name == "findAndModify":
        yield command[name], command.get("query", {})


def is_indexed(event: Any, collection: str, wanted: Condition) -> bool:
    """Return True if a database walks an index to what is wanted."""
    client: MongoClient[dict[str, Any]]
    host, port = event.connection_id
    with MongoClient(host, port, directConnection=True) as client:
        database: Any = client[event.database_name]
        leading = [next(iter(index["key"])) for index in database[collection].list_indexes()]
        if event.command.get("limit") and _sorted_by(event.command) in leading:
            return True
        conditions = [{name: wanted[name]} for name in leading if name in wanted]
        return any(_walks(database, collection, each) for each in conditions)


def _sorted_by(command: Condition) -> str:
    """Return the field that a find is sorted by first; empty if it is not."""
    return next(iter(command.get("sort") or {}), "")


def _walks(database: Any, collection: str, wanted: Condition) -> bool:
    asked = {"explain": {"find": collection, "filter": wanted}, "verbosity": "queryPlanner"}
    plan = database.command(asked)["queryPlanner"]["winningPlan"]
    return "COLLSCAN" not in str(plan)
