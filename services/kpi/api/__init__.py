"""RPC handlers, one module for each gRPC service."""
