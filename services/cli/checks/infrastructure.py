"""Checks what the services depend on: settings, broker, database, keys and disks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import IncompatibleBrokerVersion, KafkaError
from pymongo.errors import OperationFailure, PyMongoError

from services.cli.admin import broker, database, database_schema, probes, service_settings, topics
from services.cli.checks import certificates
from services.cli.checks.findings import UP, Finding
from services.cli.client.stack import Stack
from services.cli.errors import DOWN, NO, Failure
from services.kernel import mongo_features
from services.kernel.config import KernelSettings, load, read
from services.kernel.mongo import SICK, Mongo

SKEW_SECONDS_MAX = 5.0
"""Maximum accepted clock skew; tokens tolerate 60 s, but ages and deadlines become wrong."""
DISK_FREE_LOW, DISK_FREE_LEAST = 0.15, 0.05
TERABYTE = 1e12
PLAIN_TEXT = ("plain_text", "kafka_plain_text", "mongo_plain_text")
"""Settings that allow plain text beyond loopback."""


def check_settings(stack: Stack) -> Iterator[Finding]:
    """Yield a finding on the settings in this environment, and one for each that allows plain text.

    Mistakes and misspelt variables are wrong; plain text that was asked for is only told.

    All checks have the same signature, so ``stack`` is ignored here.
    """
    wrong = [*read(KernelSettings)[1], *service_settings.unknown_variables()]
    if wrong:
        yield Finding("settings", NO, "; ".join(wrong), "kieng config check")
        return
    yield Finding("settings", 0, "no mistake")
    settings = load(KernelSettings)
    for name in PLAIN_TEXT:
        if getattr(settings, name):
            said = f"KIENG_{name.upper()}=true"
            text = f"{said}: allowed beyond loopback; see that something else encrypts"
            yield Finding("plain text", 0, text)


def check_broker(stack: Stack) -> Iterator[Finding]:
    """Check the broker, its topics, its disks, and that every partition has all its replicas.

    Healthy findings are yielded, too. A broker that cannot be reached has only one finding; one
    that does not report its disks has none on them.
    """
    if not stack.broker:
        yield Finding("broker", DOWN, "no address", f"{UP}, or set KIENG_KAFKA_BOOTSTRAP")
        return
    if reason := probes.kafka_unready(stack.broker):
        yield Finding("broker", DOWN, reason, UP if _owns(stack, "broker") else "start the brokers")
        return
    remedy = f"kieng topics apply --kafka {stack.broker}"
    with closing(broker.admin(stack.broker)) as admin:
        try:
            nodes = len(admin.describe_cluster()["brokers"])
            kind = stack.broker_kind or "external"
            yield Finding("broker", 0, f"{stack.broker} ({kind}), {nodes} answer")
            yield from _check_topics(admin, remedy)
            yield from _check_log_folders(admin)
        except KafkaError as error:
            yield Finding("topics", DOWN, str(error), remedy)


def _owns(stack: Stack, part: str) -> bool:
    """Return True if `kieng up` started ``part``, e.g. the broker, as a process of the stack."""
    return part in stack.processes


def _check_topics(admin: KafkaAdminClient, remedy: str) -> Iterator[Finding]:
    # The replication factor was chosen at installation, and other settings depend on it.
    table = topics.load()
    live, least = topics.copies(admin, table), max(topic.replication for topic in table)
    if live > least:
        table, remedy = topics.load(replication=live), f"{remedy} --replication {live}"
    # The embedded broker reports no settings, so they cannot be compared there.
    differences = topics.plan(admin, table)
    seen = [d for d in differences if not d.is_generous and (d.aspect == "topic" or d.found)]
    if seen:
        yield Finding("topics", NO, "; ".join(map(str, seen)), remedy)
    else:
        yield Finding("topics", 0, "as in the table")
    poor = topics.without_copies(admin, table)
    leaderless = [name for name, isr, copies in poor if not isr]
    if leaderless:
        text = f"nobody leads {', '.join(leaderless)}"
        yield Finding("copies", DOWN, text, "start the brokers that hold them")
    elif poor:
        text = ", ".join(f"{name} has {isr} of {copies}" for name, isr, copies in poor)
        yield Finding("copies", NO, text, "start the brokers that hold the others")
    else:
        yield Finding("copies", 0, "every partition has all of them")


def _check_log_folders(admin: KafkaAdminClient) -> Iterator[Finding]:
    """Check the disks of the brokers; yield nothing if they do not report them (before 3.3)."""
    try:
        told = admin.describe_log_dirs()
    except IncompatibleBrokerVersion:
        return  # the embedded broker, whose log is in memory
    for node in told:
        for folder in node["log_dirs"]:
            total, free = folder.get("total_bytes", -1), folder.get("usable_bytes", -1)
            if total > 0 <= free:
                name = f"disk of broker {node['broker']}, {folder['log_dir']}"
                yield space(name, float(total), float(free))


def check_database(stack: Stack) -> Iterator[Finding]:
    """Check the database: replica set, majority writes, clock, schema and disk.

    Healthy findings are yielded, too. A database that cannot be used has no further findings.
    """
    try:
        with database.connect("", stack) as mongo:
            found = list(_check_replica_set(mongo))
            yield from found
            if any(finding.exit_code == DOWN for finding in found):
                return  # further checks would only report the same problem again
            yield _check_clock(mongo)
            yield from _check_schemas(mongo, stack)
            yield from _check_space(mongo)
    except Failure as failure:
        remedy = UP if _owns(stack, "database") or not stack.mongo else "start the database"
        yield Finding("database", DOWN, failure.message, remedy)


def _check_replica_set(mongo: Mongo) -> Iterator[Finding]:
    hello = mongo.client.admin.command("hello")
    name = hello.get("setName")
    if not name:
        text = "not a replica set: it has no transactions"
        yield Finding("database", NO, text, "start mongod with --replSet and rs.initiate()")
        return
    try:
        # Creates nothing: a write that matches no document, acknowledged by the majority, on disk.
        mongo.database("kieng_doctor")["probe"].update_one({"_id": 0}, {"$set": {"seen": 1}})
    except PyMongoError as error:
        yield _unwritable(error)
        return
    if lacking := mongo_features.missing(mongo.database("kieng_kpi")):
        text = f"it lacks {'; '.join(lacking)}"
        yield Finding("database", NO, text, f"take another database; {mongo_features.PAGE}")
        return
    members = len(hello.get("hosts", ()))
    yield Finding("database", 0, f"replica set {name} of {members}, majority writes, on disk")
    if not _is_synced(mongo):
        text = "a majority is told before it is on disk (writeConcernMajorityJournalDefault)"
        yield Finding("sync", NO, text, "rs.reconfig() with writeConcernMajorityJournalDefault")


def _unwritable(error: PyMongoError) -> Finding:
    if isinstance(error, OperationFailure) and error.code in SICK:
        text = "it answers and refuses to write: broken inside, or its disk is full"
        return Finding("database", DOWN, text, "give its disk room, then start it again")
    text = f"no majority acknowledges a write: {str(error)[:200]}"
    return Finding("database", DOWN, text, "rs.status() tells which member is missing")


def _is_synced(mongo: Mongo) -> bool:
    try:
        config = mongo.client.admin.command("replSetGetConfig")["config"]
    except PyMongoError:
        return True  # no right to ask, or the embedded database: our own writes demand it (j: true)
    return bool(config.get("writeConcernMajorityJournalDefault", True))


def _check_clock(mongo: Mongo) -> Finding:
    before = datetime.now(UTC)
    there = mongo.client.admin.command("hello").get("localTime")
    after = datetime.now(UTC)
    if there is None:
        return Finding("clock", 0, "the database does not tell its time")
    middle = before + (after - before) / 2
    there = there if there.tzinfo else there.replace(tzinfo=UTC)
    skew = abs((there - middle).total_seconds()) - (after - before).total_seconds() / 2
    if skew > SKEW_SECONDS_MAX:
        text = f"the database's clock differs by {skew:.0f} s from the one here"
        return Finding("clock", NO, text, "timedatectl set-ntp true, on the machine that is wrong")
    return Finding("clock", 0, f"within {max(0.0, skew):.1f} s of the database's")


def _check_schemas(mongo: Mongo, stack: Stack) -> Iterator[Finding]:
    names = database.institutions(mongo, [], stack)
    found = [
        difference
        for schema, name in database_schema.databases(names)
        for difference in database_schema.plan(schema, mongo.database(name))
        if difference.aspect != "unknown index"
    ]
    if found:
        cut_off = any(difference.aspect == "restore" for difference in found)
        remedy = "kieng backup restore FOLDER" if cut_off else "kieng db apply"
        yield Finding("schema", NO, "; ".join(map(str, found)), remedy)
    else:
        yield Finding("schema", 0, "indexes and migrations are complete")


def _check_space(mongo: Mongo) -> Iterator[Finding]:
    told: dict[str, Any] = mongo.database("kieng_kpi").command("dbStats")
    total, used = told.get("fsTotalSize"), told.get("fsUsedSize")
    if total and used is not None:
        yield space("disk of the database", float(total), float(total) - float(used))


def check_disk(stack: Stack) -> Iterator[Finding]:
    """Check the disk of the data folder; yield nothing if no stack runs on this machine."""
    folder = Path(stack.data)
    if stack.processes and folder.exists():
        usage = shutil.disk_usage(folder)
        yield space(f"disk of {folder}", usage.total, usage.free)


def space(name: str, total: float, free: float) -> Finding:
    """Return the finding for a disk of ``total`` bytes, of which ``free`` are free.

    Its exit code is `DOWN` with less than 5 % free, `NO` with less than 15 %, and otherwise 0.
    """
    share = free / total
    text = f"{free / 1e9:,.1f} of {total / 1e9:,.1f} GB free"
    if share >= DISK_FREE_LOW:
        return Finding(name, 0, text)
    code = DOWN if share < DISK_FREE_LEAST else NO
    return Finding(name, code, text, "give it more room; docs/sizing.md says how much")


def check_keys(stack: Stack) -> Iterator[Finding]:
    """Check the table of issuers, and the certificates of brokers and services.

    Healthy findings are yielded, too; see `services.cli.checks.certificates`. Nothing is said about
    a table that is missing where no stack runs.
    """
    path = load(KernelSettings).issuers_file
    path = path if path.exists() or not stack.issuers_file.exists() else stack.issuers_file
    if path.exists():
        yield from certificates.check_issuers(path, datetime.now(UTC))
    elif stack.processes:
        yield Finding("issuers", NO, f"{stack.issuers_file} is missing", UP)
    if stack.broker:
        yield from certificates.check_brokers(stack.broker, datetime.now(UTC))
    yield from certificates.check_services(stack, datetime.now(UTC))
