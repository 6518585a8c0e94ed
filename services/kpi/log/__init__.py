"""The submissions log: topic name, identity check, reader and file format."""
