"""Answers an import of many rows as the submissions service does, without a database.

That it does is held by `test_the_double_answers_as_the_service` in
tests/integration/submissions/test_bulk.py. It checks no row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from kieng.submissions.v1 import import_service_pb2 as pb

WITHDRAWN = b""


class ImportDouble:
    """Keeps version and digest of each record.

    Args:
        received: called with the number of rows answered so far before each batch is answered.
    """

    def __init__(self, received: Callable[[int], None] = lambda _: None) -> None:
        self._known: dict[bytes, tuple[int, bytes]] = {}
        self._received = received
        self.rows = 0

    def ImportBatches(
        self, requests: Iterator[pb.ImportBatchesRequest]
    ) -> Iterator[pb.ImportBatchesResponse]:
        """Answer each batch in order."""
        for request in requests:
            self._received(self.rows)
            self.rows += len(request.rows)
            yield pb.ImportBatchesResponse(answers=[self._answer(each) for each in request.rows])

    def _answer(self, row: pb.ImportSubmissionsRequest) -> pb.ImportSubmissionsResponse:
        source = row.source_record.SerializeToString(deterministic=True)
        key = hashlib.blake2b(source, digest_size=8).digest()
        content = row.content.SerializeToString(deterministic=True)
        now = hashlib.sha256(content).digest() if row.HasField("content") else WITHDRAWN
        version, before = self._known.get(key, (0, None))
        if now == before:
            outcome = pb.OUTCOME_UNCHANGED
        else:
            version += 1
            outcome = _outcome(before, now)
        self._known[key] = version, now
        return pb.ImportSubmissionsResponse(row=row.row, outcome=outcome, version=version)


def _outcome(before: bytes | None, now: bytes) -> pb.Outcome.ValueType:
    if before is None:
        return pb.OUTCOME_CREATED
    if now == WITHDRAWN:
        return pb.OUTCOME_WITHDRAWN
    return pb.OUTCOME_RENEWED if before == WITHDRAWN else pb.OUTCOME_AMENDED
