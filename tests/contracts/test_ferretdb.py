"""A real server without transactions: whatever starts on it says what is missing, and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.checks import infrastructure
from services.cli.client.stack import Stack
from services.cli.errors import NO
from services.kernel.mongo_features import CHECKS, PAGE
from tests.contracts.ferretdb import ferretdb
from tests.contracts.toolchains import needs_compilers
from tests.deploy.known import ROOT

pytestmark = needs_compilers
SERVICES = ("partners", "submissions", "notifications", "kpi.aggregator", "kpi.query")
SECONDS_MAX = 300
LACKING = (
    "atomic transactions (",
    "transactions that read one snapshot (a later write is seen)",
    "write conflicts between transactions (two wrote one document and neither was told)",
    'aggregation by $group with $sum and $min ($group accumulator "$min" is not implemented yet)',
    "killSessions (no such command: 'killSessions')",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ferretdb(tmp_path_factory.mktemp("ferretdb")) as uri:
        yield uri


def ended(server: str, *argv: str) -> tuple[int, list[str]]:
    """Exit code of a command on the server, and every line that it printed."""
    environment = {
        **os.environ,
        "KIENG_MONGO_URI": server,
        "KIENG_HTTP_PORT": "0",
        "KIENG_GRPC_PORT": "0",
        "KIENG_INSTITUTIONS": "hust,vnu",
        "KIENG_LOG_FORMAT": "json",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    return done.returncode, done.stdout.splitlines()


def test_doctor_names_all_that_it_lacks_and_where_to_read(server: str) -> None:
    found, *_ = infrastructure.check_database(Stack("", mongo=server))
    assert (found.check, found.exit_code) == ("database", NO)
    assert [text for text in LACKING if text not in found.detail] == []
    assert len(found.detail.split("; ")) == len(LACKING) < len(CHECKS)
    assert PAGE in found.remedy


def test_db_apply_ends_with_one_sentence(server: str) -> None:
    kieng = str(Path(sys.executable).with_name("kieng"))
    code, lines = ended(server, kieng, "db", "apply", "--mongo", server)
    assert (code, len(lines)) == (NO, 1), lines
    assert [text for text in LACKING if text not in lines[0]] == []
    assert lines[0].endswith(f": see {PAGE}")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_ends_with_one_line(server: str, service: str) -> None:
    code, lines = ended(server, sys.executable, "-m", "services.kernel.runner", service)
    assert (code, len(lines)) == (1, 1), lines
    assert '"event": "cannot start"' in lines[0]
    assert "the database lacks atomic transactions" in lines[0]


def test_the_suite_that_a_server_is_held_against_ends_at_once(server: str) -> None:
    code, lines = ended(server, "make", "-s", "test-mongo", f"MONGO={server}")
    told = next(line for line in lines if line.startswith("Exit: the database lacks"))
    assert [text for text in LACKING if text not in told] == []
    assert not any("Traceback" in line for line in lines)
    assert code != 0
