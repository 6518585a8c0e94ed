#!/usr/bin/env bash
# DuckDB's median of a DECIMAL has its scale again, and what lies between two values is cut, not rounded as its casts do:
# the median of 1 and 2 is 1 as DECIMAL(18,0) and 1.5 as BIGINT, that of 0.03 and 0.04 is 0.03, though 0.035 is cast
# to 0.04, and that of -0.03 and -0.04 is -0.03. Up to 18 digits it passes through floating point, so that the median of
# equal amounts may be less than each of them; with 38 that is right since 2.0, while 1.3.2 was off by 50. A cast of
# the column to DECIMAL(38, one decimal more) before it mends all three.
# Seen with duckdb 2.0.0, and 1.3.2 for comparison.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 2.0.0 1.3.2; do
    python3 -m venv "$version"
    "$version/bin/python" -m pip install --quiet --disable-pip-version-check "duckdb==$version"
done
cat >seen.py <<'PYTHON'
import duckdb

NEW = duckdb.__version__ == "2.0.0"
EQUAL = "90071992547409.93", "90071992547409.93"
LONG = "1234567890123456789.01", "1234567890123456789.01"
CASES = {  # type and values: their median
    ("BIGINT", ("1", "2")): "1.5",
    ("DECIMAL(18,0)", ("1", "2")): "1",
    ("DECIMAL(38,1)", ("1", "2")): "1.5",
    ("DECIMAL(18,2)", ("0.03", "0.04")): "0.03",
    ("DECIMAL(38,3)", ("0.03", "0.04")): "0.035",
    ("DECIMAL(18,2)", ("-0.03", "-0.04")): "-0.03",
    ("DECIMAL(18,2)", EQUAL): "90071992547409.92",
    ("DECIMAL(38,2)", EQUAL): "90071992547409.93" if NEW else "90071992547409.92",
    ("DECIMAL(38,2)", LONG): "1234567890123456789.01" if NEW else "1234567890123456839.68",
}
database = duckdb.connect()
print("duckdb", duckdb.__version__)
as_found = [str(*database.execute("SELECT 0.035::DECIMAL(18,2)").fetchone()) == "0.04"]
for (kind, values), wanted in CASES.items():
    rows = ", ".join(f"('{value}'::{kind})" for value in values)
    median, result = database.execute(f"SELECT median(x), typeof(median(x)) FROM (VALUES {rows}) t(x)").fetchone()
    print(f"    median of {' and '.join(values)} as {kind}: {median} ({result})")
    as_found.append(str(median) == wanted)
raise SystemExit(not all(as_found))
PYTHON
for version in 2.0.0 1.3.2; do "$version/bin/python" seen.py; done
