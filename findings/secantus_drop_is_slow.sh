#!/usr/bin/env bash
# Dropping a collection of SecantusDB takes time by its documents, some milliseconds for each, while deleting the same
# documents first and dropping the empty collection is many times faster. On MongoDB it is the other way round, so
# tests and restores that drop what they replace, as one learns to, wait for minutes here. Results are the same.
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

DOCUMENTS = 2_000
client = MongoClient(f"mongodb://127.0.0.1:{sys.argv[1]}/?replicaSet=secantus", serverSelectionTimeoutMS=60_000)
client.admin.command("ping")


def seconds_to_remove(name, empty_first):
    collection = client.trial[name]
    collection.insert_many([{"_id": number, "text": "x" * 200} for number in range(DOCUMENTS)])
    begin = time.perf_counter()
    if empty_first:
        collection.delete_many({})
    collection.drop()
    assert collection.count_documents({}) == 0
    return time.perf_counter() - begin


dropped, emptied = seconds_to_remove("a", False), seconds_to_remove("b", True)
print(f"{DOCUMENTS} documents: drop {dropped:.2f} s, delete_many and drop {emptied:.2f} s: {dropped / emptied:.0f} times")
raise SystemExit(dropped < 3 * emptied)
PYTHON
venv/bin/python seen.py "$port"
