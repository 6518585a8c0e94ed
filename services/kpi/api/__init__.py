"""gRPC handlers, one module for each service of the contract."""
