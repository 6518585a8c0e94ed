"""Replays of the log up to a bound, in a subprocess, to recompute numbers of the past."""
