#!/usr/bin/env bash
# MongoEngine saves what its dictionaries and lists noticed of their changes, and `|=` of a dictionary and `clear` of a list pass
# by them: the document in memory has changed, `save` succeeds and writes nothing, and whoever reads it next has the old
# values. That `update` and `+=` are noticed, and `clear` of a dictionary, hides it: `|=` is saved, too, where the
# dictionary is an element of a list.
# Seen with mongoengine 0.29.3, pymongo 4.20.0 and, as a database, secantusdb 0.7.0b3.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${database:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check mongoengine==0.29.3 pymongo==4.20.0 secantusdb==0.7.0b3
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/secantusd-py --host 127.0.0.1 --port "$port" --storage-path data --sync-on-commit >database.log 2>&1 &
database=$!
cat >seen.py <<'PYTHON'
import sys

from mongoengine import DictField, Document, ListField, StringField, connect


class Work(Document):
    authors = ListField(StringField())
    parts = ListField(DictField())
    facts = DictField()


connect("trial", host=f"mongodb://127.0.0.1:{sys.argv[1]}/?replicaSet=secantus", serverSelectionTimeoutMS=60_000)
CHANGES = {  # statement: whether its change is saved
    "work.facts |= {'year': 2026}": False,
    "work.facts['more'] |= {'year': 2026}": False,
    "work.authors.clear()": False,
    "work.parts[0] |= {'year': 2026}": True,
    "work.facts.update({'year': 2026})": True,
    "work.facts.clear()": True,
    "work.authors += ['C']": True,
    "del work.authors[:]": True,
}
seen = {}
for statement in CHANGES:
    facts = {"kind": "article", "more": {"pages": 7}}
    key = Work(authors=["A", "B"], parts=[{"name": "text"}], facts=facts).save().pk
    work = Work.objects.get(pk=key)
    before = work.to_json()
    exec(statement)
    work.save()
    stored = Work.objects.get(pk=key).to_json()
    assert work.to_json() != before and stored in (before, work.to_json())
    seen[statement] = stored == work.to_json()
    print(f"{statement:40} {'saved' if seen[statement] else 'lost'}")
raise SystemExit(seen != CHANGES)
PYTHON
venv/bin/python seen.py "$port"
