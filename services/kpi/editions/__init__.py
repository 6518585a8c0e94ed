"""Editions: closing and signing a period, and comparing it with the present."""
