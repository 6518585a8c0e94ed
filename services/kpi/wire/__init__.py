"""Decoding and encoding between protobuf or bytes and the domain."""
