"""Mistakes in building a view and in letting it answer."""

from __future__ import annotations

from typing import Any

from services.kernel.errors import WrongState
from services.kpi.projection.followers import FollowedPartition
from services.kpi.rebuild.lifecycle import Rebuild
from services.kpi.store import ledger
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.transactions import transaction
from services.kpi.store.views import Views
from tests.simulation import catalogues


def _swaps_too_early(self: Views, view: Any) -> bool:
    transaction(self._mongo, lambda session: self._make_live(view.view_id, session))
    return True


def _follows_no_further(self: Rebuild, view: Any, live: Any) -> None:
    self._views.swap(view)


def _swaps_beside_the_owners(self: Views, view: Any) -> bool:
    live = self.live()
    assert live is not None

    def work(session: Any) -> bool:
        here = self._views.find_one({"_id": view.view_id}, session=session) or {}
        if here.get("phase") != "following":
            return False
        if self.view_progress(view.view_id, session).lag(
            self.view_progress(live.view_id, session).vector
        ):
            return False
        self._make_live(view.view_id, session)
        return True

    return bool(transaction(self._mongo, work))


def _swaps_whoever_answers_by_now(self: Views, view: Any) -> bool:
    live = self.live()
    assert live is not None

    def work(session: Any) -> bool:
        here = self._views.find_one({"_id": view.view_id}, session=session) or {}
        if here.get("phase") != "following":
            return False
        old = self.view_progress(live.view_id, session)
        if self.view_progress(view.view_id, session).lag(old.vector):
            return False
        for partition in old.vector:
            key = {"_id": f"{live.view_id}|{partition}"}
            self._progress.update_one(key, {"$inc": {"epoch": 1}}, session=session)
        self._make_live(view.view_id, session)
        return True

    return bool(transaction(self._mongo, work))


def _rolls_back_at_once(self: Catalogues) -> Any:
    former = self.former()
    if former is None:
        raise WrongState("no view answered before this one")
    transaction(self._mongo, lambda session: self._make_live(former.view_id, session))
    return former


def _skips_what_lies_between(self: FollowedPartition, fold: Any, here: int) -> None:
    return None


_REAL_FOLDED = Catalogues.folded


_CLAIMED: dict[Catalogues, Any] = {}


def _claims_without_a_second_look(self: Catalogues, topic_id: str) -> Any:
    """Answers the second question of a claim as the first."""
    found = _REAL_FOLDED(self, topic_id)
    if self in _CLAIMED:
        return _CLAIMED.pop(self)
    _CLAIMED[self] = found
    return found


_REAL_CATALOGUE = Catalogues.catalogue


def _takes_the_newest_tree(self: Catalogues, version: int) -> Any:
    """Counts with the tree of today, which another catalogue brought in between."""
    if version == 1 and any(view.catalogue_version == 2 for view in self.views()):
        message = type(catalogues.frozen(1).message)()
        message.CopyFrom(catalogues.frozen(1).message)
        del message.units[:]
        message.units.extend(catalogues.frozen(2).units)
        return catalogues.decoded(message.SerializeToString(deterministic=True))
    return _REAL_CATALOGUE(self, version)


MUTANTS = {
    "the pointer moves before the new view is caught up": (
        (Views, "swap", _swaps_too_early),
        (Rebuild, "_follow", _follows_no_further),
    ),
    "the pointer moves beside owners who still fold": ((Views, "swap", _swaps_beside_the_owners),),
    # Either look alone is enough for all schedules but one in thousands.
    "a claim looks neither at its view nor again which one answers": (
        (Catalogues, "folded", _claims_without_a_second_look),
        (ledger, "OVER", ()),
    ),
    "a rollback is not caught up": ((Catalogues, "roll_back", _rolls_back_at_once),),
    "a follower skips what it missed": (
        (FollowedPartition, "_catch_up", _skips_what_lies_between),
    ),
    "the tree of a view changes while it is folded": (
        (Catalogues, "catalogue", _takes_the_newest_tree),
    ),
    "the pointer moves whoever answers by now": ((Views, "swap", _swaps_whoever_answers_by_now),),
}
