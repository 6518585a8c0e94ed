"""Calls to the services: where they are, and with which credential."""
