"""The log of submissions: which one it is, copies of it, and reading it whole."""
