#!/usr/bin/env bash
# kafka-python's admin client that finds no broker raises, but leaves a socket to the garbage collector:
# its ResourceWarning comes whenever the collector runs, in a test suite within another test.
# The listener below is closed before, so that the port is free and refuses.
# Seen with kafka-python 3.0.12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check kafka-python==3.0.12
cat >seen.py <<'PYTHON'
import gc
import socket
import sys
import warnings

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

with socket.create_server(("127.0.0.1", 0)) as listener:
    port = listener.getsockname()[1]

with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always", ResourceWarning)
    try:
        KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", bootstrap_timeout_ms=500)
    except KafkaError as error:
        print("raised:", type(error).__name__)
    gc.collect()
sockets = [str(each.message) for each in seen if "unclosed <socket" in str(each.message)]
print("sockets left open:", len(sockets))
sys.exit(0 if sockets else "CHANGED: no socket is left to the collector")
PYTHON
venv/bin/python seen.py
