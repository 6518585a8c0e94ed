"""RPCs that no attack calls, each with the reason why it costs too little to be one."""

from __future__ import annotations

ONE = "reads or changes one document, found by its id"
VOTE = "changes one proposal; a vote that is repeated changes nothing"
OWN = "reads or changes what one caller has in the inbox, by an index"
FEW = "reads a collection of a few documents, as many as people make in years"
PROPOSES = "reads a few documents, and the same proposal comes of every call"

CHEAP = {
    "kieng.directory.v1.DirectoryService.ChangeTerms": PROPOSES,
    "kieng.kpi.v1.CatalogueService.FollowView": "reads one document in half a second; ends at once",
    "kieng.kpi.v1.CatalogueService.ListViews": FEW,
    "kieng.kpi.v1.CatalogueService.OpenLogGeneration": PROPOSES,
    "kieng.kpi.v1.CatalogueService.RollBackCatalogue": PROPOSES,
    "kieng.kpi.v1.EditionService.GetEditionKey": "answers a key that is in memory",
    "kieng.kpi.v1.KpiService.ListKeptDays": FEW,
    "kieng.kpi.v1.ParkedService.DismissParked": ONE,
    "kieng.kpi.v1.ParkedService.GetParked": ONE,
    "kieng.kpi.v1.ParkedService.ListParked": "reads one page by an index; the fold stops at many",
    "kieng.kpi.v1.TargetService.ListTargets": FEW,
    "kieng.kpi.v1.TargetService.SetTarget": ONE,
    "kieng.notifications.v1.NotificationService.ConfirmEmail": OWN,
    "kieng.notifications.v1.NotificationService.GetSubscription": OWN,
    "kieng.notifications.v1.NotificationService.ListNotifications": OWN,
    "kieng.notifications.v1.NotificationService.MarkRead": OWN,
    "kieng.notifications.v1.NotificationService.SetSubscription": OWN,
    "kieng.notifications.v1.NotificationService.WatchNotifications": (
        "waits; one look for all streams, of which a process and an institution have a limit"
    ),
    "kieng.partners.v1.PartnerService.RegisterPartner": "one search by indexes and one document",
    "kieng.proposals.v1.ProposalService.ApproveProposal": VOTE,
    "kieng.proposals.v1.ProposalService.DeclareEmergency": VOTE,
    "kieng.proposals.v1.ProposalService.GetProposal": ONE,
    "kieng.proposals.v1.ProposalService.RejectProposal": VOTE,
    "kieng.submissions.v1.LogService.RepairSubmission": ONE,
    "kieng.submissions.v1.ReviewService.DecideSubmission": ONE,
    "kieng.submissions.v1.SubmissionService.AmendSubmission": ONE,
    "kieng.submissions.v1.SubmissionService.CreateSubmission": (
        "writes one document; none is taken in that is not counted soon (ADR 0031)"
    ),
    "kieng.submissions.v1.SubmissionService.GetSubmission": ONE,
    "kieng.submissions.v1.SubmissionService.GetWorkKey": "reads a text of 500 characters",
    "kieng.submissions.v1.SubmissionService.SubmitSubmission": ONE,
    "kieng.submissions.v1.SubmissionService.WithdrawSubmission": ONE,
}
