"""Calls to the services: their addresses, channels and credentials, and the local issuer."""
