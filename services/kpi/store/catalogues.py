"""Stores directories and catalogue versions; opens, builds and rolls back their views."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import NotFound, WrongState
from services.kernel.mongo import Mongo
from services.kpi.domain.catalogue import FOLD_VERSION, Catalogue
from services.kpi.store.documents import DATABASE
from services.kpi.store.views import LIVE, View, ViewProgress, Views
from services.kpi.wire.catalogue import decode_catalogue


class Catalogues(Views):
    """The store of directories, catalogues and views. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        super().__init__(mongo)
        database = mongo.database(DATABASE)
        self._directories = database["directories"]
        self._catalogues = database["catalogues"]
        # Unlocked: threads may decode a version twice, but versions never change or disappear.
        self._decoded: dict[int, Catalogue] = {}

    def keep_directory(self, directory: directory_pb2.Directory) -> None:
        """Store a version of the directory; a version that is stored already is left unchanged."""
        units = directory.SerializeToString(deterministic=True)
        self._directories.update_one(
            {"_id": directory.version}, {"$setOnInsert": {"units": units}}, upsert=True
        )

    def directory(self, version: int) -> directory_pb2.Directory:
        """Return a version of the directory; 0 for the newest.

        Raises:
            WrongState: no directory has arrived yet, or not this version. Retry.
        """
        query = {"_id": version} if version else {}
        found = self._directories.find_one(query, sort=[("_id", DESCENDING)])
        if found is None:
            raise WrongState("no directory has arrived yet; repeat", reason="NO_DIRECTORY")
        return directory_pb2.Directory.FromString(found["units"])

    def version_of(self, message: catalogue_pb2.Catalogue) -> int:
        """Return the version of the stored catalogue with equal content; 0 if there is none.

        The version in the message does not matter; it is set to 0.
        """
        same = self._catalogues.find_one({"definition_sha256": _digest(message)})
        return int(same["_id"]) if same else 0

    def publish(self, message: catalogue_pb2.Catalogue) -> int:
        """Freeze a catalogue under the next version; return the version.

        If a catalogue with equal content is stored, nothing is stored and its version is returned.

        Args:
            message: the catalogue; its version is overwritten.
        """
        # Read before the look-up, so that a concurrent writer of an equal one takes this version.
        newest = self._catalogues.find_one({}, sort=[("_id", DESCENDING)])
        if known := self.version_of(message):
            return known
        digest = _digest(message)
        version = int(newest["_id"]) + 1 if newest else 1
        message.version = version
        document = {"_id": version, "definition_sha256": digest}
        document["message"] = message.SerializeToString(deterministic=True)
        try:
            self._catalogues.insert_one(document)
        except DuplicateKeyError:
            return self.publish(message)
        return version

    def message(self, version: int) -> catalogue_pb2.Catalogue:
        """Return a catalogue version as the message that was published.

        Raises:
            NotFound: there is no such version.
        """
        found = self._catalogues.find_one({"_id": version})
        if found is None:
            raise NotFound(f"there is no catalogue version {version}")
        return catalogue_pb2.Catalogue.FromString(found["message"])

    def catalogue(self, version: int) -> Catalogue:
        """Return a catalogue version in the form that the fold uses.

        It is cached, because versions never change. Raises NotFound if there is no such version.
        """
        if version not in self._decoded:
            self._decoded[version] = decode_catalogue(self.message(version))
        return self._decoded[version]

    def open(
        self, topic_id: str, catalogue_version: int, begins: Mapping[int, int] | None = None
    ) -> View:
        """Open the view of a log and a catalogue; return the log's existing view if there is one.

        The very first view is live at once. A later one belongs to a log that replaces a lost one,
        and remains in state `building` until every institution has been republished. Owners of
        partitions of older logs are fenced off, because their Kafka client would silently follow a
        recreated topic.

        Args:
            topic_id: topic id of the log.
            catalogue_version: catalogue of a new view; an existing view keeps its own.
            begins: partition -> first existing offset, for every partition of the log.

        Raises:
            WrongState: the log was given more partitions and still holds records that were folded.
        """
        views = self.views()
        partitions = len(begins or ())
        known = next((view for view in views if view.is_of(topic_id, partitions)), None)
        if known is not None:
            self.end_former_logs(known.generation)
            return known
        self._need_purged(views, topic_id, begins or {})
        generation = max((view.generation for view in views), default=0) + 1
        tree = self.catalogue(catalogue_version).tree
        awaits = [tree.ids[number] for number in tree.institutions()] if views else []
        view = View(
            view_id(generation, catalogue_version),
            "building" if awaits else LIVE,
            generation,
            topic_id,
            catalogue_version,
            tuple(awaits),
            begins=dict(begins or {}) if awaits else {},
            opened_at=datetime.now(UTC),
            partitions=partitions,
        )
        if not (self.insert_generation(view) if views else self.insert(view)):
            return self.open(topic_id, catalogue_version, begins)
        self.end_former_logs(generation)
        return view

    def need_purged(self, topic_id: str, begins: Mapping[int, int]) -> None:
        """Check that a log whose number of partitions changed holds no record that was folded.

        Such a record and its repetition would be in different partitions and count twice.

        Args:
            topic_id: topic id of the log.
            begins: partition -> first existing offset, for every partition of the log.

        Raises:
            WrongState: it still holds such records; the message names the remedy.
        """
        self._need_purged(self.views(), topic_id, begins)

    def _need_purged(self, views: Iterable[View], topic_id: str, begins: Mapping[int, int]) -> None:
        changed = (
            view
            for view in views
            if view.topic_id == topic_id and not view.has_partitions(len(begins))
        )
        for view in changed:
            folded = self.view_progress(view.view_id).vector
            if any(begins.get(partition, 0) < end for partition, end in folded.items()):
                text = (
                    f"the log has {len(begins)} partitions, {view.view_id} was made of "
                    f"{view.partitions}: `kieng log repartition {len(begins)}`"
                )
                raise WrongState(text, reason="LOG_DIVERGED")

    def build_beside(self, catalogue_version: int, parked_max: int | None) -> View:
        """Open the view of another catalogue, to be built beside the live one; return it.

        It is to be loaded up to the present checkpoint of the live view. A view of this catalogue
        that was refused, removed or retired is built again.

        Args:
            catalogue_version: catalogue of the view.
            parked_max: maximum number of parked records; None for as many as the live view has.

        Raises:
            WrongState: no view is live, another view is being built or removed, or the log lacks
                an institution of the catalogue, see `need_republished`.
        """
        live = self.live()
        if live is None:
            raise WrongState("no catalogue is published yet", reason="NO_CATALOGUE")
        wanted = view_id(live.generation, catalogue_version)
        progress = self.view_progress(live.view_id)
        if live.generation > 1 and catalogue_version != live.catalogue_version:
            self.need_republished(progress, self.catalogue(catalogue_version))
        for other in self.views():
            if other.phase and other.view_id != wanted:
                text = f"{other.view_id} is being built; wait until it answers or is refused"
                raise WrongState(text, reason="ANOTHER_VIEW_IS_BUILT")
        if any(view.view_id == wanted for view in self.purgeable()):
            text = f"an older {wanted} is being removed; repeat in some minutes"
            raise WrongState(text, reason="ANOTHER_VIEW_IS_BUILT")
        known = self.view(wanted)
        targets = dict(progress.vector)
        if known is None:
            view = View(
                wanted,
                "building",
                live.generation,
                live.topic_id,
                catalogue_version,
                (),
                begins=live.begins,
                phase="loading",
                targets=targets,
                parked_max=parked_max,
                opened_at=datetime.now(UTC),
                partitions=live.partitions,
            )
            return view if self.insert(view) else self.build_beside(catalogue_version, parked_max)
        if known.state == "refused":
            self.advance(known, "loading", parked_max=parked_max, reason="")
        elif known.state == "removed":
            self.advance(known, "loading", parked_max=parked_max, targets=_stored(targets))
        elif known.state == "retired":
            self.advance(known, "following", reason="")
        return self.view(wanted) or known

    def need_republished(self, progress: ViewProgress, catalogue: Catalogue) -> None:
        """Check that a log which replaced a lost one holds every institution of a catalogue.

        The live view awaited only the institutions of its own tree. Another one may never have been
        republished, and all its numbers would silently be missing.

        Args:
            progress: progress of the live view, whose generation is above 1.
            catalogue: the catalogue that is to replace that of the live view.

        Raises:
            WrongState: an institution has not been republished; the message names the remedy.
        """
        tree = catalogue.tree
        missing = {tree.ids[number] for number in tree.institutions()} - progress.republished
        if missing:
            names = ", ".join(sorted(missing))
            text = f"the log does not hold {names} yet: `kieng log republish --again`, and repeat"
            raise WrongState(text, reason="NOT_REPUBLISHED")

    def roll_back(self) -> View:
        """Begin to bring the former live view up to date, so that it can become live; return it.

        It does not answer yet. Raises as `fallback` and `build_beside`.
        """
        return self.build_beside(self.fallback().catalogue_version, None)

    def fallback(self) -> View:
        """Return the former live view, if it can become live again.

        Raises:
            WrongState: there is no former view, or it cannot be caught up, because it belongs to
                another log or fold version.
        """
        live, former = self.live(), self.former()
        if live is None or former is None:
            raise WrongState("no view answered before this one", reason="NO_FORMER_VIEW")
        if former.generation != live.generation or former.fold_version != FOLD_VERSION:
            text = f"{former.view_id} is of another log or release and cannot be caught up"
            raise WrongState(text, reason="FORMER_VIEW_UNUSABLE")
        return former


def _digest(message: catalogue_pb2.Catalogue) -> str:
    message.version = 0
    return hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest()


def _stored(targets: Mapping[int, int]) -> dict[str, int]:
    return {str(partition): end for partition, end in targets.items()}


def view_id(generation: int, catalogue_version: int) -> str:
    """Return the id of a view of this release's fold version, e.g. `g1-c1-f2`."""
    return f"g{generation}-c{catalogue_version}-f{FOLD_VERSION}"
