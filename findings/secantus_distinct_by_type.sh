#!/usr/bin/env bash
# Whether 1, 1.0 and the decimals 1.0 and 1.00 are one value, SecantusDB answers in two ways: a match, `$group`, and a
# unique index take the four for one, as MongoDB does, while `distinct` lists three. A list of choices that is made by
# `distinct`, or counted, differs from the table that `$group` makes of the same field.
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

from bson import Decimal128
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

VALUES = [1, 1.0, Decimal128("1.0"), Decimal128("1.00")]
client = MongoClient(f"mongodb://127.0.0.1:{sys.argv[1]}/?replicaSet=secantus", serverSelectionTimeoutMS=60_000)
client.admin.command("ping")
plain, unique = client.trial.plain, client.trial.unique
plain.insert_many([{"value": value} for value in VALUES])
unique.create_index("value", unique=True)
refused = 0
for value in VALUES:
    try:
        unique.insert_one({"value": value})
    except DuplicateKeyError:
        refused += 1
matched = [plain.count_documents({"value": value}) for value in VALUES]
grouped = [each["n"] for each in plain.aggregate([{"$group": {"_id": "$value", "n": {"$sum": 1}}}])]
distinct = plain.distinct("value")
print(f"matched {matched}, groups {grouped}, refused by a unique index {refused}, distinct {distinct}")
raise SystemExit((matched, grouped, refused, len(distinct)) != ([4, 4, 4, 4], [4], 3, 3))
PYTHON
venv/bin/python seen.py "$port"
