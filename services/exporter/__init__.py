"""The exporter: metrics that no service can measure of itself.

Owns nothing, publishes nothing and serves no RPC. It asks the broker for the positions of every
consumer group and for the log's ends, and broker and database for their sizes, so that lag remains
visible when all consumers are down.
"""
