"""Proposals: changes that bind several institutions and take effect when enough have approved.

A service that keeps such a thing mixes in `api.ProposalApi` and says how each kind takes effect.
"""
