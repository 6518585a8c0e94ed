"""Editions: closing and signing a period, and what changed since."""
