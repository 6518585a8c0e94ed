"""Compares the access rights on a broker with the table of users, and grants what is missing.

`apply` only adds rights. A right that the table does not contain is reported, not revoked, because
another program may depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from services.cli.client.stack import DEPLOY

TABLE = DEPLOY / "kafka" / "acls.yaml"
PREFIX = "kieng-"
OURS = "kieng."
"""Prefix of the names of all topics and consumer groups of Kiềng."""
EVERYTHING = "*"

_TOPIC, _GROUP, _CLUSTER = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.CLUSTER
_GRANTS: Mapping[str, tuple[tuple[ResourceType, ACLOperation], ...]] = {
    # The settings of a topic show whether it can lose records.
    "read": ((_TOPIC, ACLOperation.READ), (_TOPIC, ACLOperation.DESCRIBE_CONFIGS)),
    "write": ((_TOPIC, ACLOperation.WRITE),),
    "groups": ((_GROUP, ACLOperation.READ),),
    "watch": ((_GROUP, ACLOperation.DESCRIBE),),
}


class AclTableInvalid(ValueError):
    """Raised if the table of users is not valid; the message names the user and the key."""


@dataclass(frozen=True, order=True)
class Right:
    """One right: a principal may do an operation on a topic, consumer group or the cluster.

    ``resource`` is the kind of the resource, e.g. `TOPIC`. With ``is_prefix`` the right holds for
    all resources whose names begin with ``name``.
    """

    principal: str
    operation: str
    resource: str
    name: str
    is_prefix: bool = False

    def __str__(self) -> str:
        """Return the right as one line, e.g. `User:kieng-kpi READ TOPIC kieng.submissions.v1`.

        A name that is a prefix ends with `*`.
        """
        star = EVERYTHING if self.is_prefix else ""
        return f"{self.principal} {self.operation} {self.resource} {self.name}{star}"


@dataclass(frozen=True)
class Differences:
    """The differences between the table of users and a broker.

    ``missing`` are rights in the table that the broker lacks; ``surplus`` are rights on topics and
    groups of Kiềng that the broker grants beyond the table.
    """

    missing: tuple[Right, ...]
    surplus: tuple[Right, ...]


def load(path: Path = TABLE, prefix: str = PREFIX) -> tuple[Right, ...]:
    """Read the table of users and return the rights that it gives, sorted.

    Args:
        path: a YAML file like deploy/kafka/acls.yaml.
        prefix: put before each name in the table to get the name of the Kafka user.

    Raises:
        AclTableInvalid: the file is not such a table.
    """
    document = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    if not isinstance(document, dict) or set(document) != {"users"}:
        raise AclTableInvalid(f"{path}: wanted exactly the key users")
    rights = [
        right
        for user, row in document["users"].items()
        for right in _rights(user, f"User:{prefix}{user}", row)
    ]
    return tuple(sorted(rights))


def _rights(user: str, principal: str, row: Any) -> Iterator[Right]:
    if not isinstance(row, dict) or (unknown := set(row) - set(_GRANTS)):
        wrong = f"unknown {', '.join(sorted(unknown))}" if isinstance(row, dict) else "not a map"
        raise AclTableInvalid(f"{user}: {wrong}")
    if "watch" in row:
        # The right to read the sizes of log folders is one on the cluster.
        yield Right(principal, ACLOperation.DESCRIBE.name, _CLUSTER.name, "kafka-cluster")
    for key, names in row.items():
        for text in names:
            name = text.removesuffix(EVERYTHING)
            if not name.startswith(OURS):
                raise AclTableInvalid(f"{user}: {key} names {text!r}, which is not Kiềng's")
            for resource, operation in _GRANTS[key]:
                is_prefix = text.endswith(EVERYTHING)
                yield Right(principal, operation.name, resource.name, name, is_prefix)


def plan(admin: KafkaAdminClient, table: Sequence[Right]) -> Differences:
    """Return the differences between the rights on a broker and a table, without changing any.

    Raises:
        KafkaError: the broker does not answer, or has no authorizer.
    """
    found = frozenset(_found(admin))
    return Differences(
        tuple(right for right in table if right not in found),
        tuple(sorted(r for r in found - frozenset(table) if r.resource != _CLUSTER.name)),
    )


def apply(admin: KafkaAdminClient, table: Sequence[Right]) -> Differences:
    """Grant the rights of a table that a broker lacks, and revoke none.

    Returns:
        The differences found before: ``missing`` are the rights that were granted.

    Raises:
        KafkaError: the broker does not answer, has no authorizer, or refuses a right.
    """
    differences = plan(admin, table)
    if differences.missing:
        answer = admin.create_acls([_encode(right) for right in differences.missing])
        for refused in answer["failed"]:
            raise refused
    return differences


def _found(admin: KafkaAdminClient) -> Iterator[Right]:
    """Yield every right on a broker that applies to our resources or to the cluster."""
    anything = ACLFilter(
        None,
        None,
        ACLOperation.ANY,
        ACLPermissionType.ALLOW,
        ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
    )
    for acl in admin.describe_acls(anything)[0]:
        pattern = acl.resource_pattern
        name = pattern.resource_name
        is_ours = name.startswith(OURS) or name == EVERYTHING
        is_prefix = pattern.pattern_type == ACLResourcePatternType.PREFIXED
        if pattern.resource_type == _CLUSTER or is_ours or (is_prefix and OURS.startswith(name)):
            resource = ResourceType(pattern.resource_type).name
            yield Right(acl.principal, acl.operation.name, resource, name, is_prefix)


def _encode(right: Right) -> ACL:
    kinds = ACLResourcePatternType
    kind = kinds.PREFIXED if right.is_prefix else kinds.LITERAL
    pattern = ResourcePattern(ResourceType[right.resource], right.name, kind)
    operation = ACLOperation[right.operation]
    return ACL(right.principal, EVERYTHING, operation, ACLPermissionType.ALLOW, pattern)
