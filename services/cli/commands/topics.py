"""`kieng topics plan|apply`: shows topics that the services need and miss, or creates them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import typer
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from services.cli.admin import broker, log_offsets, log_partitions, probes, topics
from services.cli.checks import partitions as view_partitions
from services.cli.errors import DOWN, NO, USAGE, Failure
from services.cli.lazy_group import Entry, lazy_group
from services.cli.session import Session, with_session
from services.refusals import in_language

LAZY = {"acl": Entry("topic_acls:app", "Grant the services their rights on the broker.")}
app = typer.Typer(
    cls=lazy_group(LAZY),
    no_args_is_help=True,
    help="Create the topics, or show what is missing.",
)

Bootstrap = Annotated[
    str, typer.Option("--kafka", help="Broker, host:port (default: that of the stack).")
]
Partitions = Annotated[
    int,
    typer.Option(
        min=0, max=10_000, help="Partitions of a new submissions topic; 0: as in the table."
    ),
]
Replication = Annotated[
    int, typer.Option(min=0, max=100, help="Replication factor of every topic; 0: as in the table.")
]


@contextmanager
def connected(bootstrap: str, session: Session) -> Iterator[KafkaAdminClient]:
    """Yield an admin client of a broker, which is closed at the end of the `with` block.

    The address of the broker is ``bootstrap``, or if that is empty KIENG_KAFKA_BOOTSTRAP, or else
    that of the stack.

    Raises:
        Failure: no broker is known, or it does not answer.
    """
    address = bootstrap or os.environ.get("KIENG_KAFKA_BOOTSTRAP") or session.stack.broker
    if not address:
        raise Failure("which broker? Give --kafka host:port", USAGE)
    if reason := probes.kafka_unready(address):
        raise Failure(f"no Kafka: {reason}", DOWN)
    admin = broker.admin(address)
    try:
        yield admin
    except KafkaError as error:
        raise Failure(f"{address}: {error}", DOWN) from error
    finally:
        admin.close()


def wanted(replication: int, partitions: int) -> list[topics.Topic]:
    """Return the table of topics, with other numbers of replicas and partitions if given.

    Args:
        replication: replicas of every topic; 0 for the numbers in the table.
        partitions: partitions of the submissions topic; 0 for the number in the table.

    Raises:
        TopicTableInvalid: the file of the table is not valid.
    """
    table = topics.load(replication=replication or None)
    return [
        replace(topic, partitions=partitions)
        if partitions and topic.name == log_offsets.TOPIC
        else topic
        for topic in table
    ]


@app.command("apply")
@with_session()
def apply_topics(
    session: Session,
    bootstrap: Bootstrap = "",
    replication: Replication = 0,
    partitions: Partitions = 0,
) -> None:
    """Create missing topics and correct settings; exit code 1 if a topic remains too small.

    Partitions and replicas of an existing topic are never changed, only reported.

    Example: kieng topics apply --kafka kafka-1:9092 --replication 3
    """
    table = wanted(replication, partitions)
    with connected(bootstrap, session) as admin:
        done = topics.apply(admin, table)
    screen = session.screen
    left = [str(difference) for difference in done.left]
    document = {
        "created": list(done.created),
        "reconfigured": list(done.reconfigured),
        "left": left,
        "topics": dict(done.ids),
    }

    def lines() -> str:
        changes = [*done.created, *done.reconfigured]
        counts = screen.text("topics.applied", topics=len(done.ids), changed=len(changes))
        return "\n".join([*(in_language(each, screen.lang) for each in left), counts])

    screen.answer(document, lines)
    if not all(difference.is_generous for difference in done.left):
        raise typer.Exit(NO)


@app.command("plan")
@with_session()
def plan_topics(
    session: Session,
    bootstrap: Bootstrap = "",
    replication: Replication = 0,
    partitions: Partitions = 0,
) -> None:
    """Show where the broker differs from the table of topics; exit code 1 if something is missing.

    Also if the log has other partitions than the live view was made of; the remedy is named.

    Example: kieng topics plan --kafka kafka-1:9092
    """
    table = wanted(replication, partitions)
    with connected(bootstrap, session) as admin:
        differences = topics.plan(admin, table)
        here = log_partitions.count(admin)
    found = [str(difference) for difference in differences]
    wrong = view_partitions.mismatch(here, view_partitions.made_of_in(session.stack))
    if wrong:
        found.append(f"{wrong}: {view_partitions.remedy(here)}")
    screen = session.screen

    def lines() -> str:
        told = (in_language(each, screen.lang) for each in found)
        return "\n".join(told) or screen.text("topics.same")

    screen.answer({"differences": found}, lines)
    if wrong or not all(difference.is_generous for difference in differences):
        raise typer.Exit(NO)
