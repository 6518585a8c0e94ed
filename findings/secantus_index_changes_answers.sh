#!/usr/bin/env bash
# An index of SecantusDB changes which documents a query finds. A descending one misplaces a text that begins with the limit of
# a range, or is its beginning: `{$gte: "a"}` misses "ab", and `{$gt: ""}` every text; so lists by prefixes or times
# written as text, newest first, lose rows. Of any index a pattern within `$in` finds nothing, and a range whose two
# ends are met by two elements of one list does not find it. Without index all are found, as on MongoDB: a test on
# a collection that has no indexes yet does not see it.
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
import re
import sys

from pymongo import ASCENDING, DESCENDING, MongoClient

TEXTS = ["", "a", "ab", "b", "c"]
client = MongoClient(f"mongodb://127.0.0.1:{sys.argv[1]}/?replicaSet=secantus", serverSelectionTimeoutMS=60_000)
client.admin.command("ping")
collections = {}
for name, direction in (("none", None), ("ascending", ASCENDING), ("descending", DESCENDING)):
    rows = collections[name] = client.trial[name]
    rows.insert_many([{"text": text, "list": [10, 20]} for text in TEXTS])
    if direction:
        rows.create_index([("text", direction)])
        rows.create_index([("list", direction)])


def found(query):
    seen = {name: [row["text"] for row in rows.find(query).sort("_id")] for name, rows in collections.items()}
    print(query, *(f"\n    index {name}: {texts}" for name, texts in seen.items()))
    return tuple(seen.values())


as_found = [
    found({"text": "b"}) == (["b"], ["b"], ["b"]),
    found({"text": {"$gt": ""}}) == (TEXTS[1:], TEXTS[1:], []),
    found({"text": {"$gte": "a"}}) == (TEXTS[1:], TEXTS[1:], ["a", "b", "c"]),
    found({"text": {"$lt": "ab"}}) == (["", "a"], ["", "a"], []),
    found({"text": {"$in": [re.compile("^a")]}}) == (["a", "ab"], [], []),
    found({"list": {"$gt": 15, "$lt": 16}}) == (TEXTS, [], []),
]
raise SystemExit(not all(as_found))
PYTHON
venv/bin/python seen.py "$port"
