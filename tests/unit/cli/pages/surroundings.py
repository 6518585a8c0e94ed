"""What commands meet beside the services on a page: broker, database, processes, files.

These are the results of the functions of `services.cli` that look at them, by page. A page that is
not named here needs nothing but what the services answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from typing import Any
from unittest import mock

from services.cli.admin import offline
from services.cli.admin.acls import Differences, Right
from services.cli.admin.database_schema import Difference as SchemaDifference
from services.cli.admin.processes import Usage
from services.cli.admin.scrapes import parse
from services.cli.admin.topics import Applied, Difference
from services.cli.backups.archive import Manifest, Part
from services.cli.checks.findings import Finding
from services.cli.checks.infrastructure import space
from services.cli.client.stack import Process, Stack
from services.cli.commands.status import Look
from services.cli.errors import DOWN, NO

DATA = ".kieng-of-pages"
DIGEST = "5f0c9a4be1d27f38"
COMMANDS = "services.cli.commands"
STACK = Stack(
    DATA,
    4242,
    "127.0.0.1:26020",
    "embedded",
    "mongodb://127.0.0.1:26022",
    {
        "broker": Process(4243, "logs/broker.log"),
        "database": Process(4244, "logs/database.log"),
        "kpi.aggregator": Process(4245, "logs/kpi.aggregator.log", http="127.0.0.1:26027"),
        "kpi.query": Process(4246, "logs/kpi.query.log", "127.0.0.1:26028", "127.0.0.1:26029"),
        "exporter": Process(4247, "logs/exporter.log", http="127.0.0.1:26032"),
        "portal": Process(4248, "logs/portal.log", http="127.0.0.1:26034", web="127.0.0.1:26035"),
    },
)


@dataclass(frozen=True)
class Surroundings:
    """What a command meets.

    Args:
        results: function of `services.cli` -> what stands in its place.
        files: path in the folder where the command runs -> content.
    """

    results: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def patches(self) -> list[Any]:
        """What puts the results in the place of the functions."""
        return [mock.patch(target, function) for target, function in self.results.items()]


def gives(value: Any) -> Callable[..., Any]:
    """A function that returns a value, whatever its arguments."""
    return lambda *_, **__: value


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is called once for all languages and widths, and gives copies of that."""
    kept = cache(function)
    return lambda *args, **named: deepcopy(kept(*args, **named))


CONNECTED = {f"{COMMANDS}.topics.connected": gives(nullcontext())}
TOPICS = (
    Difference("kieng.submissions.v1", "partitions", "6", "3"),
    Difference("kieng.submissions.v1.dlq", "config", "-1", "604800000", "retention.ms"),
    Difference("kieng.partners.v1", "topic", "1"),
)
RIGHTS = Differences(
    (Right("User:kieng-submissions", "WRITE", "TOPIC", "kieng.submissions.v1"),),
    (Right("User:kieng-portal", "READ", "TOPIC", "kieng.", is_prefix=True),),
)
ACLS = {**CONNECTED, f"{COMMANDS}.topic_acls.connected": gives(nullcontext())}
DATABASES = {
    f"{COMMANDS}.db.database.connect": gives(nullcontext(mock.MagicMock())),
    f"{COMMANDS}.db.database.institutions": gives(["vnu", "hust"]),
}


def lacks(schema: Any, database: Any, say: Callable[[str], None] | None = None) -> Any:
    """What `database_schema.plan` and `apply` find: one schema lacks something."""
    del database
    if schema.__name__.split(".")[1] != "partners":
        return []
    if say:
        say("kieng_partners: 3 fold names anew")
        return []
    return [
        SchemaDifference("kieng_partners", "migration", "3 fold names anew"),
        SchemaDifference("kieng_partners", "index", "partner: tax_code ascending"),
    ]


MANIFEST = Manifest(
    "kieng-20250801T020000Z",
    "2025-08-01T02:00:00+00:00",
    "0.1.0",
    ["vnu", "hust"],
    True,
    {"kieng_partners": 3},
    {"view_id": "g1-c1-f2", "digest": DIGEST},
    [
        Part("kieng_submissions_vnu", "submission", "s.bson.gz", 5931, 4_402_119, ""),
        Part("kieng_partners", "partner", "p.bson.gz", 212, 88_031, ""),
    ],
)
BACKUPS = {
    f"{COMMANDS}.backup.archive.open_manifest": gives(MANIFEST),
    f"{COMMANDS}.backup.checked": gives([]),
}
RESTORED = {"state": "restored", "name": MANIFEST.name, "digest": DIGEST, "recorded": DIGEST}
FINDINGS = (
    Finding("settings", 0, "no mistake"),
    Finding("broker", 0, "127.0.0.1:26020 (embedded), 1 answer"),
    Finding("topics", NO, str(TOPICS[0]), "kieng topics apply --kafka 127.0.0.1:26020"),
    Finding("database", DOWN, "no address", "kieng up, or set KIENG_MONGO_URI"),
    Finding("copies", 0, "every partition has all of them"),
    space("disk of .kieng-of-pages", 500e9, 20e9),
)
QUERY = """
grpc_server_handled_total{grpc_method="GetKpis"} %d
kieng_view_age_seconds{view="g1"} 95
kieng_kpi_parked 2
kieng_kpi_parked_dismissed 1
"""
EXPORTER = """
kieng_broker_up 1
kieng_database_up 1
kieng_lag_records{group="kieng.kpi",topic="kieng.submissions.v1",partition="0"} 1200
kieng_lag_seconds{group="kieng.kpi",topic="kieng.submissions.v1",partition="0"} 61
"""


def seen(number: int) -> Look:
    """One of two looks, two seconds apart, at a stack whose portal has died."""
    usage: dict[str, Usage | None] = {
        name: Usage(31.0 + number / 10, 68 * 1024 * 1024, 1_754_010_000.0)
        for name in STACK.processes
    }
    usage["portal"] = None
    scrapes = {"kpi.query": parse(QUERY % (100 + 42 * number)), "exporter": parse(EXPORTER)}
    return Look(1_754_013_600.0 + 2 * number, scrapes, usage, {"portal": "refused"})


def run_up(launch: Any, work: Callable[[Any], None], *, stay: bool) -> None:
    """Stands for `up.run`: the stack is there at once."""
    del stay
    launch.stack = STACK
    work(launch)


FOUND = {"services.cli.session.find": gives(STACK)}
VERIFIED = {"records": 6143, "parked": 0, "digest": DIGEST, "progress": {"0": 2051, "1": 4092}}
LIVE = {f"{COMMANDS}.log.fill_log": gives(True), f"{COMMANDS}.log.wait_until_live": gives(None)}
LOGS = (
    '{"timestamp": "2025-08-01T01:59:58.120Z", "level": "info", "service": "kpi.query", '
    '"event": "ready", "view": "g1-c1-f2"}\n'
    '{"timestamp": "2025-08-01T01:59:59.004Z", "level": "warning", "service": "kpi.query", '
    '"event": "the log ends sooner than the view", "partition": 1}\n'
)
EDITION = (
    '{"content": {"edition_id": "2025-h1", "view": {"digest": "' + DIGEST + '"}}, "signature": ""}'
)

SURROUNDINGS: Mapping[str, Surroundings] = {
    "backup-create": Surroundings(
        {
            f"{COMMANDS}.backup.database.connect": gives(nullcontext(None)),
            f"{COMMANDS}.backup.database.institutions": gives(["vnu", "hust"]),
            f"{COMMANDS}.backup.dump.save": gives((f"backups/{MANIFEST.name}", MANIFEST)),
        }
    ),
    "backup-list": Surroundings(BACKUPS, {f"backups/{MANIFEST.name}/x": ""}),
    "backup-restore": Surroundings(
        {**BACKUPS, f"{COMMANDS}.restore_job.Job.here": gives(RESTORED)},
    ),
    "backup-verify": Surroundings(
        {**BACKUPS, f"{COMMANDS}.backup.dump.counted": gives(MANIFEST.view)}
    ),
    "catalogue-check": Surroundings({f"{COMMANDS}.catalogue.offline.run": once(offline.run)}),
    "config-check-stack": Surroundings(
        {**FOUND, f"{COMMANDS}.config.environment_of": gives({"KIENG_COLOUR": "red"})}
    ),
    "db-apply": Surroundings({**DATABASES, f"{COMMANDS}.db.database_schema.apply": lacks}),
    "db-plan": Surroundings({**DATABASES, f"{COMMANDS}.db.database_schema.plan": lacks}),
    "demo": Surroundings({f"{COMMANDS}.up.run": run_up, f"{COMMANDS}.demo.Demo.run": gives(None)}),
    "doctor": Surroundings(
        {
            f"{COMMANDS}.doctor.is_stopped": gives(False),
            f"{COMMANDS}.doctor.CHECKS": (gives(FINDINGS),),
        }
    ),
    "edition-verify": Surroundings(
        {
            f"{COMMANDS}.edition.signature_problem": gives(""),
            f"{COMMANDS}.edition._read_key": gives(None),
        },
        {"2025-h1.json": EDITION},
    ),
    "edition-verify-wrong": Surroundings(
        {
            f"{COMMANDS}.edition.signature_problem": gives("the content was changed"),
            f"{COMMANDS}.edition._read_key": gives(None),
        },
        {"2025-h1.json": EDITION},
    ),
    "log-export": Surroundings({f"{COMMANDS}.log.offline.run": gives({"records": 6143})}),
    "log-repartition": Surroundings(LIVE),
    "log-republish": Surroundings(LIVE),
    "logs": Surroundings(files={f"{DATA}/logs/kpi.query.log": LOGS}),
    "status": Surroundings(
        {
            **FOUND,
            f"{COMMANDS}.status.look": mock.Mock(side_effect=cycle([seen(0), seen(1)])),
            f"{COMMANDS}.status.time.sleep": gives(None),
        }
    ),
    "token": Surroundings(
        {f"{COMMANDS}.token.LocalIssuer.mint": gives("eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl")},
        {f"{DATA}/issuer/x": ""},
    ),
    "topics-acl-apply": Surroundings({**ACLS, f"{COMMANDS}.topic_acls.acls.apply": gives(RIGHTS)}),
    "topics-acl-plan": Surroundings({**ACLS, f"{COMMANDS}.topic_acls.acls.plan": gives(RIGHTS)}),
    "topics-apply": Surroundings(
        {
            **CONNECTED,
            f"{COMMANDS}.topics.topics.apply": gives(
                Applied(("kieng.partners.v1",), (), TOPICS[:1], {"kieng.partners.v1": "id"})
            ),
        }
    ),
    "topics-plan": Surroundings(
        {
            **CONNECTED,
            f"{COMMANDS}.topics.topics.plan": gives(TOPICS),
            f"{COMMANDS}.topics.log_partitions.count": gives(3),
            f"{COMMANDS}.topics.view_partitions.made_of_in": gives(3),
        }
    ),
    "up": Surroundings({f"{COMMANDS}.up.run": run_up, f"{COMMANDS}.up.bootstrap": gives(None)}),
    "verify": Surroundings({f"{COMMANDS}.verify.offline.run": gives(VERIFIED)}),
}
"""Name of a page -> what its command meets."""
NOTHING = Surroundings()
