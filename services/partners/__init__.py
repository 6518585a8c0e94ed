"""The partners service: the directory of institutions and units, and the registry of partners.

Owns the database ``kieng_partners``: the versions of the directory, which is the tree of units,
the partners, and the proposals that change either.
Consumes no topic.
Publishes DirectoryPublished on ``kieng.directory.v1`` (key ``directory``) and PartnerChanged on
``kieng.partners.v1`` (key: partner id).
Serves DirectoryService, PartnerService and ProposalService.
"""
