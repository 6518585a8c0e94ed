#!/usr/bin/env bash
# A container of nameko says `started` before it begins to start: the flag is set first, then all extensions are set up and
# started, which may take minutes or fail. So a readiness check that asks for it is green while nothing listens yet, and
# stays green when the start has failed; only `stop` and `kill` take the flag back.
# Seen with nameko 2.14.1 and eventlet 0.41.3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check nameko==2.14.1 eventlet==0.41.3
cat >seen.py <<'PYTHON'
import eventlet.debug
from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider

SAID = []
eventlet.debug.hub_exceptions(False)


class Database(DependencyProvider):
    def setup(self):
        SAID.append(("while it is set up", self.container.started))

    def start(self):
        SAID.append(("while it starts", self.container.started))
        raise ConnectionError("the database is down")


class Service:
    name = "trial"
    database = Database()


container = ServiceContainer(Service, config={})
SAID.append(("before", container.started))
try:
    container.start()
except ConnectionError:
    SAID.append(("after it could not start", container.started))
for when, started in SAID:
    print(f"{when:26} started: {started}")
raise SystemExit([started for _, started in SAID] != [False, True, True, True])
PYTHON
venv/bin/python -W ignore seen.py
