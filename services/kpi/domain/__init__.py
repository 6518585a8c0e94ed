"""Rules that turn submissions into KPI numbers.

Everything here is pure: no clock, no I/O, and no third-party library.
"""
