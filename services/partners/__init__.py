"""partners: the directory of institutions and units, and the registry of partners.

Owns the database ``kieng_partners``: versions of the directory (the tree of units), and the
registry of partners.
Consumes nothing.
Publishes DirectoryPublished on ``kieng.directory.v1`` (key ``directory``) and PartnerChanged on
``kieng.partners.v1`` (key: partner id).
Serves kieng.directory.v1.DirectoryService and kieng.partners.v1.PartnerService.
"""
