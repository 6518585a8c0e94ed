"""Catalogue versions and the views made of them: what is folded, and what answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import NotFound, WrongState
from services.kernel.mongo import Mongo
from services.kpi.domain.catalogue import FOLD_VERSION, Catalogue
from services.kpi.store.documents import DATABASE
from services.kpi.wire.catalogue import decode_catalogue

UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class View:
    """A view and where it stands.

    ``awaits`` are institutions not yet published again; ``begins`` the first offset of partitions
    whose log had lost its beginning before; ``diverged`` says why nothing is folded, by partition,
    for the whole `log`, or because its settings are `unsafe`; empty when all is well.
    """

    view_id: str
    state: str
    generation: int
    topic_id: str
    catalogue_version: int
    awaits: tuple[str, ...]
    begins: Mapping[int, int] = field(default_factory=dict)
    diverged: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_its_log(self) -> bool:
        """Whether the log is still the one that was folded, as far as it is known."""
        return not self.diverged.keys() - {UNSAFE}


class Registry:
    """Directories, catalogues and views. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        database = mongo.database(DATABASE)
        self._directories = database["directories"]
        self._catalogues = database["catalogues"]
        self._views = database["views"]
        self._decoded: dict[int, Catalogue] = {}

    def keep_directory(self, directory: directory_pb2.Directory) -> None:
        """Store a directory version; one that is stored stays as it is."""
        units = directory.SerializeToString(deterministic=True)
        self._directories.update_one(
            {"_id": directory.version}, {"$setOnInsert": {"units": units}}, upsert=True
        )

    def directory(self, version: int) -> directory_pb2.Directory:
        """Return a directory version; 0 returns the newest.

        Raises:
            WrongState: none has arrived yet; repeat.
        """
        query = {"_id": version} if version else {}
        found = self._directories.find_one(query, sort=[("_id", DESCENDING)])
        if found is None:
            raise WrongState("no directory has arrived yet; repeat", reason="NO_DIRECTORY")
        return directory_pb2.Directory.FromString(found["units"])

    def publish(self, message: catalogue_pb2.Catalogue) -> int:
        """Freeze a catalogue and return its version; an equal one answers the version it has.

        Raises:
            WrongState: another catalogue is live; this release cannot rebuild a view beside it.
        """
        message.version = 0
        digest = hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest()
        same = self._catalogues.find_one({"definition_sha256": digest})
        if same is not None:
            return int(same["_id"])
        if self._catalogues.find_one({}) is not None:
            raise WrongState(
                "another catalogue is published already; replacing it needs a rebuild of the view, "
                "which this release does not offer",
                reason="REBUILD_NEEDED",
            )
        message.version = 1
        document = {"_id": 1, "definition_sha256": digest}
        document["message"] = message.SerializeToString(deterministic=True)
        try:
            self._catalogues.insert_one(document)
        except DuplicateKeyError:
            return self.publish(message)
        return 1

    def message(self, version: int) -> catalogue_pb2.Catalogue:
        """Return a catalogue version as it was published.

        Raises:
            NotFound: there is none.
        """
        found = self._catalogues.find_one({"_id": version})
        if found is None:
            raise NotFound(f"there is no catalogue version {version}")
        return catalogue_pb2.Catalogue.FromString(found["message"])

    def catalogue(self, version: int) -> Catalogue:
        """Return a catalogue version ready to count with; versions never change."""
        if version not in self._decoded:
            self._decoded[version] = decode_catalogue(self.message(version))
        return self._decoded[version]

    def views(self) -> list[View]:
        """Return all views, newest first."""
        return [_view(found) for found in self._views.find({}, sort=[("opened_at", DESCENDING)])]

    def live(self) -> View | None:
        """Return the view that answers, or None before the first."""
        return next((view for view in self.views() if view.state == "live"), None)

    def folded(self, topic_id: str) -> View | None:
        """Return the newest view of this log, the one to fold; None when the log is unknown."""
        return next((view for view in self.views() if view.topic_id == topic_id), None)

    def open(
        self, topic_id: str, catalogue_version: int, begins: Mapping[int, int] | None = None
    ) -> View:
        """Open the view of a log and a catalogue, or return it when it exists and its log is whole.

        The very first is live at once. A later one is of a log that lost its past, and is built
        until every institution has been published again.

        Args:
            topic_id: identity of the log.
            catalogue_version: catalogue.
            begins: partition -> first offset there is, where a log lost its beginning.
        """
        views = self.views()
        for view in views:
            same = (view.topic_id, view.catalogue_version) == (topic_id, catalogue_version)
            if same and view.has_its_log:
                return view
        generation = max((view.generation for view in views), default=0) + 1
        tree = self.catalogue(catalogue_version).tree
        awaits = [tree.ids[number] for number in tree.institutions()] if views else []
        document = {
            "_id": f"g{generation}-c{catalogue_version}-f{FOLD_VERSION}",
            "state": "building" if awaits else "live",
            "generation": generation,
            "topic_id": topic_id,
            "catalogue_version": catalogue_version,
            "fold_version": FOLD_VERSION,
            "awaits": awaits,
            "begins": {str(p): offset for p, offset in (begins or {}).items()} if awaits else {},
            "diverged": {},
            "opened_at": datetime.now(UTC),
        }
        try:
            self._views.insert_one(document)
        except DuplicateKeyError:
            return self.open(topic_id, catalogue_version, begins)
        return _view(document)

    def diverge(self, view: View, place: str, reason: str) -> None:
        """Note why nothing is folded into a view, or, with no reason, that all is well again.

        Args:
            view: view as it was read.
            place: a partition's number, `log` or `unsafe`.
            reason: what is wrong; empty when nothing is.
        """
        if view.diverged.get(place, "") != reason:
            name = f"diverged.{place}"
            change = {"$set": {name: reason}} if reason else {"$unset": {name: ""}}
            self._views.update_one({"_id": view.view_id}, change)

    def heard(self, view: View, republished: frozenset[str]) -> None:
        """Note institutions that are published again; a view that awaits none becomes live.

        Args:
            view: view that is folded.
            republished: institutions that every partition has heard of.
        """
        if view.state != "building":
            return
        awaits = sorted(set(view.awaits) - republished)
        state = "building" if awaits else "live"
        self._views.update_one({"_id": view.view_id}, {"$set": {"awaits": awaits, "state": state}})
        if not awaits:
            # The new one first: a crash in between leaves two live views, and the newest answers.
            others = {"_id": {"$ne": view.view_id}, "state": "live"}
            self._views.update_many(others, {"$set": {"state": "retired"}})


def _view(document: dict[str, Any]) -> View:
    return View(
        document["_id"],
        document["state"],
        document["generation"],
        document["topic_id"],
        document["catalogue_version"],
        tuple(document["awaits"]),
        {int(place): offset for place, offset in document.get("begins", {}).items()},
        document.get("diverged", {}),
    )
