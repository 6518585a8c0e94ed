"""The rules of the directory and of the registry of partners: no clock, no I/O."""
