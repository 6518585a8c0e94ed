"""Bare processes of the libraries that every service uses: the floor of starting a stack.

`python -m tests.benchmark.bare_start HOW BROKER DATABASE` starts as many processes as a stack has
services and prints `ready` when each serves gRPC and has spoken to broker and database. HOW is
`forked`: from one process that has imported the libraries, as `kieng up` does; or `alone`: each
imports them itself. Nothing of the product is imported or asked.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

PROCESSES = 7
HOST = "127.0.0.1"


def load() -> None:
    """Import the libraries that all services use."""
    import grpc  # noqa: F401
    import kafka  # noqa: F401
    import mongoengine  # noqa: F401
    import nameko.containers  # noqa: F401


def serve(broker: str, database: str) -> None:
    """Serve gRPC without a method, ask broker and database once, say so, and wait to be killed."""
    import grpc
    from kafka import KafkaConsumer
    from pymongo import MongoClient

    server = grpc.server(ThreadPoolExecutor(4))
    server.add_insecure_port(f"{HOST}:0")
    server.start()
    MongoClient(database).admin.command("ping")
    KafkaConsumer(bootstrap_servers=broker).topics()
    os.write(1, b"served\n")
    server.wait_for_termination()


def main(how: str, broker: str, database: str) -> None:
    """Start the processes, and wait until all of them serve."""
    load()
    if how == "one":
        serve(broker, database)
    reading, writing = os.pipe()
    for _ in range(PROCESSES):
        if how == "alone":
            argv = (sys.executable, "-m", "tests.benchmark.bare_start", "one", broker, database)
            subprocess.Popen(argv, stdout=writing)
        elif not os.fork():
            os.dup2(writing, 1)
            serve(broker, database)
    said = b""
    while said.count(b"served") < PROCESSES:
        said += os.read(reading, 4096)
    print("ready", flush=True)
    os.read(0, 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
