"""Proposals: changes that bind several institutions and take effect when enough have approved.

The class of a service with such changes inherits `api.ProposalApi` and defines how an approved
proposal takes effect.
"""
