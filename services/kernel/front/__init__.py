"""The front of the gRPC server: a call gets a thread only once its caller and message are known.

`reception` receives, authenticates and admits calls, `arrival` wraps grpcio's view of a call,
`admission` limits what each caller may have open, and `queues` shares the worker threads between
institutions (ADR 0023).
"""
