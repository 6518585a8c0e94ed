"""Editions: closing a period, signing the result, and comparing it with the present."""
