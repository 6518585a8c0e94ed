"""Replays of the log up to a bound, in a subprocess, for numbers of the past."""
