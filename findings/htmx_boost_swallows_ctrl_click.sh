#!/usr/bin/env bash
# htmx 4.0.1 swallows a click with Ctrl on a link that it boosts: no new tab opens, and nothing else happens either, while
# the same click on a plain link beside it opens one. Its handler calls `preventDefault` before it looks at the keys. So
# `hx-boost` takes from readers how they open several pages beside each other. With htmx 2.0.8 the tab opens.
# Seen with htmx.org 4.0.1 and 2.0.8, playwright 1.65.2 and Chromium. Needs npm, and Chromium on PATH.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo "Chromium is not on PATH"; exit 2; }
npm install --silent --no-save --prefix four htmx.org@4.0.1 >/dev/null
npm install --silent --no-save --prefix two htmx.org@2.0.8 >/dev/null
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check playwright==1.65.2
for version in two four; do
  cat >"$version.html" <<HTML
<!doctype html><title>$version</title><script src="$version/node_modules/htmx.org/dist/htmx.js"></script>
<p><a id="plain" href="next.html">plain</a></p><p hx-boost="true" hx-boost:inherited="true"><a id="boosted" href="next.html" hx-boost="true">boosted</a></p>
HTML
done
echo '<!doctype html><title>next</title><p>next</p>' >next.html
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m http.server --bind 127.0.0.1 "$port" >server.log 2>&1 &
server=$!
cat >seen.py <<'PYTHON'
import sys

from playwright.sync_api import sync_playwright

address, executable = sys.argv[1:]
seen = {}
with sync_playwright() as tools:
    browser = tools.chromium.launch(executable_path=executable, args=["--no-sandbox"])
    print("Chromium", browser.version)
    for version in ("two", "four"):
        for link in ("plain", "boosted"):
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{address}/{version}.html")
            page.wait_for_function("window.htmx")
            page.wait_for_timeout(300)
            page.click(f"#{link}", modifiers=["Control"])
            page.wait_for_timeout(1000)
            seen[version, link] = (len(context.pages) - 1, page.url.rpartition("/")[2])
            context.close()
    browser.close()
for (version, link), (tabs, url) in seen.items():
    print(f"htmx {version}: Ctrl and click on the {link} link: {tabs} new tabs, the page is {url}")
wanted = {("two", "plain"): 1, ("two", "boosted"): 1, ("four", "plain"): 1, ("four", "boosted"): 0}
raise SystemExit({key: tabs for key, (tabs, _) in seen.items()} != wanted)
PYTHON
timeout 60 bash -c "until (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; do sleep 0.1; done"
venv/bin/python seen.py "http://127.0.0.1:$port" "$chromium"
