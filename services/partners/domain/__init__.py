"""Rules of the directory and of the registry of partners; pure."""
