"""The exporter: metrics that a service cannot export itself, e.g. its lag while it is down.

Owns nothing, publishes nothing and serves no RPC. It reads the positions of all consumer groups
and the ends of the log from the broker, and the sizes of broker, database and disks.
"""
