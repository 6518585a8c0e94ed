#!/usr/bin/env bash
# grpcio sends keepalive pings at most once a second, whatever smaller grpc.keepalive_time_ms says, and tells nobody:
# a client that asks for 100 ms loses a quiet stream to a server that allows no pings (too_many_pings, at the
# third) after the same three seconds as one that asks for 1,000 ms. So such a limit cannot be tested faster.
# Seen with grpcio 1.85.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check grpcio==1.85.1
cat >seen.py <<'PYTHON'
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

over = threading.Event()


def quiet(request, context):
    yield b"first"
    over.wait(20)


server = grpc.server(ThreadPoolExecutor(4))
method = grpc.unary_stream_rpc_method_handler(quiet)
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("s", {"Quiet": method})])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
seconds = {}
for asked in (100, 1000):
    options = [("grpc.keepalive_time_ms", asked), ("grpc.http2.max_pings_without_data", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        began = time.monotonic()
        try:
            list(channel.unary_stream("/s/Quiet")(b""))
        except grpc.RpcError as error:
            seconds[asked] = time.monotonic() - began
            print(f"pings every {asked} ms asked: {error.details()!r} after {seconds[asked]:.1f} s")
over.set()
server.stop(0)
as_slow = set(seconds) == {100, 1000} and all(2.5 < each < 4.5 for each in seconds.values())
sys.exit(0 if as_slow else "CHANGED: shorter intervals are kept")
PYTHON
venv/bin/python seen.py 2>/dev/null
