#!/usr/bin/env bash
# A process that calls gc.freeze() after it imported DuckDB ends with pages of "nanobind: leaked ..." on
# stderr, behind whatever it printed last: at exit the extension counts its objects, and a frozen heap is
# not collected any more. Exit code and results are right. gc.unfreeze() before the end makes it silent;
# without a freeze nothing is printed, nor by a release before 2.0, which was not built with nanobind.
# Seen with duckdb 2.0.0 (and 1.3.2 for comparison), Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 2.0.0 1.3.2; do
    python3 -m venv "$version"
    "$version/bin/python" -m pip install --quiet --disable-pip-version-check "duckdb==$version"
done
# lines VERSION CODE: how many lines about leaks follow a program that ends well
lines() {
    "$1/bin/python" -c "$2" 2>&1 >/dev/null | grep -c leak || true
}
query='import gc, duckdb; duckdb.sql("SELECT 1").fetchall()'
plain=$(lines 2.0.0 "$query")
frozen=$(lines 2.0.0 "$query; gc.freeze()")
thawed=$(lines 2.0.0 "$query; gc.freeze(); gc.unfreeze()")
before=$(lines 1.3.2 "$query; gc.freeze()")
echo "lines about leaks: plain $plain, frozen $frozen, frozen and thawed $thawed; 1.3.2 frozen $before"
test "$plain" -eq 0 && test "$frozen" -gt 0 && test "$thawed" -eq 0 && test "$before" -eq 0 || {
    echo "CHANGED: the frozen heap is no longer what makes the difference"
    exit 1
}
