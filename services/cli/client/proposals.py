"""The two services that keep proposals, each with a stub of its own."""

from __future__ import annotations

from kieng.proposals.v1.proposal_service_pb2_grpc import ProposalServiceStub


class DirectoryProposals(ProposalServiceStub):
    """Stub for proposals about directory, terms and partners, which the partners service keeps."""


class KpiProposals(ProposalServiceStub):
    """Stub for proposals about catalogue, views and log generations, kept by the KPI service."""
