"""What a process knows of the versions of the directory that others publish."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.kernel.errors import Conflict
from services.kernel.mongo import Mongo
from services.partners.directory_versions import DIRECTORY_SECONDS_MAX, Directories
from services.partners.documents import Change
from services.partners.domain.terms import Terms

CHANGE = Change(datetime(2026, 12, 1, tzinfo=UTC), "event")


def test_what_another_process_publishes_is_stored_at_once_and_the_newest_a_second_later(
    empty_database: Mongo,
) -> None:
    now = [0.0]
    mine, other = Directories(empty_database, lambda: now[0]), Directories(empty_database)
    assert (mine.stored(), mine.newest()) == (None, None)
    for version in (1, 2, 3):
        assert other.publish((), Terms(), version - 1, CHANGE) == version
    stored = mine.stored()
    assert stored is not None
    assert (stored.version, mine.newest()) == (3, None)
    now[0] = DIRECTORY_SECONDS_MAX
    newest = mine.newest()
    assert newest is not None
    assert newest.directory == stored
    assert mine.stored() is newest.directory, "what is known is not read again"
    assert [mine.get(version).version for version in (0, 1, 2, 3)] == [3, 1, 2, 3]
    with pytest.raises(Conflict):
        mine.publish((), Terms(), 2, CHANGE)
