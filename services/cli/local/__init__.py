"""Starts, seeds, supervises and stops the processes of a stack on this machine."""
