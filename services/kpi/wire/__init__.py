"""Decodes and encodes domain values as protobuf messages or bytes."""
