#!/usr/bin/env bash
# "The newest one" by an index: MongoDB walks the index and stops at the first document. SecantusDB reads every document
# whole, though limit, index and projection are all about one small field, so the time grows with what is stored; a
# range on the same field uses the index. Ten times the documents: the sort takes about ten times as long, the range as long.
# Seen with secantusdb 0.7.0b3, documents of some 75 KB: sort 2.4 ms among 5 and 18.9 among 50; range 1.2 and 1.0 ms.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check secantusdb==0.7.0b3 pymongo==4.20.0
cat >seen.py <<'PYTHON'
import socket
import statistics
import subprocess
import sys
import time

import pymongo

with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    port = one.getsockname()[1]
argv = ["venv/bin/secantusd-py", "--host", "127.0.0.1", "--port", str(port), "--storage-path", "data"]
server = subprocess.Popen(argv, stderr=subprocess.DEVNULL)


def milliseconds(ask):
    took = []
    for _ in range(15):
        begin = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begin) * 1000)
    return statistics.median(took)


try:
    client = pymongo.MongoClient(
        f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=60_000
    )
    versions = client["trial"]["versions"]
    versions.create_index([("version", -1)], unique=True)
    parts = [{"name": f"part {n}", "text": "x" * 100, "since": "2020-01-01"} for n in range(500)]
    found = {}
    for last in (5, 50):
        first = versions.count_documents({}) + 1
        versions.insert_many([{"version": n, "parts": parts} for n in range(first, last + 1)])

        def by_sort():
            newest = versions.find_one({}, {"version": 1}, sort=[("version", -1)])
            assert newest["version"] == last

        def by_range():
            assert [d["version"] for d in versions.find({"version": {"$gt": last - 1}}, {"version": 1})] == [last]

        found[last] = milliseconds(by_sort), milliseconds(by_range)
        print("among %d: sort %.1f ms, range %.1f ms" % (last, *found[last]), flush=True)
finally:
    server.kill()
    server.wait()
sort, within = (found[50][at] / found[5][at] for at in (0, 1))
print(f"ten times the documents: sort {sort:.1f} times as long, range {within:.1f} times")
sys.exit(not (sort > 4 and within < 3))
PYTHON
venv/bin/python seen.py
