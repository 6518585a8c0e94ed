"""HTTP with JSON for programs: the Connect protocol for all contracts, and the OpenAPI document."""
