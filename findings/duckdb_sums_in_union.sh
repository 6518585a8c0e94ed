#!/usr/bin/env bash
# DuckDB's sum of any DECIMAL is 38 digits wide. Where two such sums have to become one type (UNION, CASE, coalesce,
# greatest, a list) there is no digit left, and DuckDB takes it from the fraction: all are rounded to the smaller
# scale, in silence. A report that puts a sum of amounts above a sum of shares shows 1.00 for 0.999999; each
# alone is right, and so is `+`, which keeps the larger scale and would raise if that were too wide.
# INTERSECT even finds values that `=` tells apart. A cast of the sums to a smaller width mends all.
# Seen with duckdb 2.0.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check duckdb==2.0.0
cat >seen.py <<'PYTHON'
from decimal import Decimal

import duckdb

database = duckdb.connect()
database.execute("CREATE TABLE t (amount DECIMAL(18,2), share DECIMAL(12,6))")
database.execute("INSERT INTO t VALUES (10.25, 0.333333), (1.50, 0.666666)")


def rows(query):
    found = database.execute(query).fetchall()
    print(f"{query}\n    {found}")
    return found


D = Decimal
as_found = [
    rows("SELECT sum(share), typeof(sum(share)), typeof(sum(amount)) FROM t")
    == [(D("0.999999"), "DECIMAL(38,6)", "DECIMAL(38,2)")],
    rows("SELECT sum(amount) FROM t UNION ALL SELECT sum(share) FROM t") == [(D("11.75"),), (D("1.00"),)],
    rows("SELECT CASE WHEN sum(amount) > 100 THEN sum(amount) ELSE sum(share) END FROM t") == [(D("1.00"),)],
    rows("SELECT coalesce(sum(amount) FILTER (amount > 100), sum(share)) FROM t") == [(D("1.00"),)],
    rows("SELECT least(sum(amount), sum(share)), sum(amount) + sum(share) FROM t") == [(D("1.00"), D("12.749999"))],
    rows("SELECT [sum(amount), sum(share)] FROM t") == [([D("11.75"), D("1.00")],)],
    rows("SELECT sum(share) = 1.00::DECIMAL(38,2) FROM t") == [(False,)],
    rows("SELECT sum(share) FROM t INTERSECT SELECT 1.00::DECIMAL(38,2)") == [(D("1.00"),)],
    rows("SELECT amount FROM t UNION ALL SELECT sum(share)::DECIMAL(18,6) FROM t ORDER BY 1")[0] == (D("0.999999"),),
]
raise SystemExit(not all(as_found))
PYTHON
venv/bin/python seen.py
