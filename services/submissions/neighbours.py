"""Compares claims about to be written with other claims of the same or a similar work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kieng.submissions.v1 import import_service_pb2 as pb
from kieng.submissions.v1 import submission_pb2
from services.submissions.domain.submission import State, Submission
from services.submissions.store import Submissions

TOLD_MAX = 5
WHOLE_PPM = 1_000_000
UNCOUNTED = frozenset({State.DRAFT, State.REJECTED, State.WITHDRAWN})
Response = pb.ImportSubmissionsResponse


@dataclass(frozen=True, slots=True)
class Neighbours:
    """An institution's submissions about the works of planned writes, including the written ones.

    ``of_work`` maps a work key to the submissions about that work; ``alike`` maps a likeness to
    those about what may be the same work. Drafts, rejected and withdrawn ones are omitted.
    """

    of_work: Mapping[str, Sequence[Submission]]
    alike: Mapping[str, Sequence[Submission]]

    @classmethod
    def of(cls, submissions: Submissions, written: Iterable[Submission]) -> Neighbours:
        """Return an institution's submissions about the same works as ``written`` or similar ones.

        Those of ``written`` are included as they will be, in place of their stored versions.
        Drafts, rejected and withdrawn ones are omitted.

        Args:
            submissions: the stored submissions of the institution.
            written: the submissions that are about to be written.
        """
        mine = {each.submission_id: each for each in written}
        found = []
        for name in ("work_key", "likeness"):
            values = {getattr(each.content, name) for each in mine.values()}
            wanted = {value for value in values if value and not value.startswith("sub:")}
            stored = (near.submission for near in submissions.near(name, wanted))
            by_value: dict[str, list[Submission]] = defaultdict(list)
            others = (each for each in stored if each.submission_id not in mine)
            for each in (*others, *mine.values()):
                if each.state not in UNCOUNTED:
                    by_value[getattr(each.content, name)].append(each)
            found.append(by_value)
        return cls(*found)

    def tell(
        self, answer: Response, submission: Submission, may_see: Callable[[str], bool]
    ) -> None:
        """Add to the answer to a row its notes on other claims of the same or a similar work.

        These are at most `TOLD_MAX` claims under another work key that may be about the same work
        and, if the shares stated by the claims on the very same work contradict each other, the sum
        of these shares. A submission that does not count gets no notes.

        Args:
            answer: the answer to which they are added.
            submission: the row's submission as it will be written.
            may_see: returns True if the caller may see the submissions of the unit with this id.
        """
        if submission.state in UNCOUNTED:
            return
        own = submission.content
        alike = self.alike.get(own.likeness, ()) if own.likeness else ()
        others = [each for each in alike if each.content.work_key != own.work_key]
        reached = [each for each in others if may_see(each.content.unit_id)]
        answer.may_be_same.extend(map(_like_claim, reached[:TOLD_MAX]))
        shares = _shares(self.of_work.get(own.work_key, ()))
        contradicts = shares.declared_ppm > WHOLE_PPM or (shares.declaring and shares.silent)
        if contradicts:
            answer.shares.CopyFrom(shares)


def _like_claim(submission: Submission) -> pb.LikeClaim:
    claim = pb.LikeClaim(
        submission_id=submission.submission_id,
        unit_id=submission.content.unit_id,
        work_key=submission.content.work_key,
    )
    if submission.source:
        claim.source_record.system = submission.source.system
        claim.source_record.record_id = submission.source.record_id
    return claim


def _shares(claims: Sequence[Submission]) -> pb.SharesOfWork:
    if len(claims) < 2:
        return pb.SharesOfWork()
    shares = [submission_pb2.Content.FromString(each.content.encoded).share_ppm for each in claims]
    declaring = sum(1 for share in shares if share)
    return pb.SharesOfWork(
        declared_ppm=sum(shares), declaring=declaring, silent=len(shares) - declaring
    )
