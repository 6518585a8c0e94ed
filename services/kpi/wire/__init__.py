"""Between protobuf and the domain, both ways."""
