#!/usr/bin/env bash
# dbStats of SecantusDB takes time by the documents of the database, 20 us for each, and answers no faster the second time.
# MongoDB keeps these sizes and answers at once, which is why exporters ask for them every few seconds: here
# each question keeps the database busy for longer the more it holds. The number of documents is right.
# Seen with secantusdb 0.7.0b3 and pymongo 4.20.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${database:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check secantusdb==0.7.0b3 pymongo==4.20.0
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/secantusd-py --host 127.0.0.1 --port "$port" --storage-path data --sync-on-commit >database.log 2>&1 &
database=$!
cat >seen.py <<'PYTHON'
import sys
import time

from pymongo import MongoClient

FEW, MANY = 2_000, 40_000
client = MongoClient(f"mongodb://127.0.0.1:{sys.argv[1]}/?replicaSet=secantus", serverSelectionTimeoutMS=60_000)
client.admin.command("ping")


def seconds_of_sizes(documents):
    database = client[f"trial_{documents}"]
    for first in range(0, documents, 2_000):
        database.rows.insert_many([{"_id": number, "text": "x" * 200} for number in range(first, first + 2_000)])
    least = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        assert database.command("dbStats")["objects"] == documents
        least = min(least, time.perf_counter() - begin)
    return least


few, many = seconds_of_sizes(FEW), seconds_of_sizes(MANY)
print(f"dbStats: {1000 * few:.1f} ms with {FEW} documents, {1000 * many:.1f} ms with {MANY}: {many / few:.0f} times")
raise SystemExit(many < 4 * few)
PYTHON
venv/bin/python seen.py "$port"
