"""The submissions log: its name, its identity, its one reader, and the file it is copied to."""
