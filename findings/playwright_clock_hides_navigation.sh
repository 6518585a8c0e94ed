#!/usr/bin/env bash
# Playwright's `page.clock.install()` replaces not only timers and dates: pages that load afterwards see no navigation in
# their performance timeline (`getEntriesByType("navigation")` is empty), and every load has the time origin -1. So a script
# that asks which address was loaded, or that tells two loads of a page apart, works elsewhere and fails in such a test only.
# Seen with playwright 1.65.2 and Chromium, which has to be on PATH.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo "Chromium is not on PATH"; exit 2; }
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check playwright==1.65.2
echo '<!doctype html><title>page</title><p>page</p>' >page.html
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m http.server --bind 127.0.0.1 "$port" >server.log 2>&1 &
server=$!
cat >seen.py <<'PYTHON'
import sys

from playwright.sync_api import sync_playwright

address, executable = sys.argv[1:]
ASK = "[performance.getEntriesByType('navigation').map(each => each.name), performance.timeOrigin]"
seen = {}
with sync_playwright() as tools:
    browser = tools.chromium.launch(executable_path=executable, args=["--no-sandbox"])
    print("Chromium", browser.version)
    for kind in ("its own", "installed"):
        page = browser.new_page()
        if kind == "installed":
            page.clock.install()
        origins = []
        for number in range(2):
            page.goto(f"{address}/page.html?{number}")
            names, origin = page.evaluate(ASK)
            origins.append(origin)
        seen[kind] = (len(names), origins == [-1, -1])
        print(f"clock {kind}: {len(names)} navigations, time origins of two loads {origins}")
    browser.close()
raise SystemExit(seen != {"its own": (1, False), "installed": (0, True)})
PYTHON
timeout 60 bash -c "until (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; do sleep 0.1; done"
venv/bin/python seen.py "http://127.0.0.1:$port" "$chromium"
