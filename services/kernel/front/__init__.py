"""The gRPC server's front: receives, authenticates and admits a call before it costs a thread.

A call passes `reception`, which knows grpcio's side of it as an `arrival`; `admission` holds the
limits of each caller; `queues` shares the worker threads between institutions (ADR 0023).
"""
