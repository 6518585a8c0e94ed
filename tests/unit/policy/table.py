"""Who may call what, written down once more by hand: nothing here is read from the contracts.

Roles: C contributor, R reviewer, A approver, U auditor, O operator, S steward, V viewer.
"""

from __future__ import annotations

ALL = "CRAUOSV"
READERS = "CRAUSV"
ROLES = {
    "C": "contributor",
    "R": "reviewer",
    "A": "approver",
    "U": "auditor",
    "O": "operator",
    "S": "steward",
    "V": "viewer",
}

TABLE = {
    "kieng.directory.v1.DirectoryService.PublishDirectory": ("S", "agreement"),
    "kieng.directory.v1.DirectoryService.ChangeTerms": ("S", "agreement"),
    "kieng.directory.v1.DirectoryService.GetDirectory": (ALL, "shared"),
    "kieng.directory.v1.DirectoryService.SearchUnits": (ALL, "shared"),
    "kieng.partners.v1.PartnerService.RegisterPartner": ("SC", "agreement"),
    "kieng.partners.v1.PartnerService.ResolvePartner": (READERS, "shared"),
    "kieng.partners.v1.PartnerService.SearchPartners": (READERS, "shared"),
    "kieng.proposals.v1.ProposalService.ListProposals": (ALL, "shared"),
    "kieng.proposals.v1.ProposalService.GetProposal": (ALL, "shared"),
    "kieng.proposals.v1.ProposalService.ApproveProposal": ("S", "institution"),
    "kieng.proposals.v1.ProposalService.RejectProposal": ("S", "institution"),
    "kieng.proposals.v1.ProposalService.DeclareEmergency": ("S", "institution"),
    "kieng.kpi.v1.CatalogueService.PublishCatalogue": ("S", "agreement"),
    "kieng.kpi.v1.CatalogueService.RollBackCatalogue": ("S", "agreement"),
    "kieng.kpi.v1.CatalogueService.OpenLogGeneration": ("O", "agreement"),
    "kieng.kpi.v1.CatalogueService.TryCatalogue": ("SU", "shared"),
    "kieng.kpi.v1.CatalogueService.CompareTrees": (ALL, "shared"),
    "kieng.kpi.v1.CatalogueService.FollowView": ("SOU", "shared"),
    "kieng.kpi.v1.CatalogueService.GetCatalogue": (ALL, "shared"),
    "kieng.kpi.v1.CatalogueService.ListViews": ("SOU", "shared"),
    "kieng.kpi.v1.KpiService.GetKpis": (ALL, "shared"),
    "kieng.kpi.v1.KpiService.GetReport": (ALL, "shared"),
    "kieng.kpi.v1.KpiService.ReplayKpis": (ALL, "shared"),
    "kieng.kpi.v1.KpiService.ListKeptDays": (ALL, "shared"),
    "kieng.kpi.v1.KpiService.WatchKpis": (ALL, "shared"),
    "kieng.kpi.v1.KpiService.ExplainKpi": (READERS, "shared"),
    "kieng.kpi.v1.KpiService.ExplainAbsence": (READERS, "shared"),
    "kieng.kpi.v1.KpiService.ListOverlaps": (READERS, "shared"),
    "kieng.kpi.v1.KpiService.GetOverlapMatrix": (READERS, "shared"),
    "kieng.kpi.v1.KpiService.TryEvents": ("CRA", "units"),
    "kieng.kpi.v1.TargetService.SetTarget": ("S", "units"),
    "kieng.kpi.v1.TargetService.ListTargets": (ALL, "shared"),
    "kieng.kpi.v1.EditionService.CloseEdition": ("S", "units"),
    "kieng.kpi.v1.EditionService.ListEditions": (ALL, "shared"),
    "kieng.kpi.v1.EditionService.GetEdition": (ALL, "shared"),
    "kieng.kpi.v1.EditionService.ListRestatements": (READERS, "shared"),
    "kieng.kpi.v1.EditionService.ListChanges": (READERS, "shared"),
    "kieng.kpi.v1.EditionService.GetEditionKey": (ALL, "shared"),
    "kieng.kpi.v1.ParkedService.ListParked": ("OUA", "institution"),
    "kieng.kpi.v1.ParkedService.GetParked": ("OUA", "institution"),
    "kieng.kpi.v1.ParkedService.DismissParked": ("O", "institution"),
    "kieng.submissions.v1.SubmissionService.CreateSubmission": ("C", "units"),
    "kieng.submissions.v1.SubmissionService.AmendSubmission": ("C", "units"),
    "kieng.submissions.v1.SubmissionService.SubmitSubmission": ("C", "units"),
    "kieng.submissions.v1.SubmissionService.WithdrawSubmission": ("CA", "units"),
    "kieng.submissions.v1.SubmissionService.GetSubmission": ("CRAU", "units"),
    "kieng.submissions.v1.SubmissionService.GetWorkKey": (ALL, "shared"),
    "kieng.submissions.v1.SubmissionService.ListSubmissions": ("CRAU", "units"),
    "kieng.submissions.v1.ReviewService.DecideSubmission": ("RA", "units"),
    "kieng.submissions.v1.ReviewService.DecideSubmissions": ("RA", "units"),
    "kieng.submissions.v1.ReviewService.TryDecisions": ("RA", "units"),
    "kieng.submissions.v1.ImportService.ImportSubmissions": ("C", "units"),
    "kieng.submissions.v1.ImportService.ImportBatches": ("C", "units"),
    "kieng.submissions.v1.ImportService.TryImport": ("C", "units"),
    "kieng.submissions.v1.ImportService.TryBatches": ("C", "units"),
    "kieng.submissions.v1.LogService.RepublishLog": ("O", "institution"),
    "kieng.submissions.v1.LogService.RepairSubmission": ("AO", "units"),
    "kieng.notifications.v1.NotificationService.ListNotifications": (ALL, "self"),
    "kieng.notifications.v1.NotificationService.WatchNotifications": (ALL, "self"),
    "kieng.notifications.v1.NotificationService.MarkRead": (ALL, "self"),
    "kieng.notifications.v1.NotificationService.GetSubscription": (ALL, "self"),
    "kieng.notifications.v1.NotificationService.SetSubscription": (ALL, "self"),
    "kieng.notifications.v1.NotificationService.ConfirmEmail": (ALL, "self"),
}
"""Every RPC -> roles that it admits, and what it touches."""

FORWARDED = {
    "kieng.directory.v1.DirectoryService.GetDirectory",
    "kieng.directory.v1.DirectoryService.SearchUnits",
    "kieng.partners.v1.PartnerService.ResolvePartner",
}
"""What a service asks another one in the name of its caller; nothing else opens to it."""

OWN = ("own", "below")
"""Relations of a thing to a credential that reaches it."""
RELATIONS = (*OWN, "above", "beside", "another institution", "the consortium", "of nobody")


def expected(method: str, role: str, relation: str, *, is_whole: bool, is_secret: bool) -> str:
    """What a caller with one role may do: allow, propose, forbid or hide."""
    roles, scope = TABLE[method]
    if role not in roles:
        return "forbid"
    refused = "hide" if is_secret else "forbid"
    return {
        "self": "allow",
        "shared": "allow",
        "units": "allow" if relation in OWN else refused,
        "institution": "allow" if relation in OWN and is_whole else refused,
        "agreement": "allow"
        if relation in OWN
        else "propose"
        if is_whole and role in "SO"
        else refused,
    }[scope]
