"""Replays of the log up to a bound, in subprocesses, to recompute numbers of the past."""
