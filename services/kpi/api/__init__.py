"""gRPC handlers, one module for each gRPC service of the KPI contract."""
