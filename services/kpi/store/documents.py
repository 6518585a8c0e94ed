"""The document classes of the KPI database, with their indexes."""

from __future__ import annotations

from typing import Any

from mongoengine import (
    BinaryField,
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    IntField,
    ListField,
    LongField,
    StringField,
    UUIDField,
)
from pymongo.database import Database

from services.agreement.documents import ProposalDocument
from services.kernel import mongo
from services.kpi.store.migrations import MIGRATIONS

DATABASE = "kieng_kpi"
OVER = ("retired", "refused", "removed")
"""States of views that no process folds."""
STATES = ("building", "live", *OVER)


class DirectoryDocument(Document):
    """A version of the directory, as it arrived over Kafka; `_id` is the version."""

    meta = {"collection": "directories", "auto_create_index": False}
    version = IntField(primary_key=True)
    units = BinaryField(required=True)


class CatalogueDocument(Document):
    """A frozen catalogue; `_id` is its version, and `definition_sha256` finds an equal one."""

    meta = {"collection": "catalogues", "auto_create_index": False}
    version = IntField(primary_key=True)
    definition_sha256 = StringField(required=True)
    message = BinaryField(required=True)


class ViewDocument(Document):
    """A view and its state; `store.view_documents.View` explains the fields."""

    meta = {"collection": "views", "auto_create_index": False}
    view_id = StringField(primary_key=True)
    state = StringField(required=True, choices=STATES)
    phase = StringField(choices=("", "loading", "verifying", "following"))
    generation = IntField(required=True)
    topic_id = StringField(required=True)
    catalogue_version = IntField(required=True)
    fold_version = IntField(required=True)
    awaits = ListField(StringField())
    begins = DictField()
    diverged = DictField()
    targets = DictField()
    parked_max = LongField()
    reason = StringField()
    opened_at = DateTimeField(required=True)
    builder = DictField()
    begun = IntField()
    partitions = IntField()


class PointerDocument(Document):
    """The pointer to the live view and to the former one; the only document has `_id` `live`."""

    meta = {"collection": "pointer", "auto_create_index": False}
    key = StringField(primary_key=True)
    view_id = StringField(required=True)
    former = StringField()


class ProgressDocument(Document):
    """Checkpoint and owner of one partition of a view; `_id` is `<view>|<partition>`.

    `session` is the owner's database session. `end`, `shares` (shards), `written` (documents) and
    `read` belong to a bulk load, `chunks` to that of an older release; `runs` is the number of runs
    of bundles that it left.
    """

    meta = {"collection": "progress", "auto_create_index": False}
    key = StringField(primary_key=True)
    v = StringField(required=True)
    p = IntField(required=True)
    epoch = LongField(required=True)
    next_offset = LongField(required=True)
    newest_event_ms = LongField(required=True)
    parked = LongField(required=True)
    last_hash = StringField()
    republished = ListField(StringField())
    kept_from = LongField()
    session = UUIDField()
    end = LongField()
    written = LongField()
    chunks = LongField()
    read = LongField()
    shares = IntField()
    runs = IntField()


class RowDocument(Document):
    """The row of one unit and month in one partition; `o` is the offset of its last change.

    `n` holds counts, `d` (in older formats `s`) cells with members; see `store.rows`.
    """

    meta = {
        "collection": "cells",
        "auto_create_index": False,
        "indexes": [("v", "u")],
    }
    key = StringField(primary_key=True)
    v = StringField(required=True)
    p = IntField(required=True)
    u = StringField(required=True)
    m = IntField(required=True)
    o = LongField(required=True)
    n = DictField()
    s = BinaryField()


class ChangesDocument(Document):
    """Change log entry of one flush: `r` lists the changed rows, `o` is the last offset.

    `c` holds their new cells, encoded, if they are few; see `store.change_notes`.

    `_id` is `<view>|<partition>|<number modulo 256>`, so that newer entries replace older ones.
    """

    meta = {"collection": "changes", "auto_create_index": False, "indexes": [("v", "p", "o")]}
    key = StringField(primary_key=True)
    v = StringField(required=True)
    p = IntField(required=True)
    o = LongField(required=True)
    r = ListField(StringField())
    c = BinaryField()


class WorkDocument(Document):
    """A stored work; `k` is its key, and `c` holds the newest event of each of its submissions.

    `u` lists `<type>|<unit>` for every claiming unit and its ancestors, `j` the types if several
    units claim. There are two types if a pending amendment changes that of the verified claim.
    """

    meta = {
        "collection": "works",
        "auto_create_index": False,
        "indexes": [("v", "u", "k"), ("v", "j", "k")],
    }
    key = StringField(primary_key=True)
    v = StringField(required=True)
    p = IntField(required=True)
    k = StringField(required=True)
    u = ListField(StringField())
    j = ListField(StringField())
    c = ListField(BinaryField())


class BundleDocument(Document):
    """A bundle of works of a bulk load, or an index of bundles; see `store.bundle_writer`.

    `_id` is `<view>|<partition>|<name>`. Never changed.
    """

    meta = {"collection": "bundles", "auto_create_index": False, "indexes": [("v",)]}
    key = StringField(primary_key=True)
    v = StringField(required=True)
    p = IntField(required=True)
    content = BinaryField(required=True)


class ParkedDocument(Document):
    """A record that cannot be folded; `_id` is `<view>|<partition>|<offset>`.

    `i`, `s`, `n` and `k` are its institution, submission, version and work, as far as known; `open`
    is true until a newer version of the submission has been folded.
    """

    meta = {"collection": "parked", "auto_create_index": False, "indexes": [("v", "p", "o")]}
    key = StringField(primary_key=True)
    v = StringField(required=True)
    p = IntField(required=True)
    o = LongField(required=True)
    i = StringField()
    s = StringField()
    n = LongField()
    k = StringField()
    type = StringField()
    at = LongField()
    reason = StringField(required=True)
    value = BinaryField()
    open = BooleanField(required=True)


class TargetDocument(Document):
    """A yearly target; `_id` is `<unit>|<indicator>|<year>`, `reached_at` when it was announced."""

    meta = {"collection": "targets", "auto_create_index": False}
    key = StringField(primary_key=True)
    unit_id = StringField(required=True)
    indicator_code = StringField(required=True)
    year = IntField(required=True)
    value = LongField(required=True)
    reached_at = DateTimeField()


class DismissalDocument(Document):
    """That a parked record will not be repaired; `_id` is `<topic id>|<partition>|<offset>`.

    It belongs to the log, not to a view, so it holds for every view of this log. `by_institution`
    and `by_subject` are the credential of the operator.
    """

    meta = {"collection": "dismissals", "auto_create_index": False, "indexes": [("t",)]}
    key = StringField(primary_key=True)
    t = StringField(required=True)
    p = IntField(required=True)
    o = LongField(required=True)
    reason = StringField(required=True)
    by_institution = StringField(required=True)
    by_subject = StringField(required=True)
    at = DateTimeField(required=True)


class DayDocument(Document):
    """A kept day: the live view at its end; `_id` is `<view>|<day>`.

    The rows are a blob of `owner`.
    """

    meta = {"collection": "days", "auto_create_index": False, "indexes": [("day", "taken_at")]}
    key = StringField(primary_key=True)
    day = StringField(required=True)
    view_id = StringField(required=True)
    catalogue_version = IntField(required=True)
    taken_at = DateTimeField(required=True)
    next_offsets = DictField(required=True)
    newest_event_ms = LongField(required=True)
    parked = LongField(required=True)
    digest = StringField(required=True)
    owner = StringField(required=True)
    parts = IntField(required=True)


class EditionDocument(Document):
    """A closed edition, never changed; `_id` is its id. Content and works are blobs of `owners`."""

    meta = {"collection": "editions", "auto_create_index": False}
    key = StringField(primary_key=True)
    title = StringField(required=True)
    unit_id = StringField(required=True)
    from_month = StringField(required=True)
    to_month = StringField(required=True)
    closed_at = DateTimeField(required=True)
    view_id = StringField(required=True)
    catalogue_version = IntField(required=True)
    digest = StringField(required=True)
    signature = BinaryField(required=True)
    key_id = StringField(required=True)
    public_pem = StringField(required=True)
    owners = ListField(StringField())
    parts = ListField(IntField())


class PartDocument(Document):
    """One part, at most 4 MiB, of a blob; `_id` is `<owner>|<number>`. See `store.blobs`."""

    meta = {"collection": "parts", "auto_create_index": False, "indexes": [("owner",)]}
    key = StringField(primary_key=True)
    owner = StringField(required=True)
    content = BinaryField(required=True)


DOCUMENTS = (
    RowDocument,
    ChangesDocument,
    WorkDocument,
    BundleDocument,
    ParkedDocument,
    DismissalDocument,
    DayDocument,
    PartDocument,
    ProposalDocument,
)


def declare(database: Database[dict[str, Any]]) -> None:
    """Check features and schema version of the KPI database, and create missing indexes.

    Raises as `kernel.mongo.declare` does.
    """
    mongo.declare(database, DOCUMENTS, len(MIGRATIONS))
