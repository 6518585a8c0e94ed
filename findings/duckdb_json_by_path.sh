#!/usr/bin/env bash
# DuckDB writes a DECIMAL into JSON with all its digits, and reads it back in two ways: a path (`->`, `->>`, json_value, and
# json_each) takes it through a DOUBLE, also where the result is cast to a DECIMAL, while a structure (a cast to STRUCT, or
# json_transform) gives it exactly. So the same field of the same row is 12345678901234567.25 or ...568.00 by how it is
# asked for, and json_merge_patch rounds the fields that it should leave alone. Whole numbers are exact by a path, too.
# Structures are exact since 2.0; 1.3.2 gives a third number.
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

AMOUNT, OTHER, THIRD = "12345678901234567.25", "12345678901234568.00", "12345678901234567.68"
NEW = duckdb.__version__ == "2.0.0"
BY_STRUCTURE, MERGED = (AMOUNT, OTHER) if NEW else (THIRD, THIRD)
WHOLE = "1234567890123456789012345"
CASES = {  # expression: the number it gives
    "note ->> '$.whole'": WHOLE,
    "(note -> 'amount')::DECIMAL(20,2)": OTHER,
    "(note ->> 'amount')::DECIMAL(20,2)": OTHER,
    "json_value(note, '$.amount')::DECIMAL(20,2)": OTHER,
    "(SELECT value FROM json_each(note, '$.list'))::DECIMAL(20,2)": OTHER,
    "json_transform(note, '{\"amount\": \"DECIMAL(20,2)\"}').amount": BY_STRUCTURE,
    "(note::STRUCT(amount DECIMAL(20,2), list DECIMAL(20,2)[], whole HUGEINT)).amount": BY_STRUCTURE,
    "json_transform(json_merge_patch(note, '{\"whole\": 1}'), '{\"amount\": \"DECIMAL(20,2)\"}').amount": MERGED,
}
database = duckdb.connect()
database.execute(
    f"CREATE TABLE t AS SELECT to_json({{amount: x, list: [x], whole: {WHOLE}}}) AS note"
    f" FROM (VALUES ({AMOUNT}::DECIMAL(20,2))) v(x)"
)
(note,) = database.execute("SELECT note::VARCHAR FROM t").fetchone()
print("duckdb", duckdb.__version__, note)
as_found = [note == f'{{"amount":{AMOUNT},"list":[{AMOUNT}],"whole":{WHOLE}}}']
for expression, wanted in CASES.items():
    (number,) = database.execute(f"SELECT {expression} FROM t").fetchone()
    print(f"    {expression}: {number}")
    as_found.append(str(number) == wanted)
raise SystemExit(not all(as_found))
PYTHON
for version in 2.0.0 1.3.2; do "$version/bin/python" seen.py; done
