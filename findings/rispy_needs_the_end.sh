#!/usr/bin/env bash
# rispy finds the references of a RIS file by their end, `ER  -`. The last one of a file that was cut, or whose exporter leaves
# the line out, is lost without an error; of two references of which the first lacks it one remains, with the title and year
# of the first and the authors of both; and a file whose lines end as on old Macs has no reference at all, and no error either.
# Seen with rispy 0.10.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check rispy==0.10.0
cat >seen.py <<'PYTHON'
import rispy


def reference(number, end=True):
    return "\n".join(
        ["TY  - JOUR", f"TI  - Work {number}", f"AU  - Author {number}", f"PY  - 202{number}"]
        + ["ER  - "] * end
    ) + "\n"


def read(text):
    return [(each.get("title"), each.get("authors"), each.get("year")) for each in rispy.loads(text)]


whole = reference(1) + reference(2)
seen = {
    "both end": read(whole),
    "the last does not end": read(reference(1) + reference(2, end=False)),
    "the first does not end": read(reference(1, end=False) + reference(2)),
    "line ends of old Macs": read(whole.replace("\n", "\r")),
}
for name, found in seen.items():
    print(f"{name}: {found}")
first, second = ("Work 1", ["Author 1"], "2021"), ("Work 2", ["Author 2"], "2022")
expected = [[first, second], [first], [("Work 1", ["Author 1", "Author 2"], "2021")], []]
raise SystemExit(list(seen.values()) != expected)
PYTHON
venv/bin/python seen.py
