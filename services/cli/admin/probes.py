"""Probes of a broker, database or service: each returns why it cannot be used; empty if it can."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import grpc
import pymongo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from pymongo.errors import OperationFailure, PyMongoError

from services.cli.admin import broker
from services.cli.client.channels import open_channel
from services.cli.client.stack import Stack
from services.cli.client.troubles import trouble_of_call
from services.cli.errors import Failure
from services.kernel.mongo import SICK

REQUEST_TIMEOUT_MS = 2_000


def kafka_unready(bootstrap: str) -> str:
    """Return why a broker cannot be used; empty if it answers and lists at least one node.

    Takes at most about 3 seconds.
    """
    limits = dict.fromkeys(("bootstrap_timeout_ms", "request_timeout_ms"), REQUEST_TIMEOUT_MS)
    try:
        admin = KafkaAdminClient(**{**broker.options(bootstrap), **limits})
    except KafkaError as error:
        return f"{bootstrap}: {error}"
    try:
        return (
            "" if admin.describe_cluster()["brokers"] else f"{bootstrap}: no broker has registered"
        )
    except KafkaError as error:
        return f"{bootstrap}: {error}"
    finally:
        admin.close()


def mongo_unready(uri: str) -> str:
    """Return why a database cannot be used; empty if it has a primary that answers a ping.

    Takes at most about 2 seconds.
    """
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
        uri, serverSelectionTimeoutMS=REQUEST_TIMEOUT_MS, socketTimeoutMS=REQUEST_TIMEOUT_MS
    )
    with client:
        try:
            client.admin.command("ping")
        except PyMongoError as error:
            return str(error).partition(", Topology Description")[0]
    return ""


def database_broken(uri: str) -> str:
    """Return the error of a database that answers, but reports an internal fault when it is read.

    Empty if it can be read, and also if it does not answer. Takes at most about 2 seconds.
    """
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
        uri, serverSelectionTimeoutMS=REQUEST_TIMEOUT_MS, socketTimeoutMS=REQUEST_TIMEOUT_MS
    )
    with client:
        try:
            client["kieng_kpi"]["views"].find_one()
        except OperationFailure as error:
            return str(error)[:200] if error.code in SICK else ""
        except PyMongoError:
            return ""
    return ""


def http_probe(address: str, path: str) -> Callable[[], str]:
    """Return a probe of a web page: a function that returns why it failed; empty on success.

    The reason is the body of an error response, or the error of the connection. ``address`` is
    `host:port`.
    """

    def unready() -> str:
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=2):
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode(errors="replace").strip()
        except (OSError, HTTPException) as error:
            return f"{address}: {error}"

    return unready


def grpc_state(stack: Stack, address: str, seconds: float) -> str:
    """Return why a service does not serve gRPC calls; empty if its health check reports SERVING.

    ``address`` is `host:port`, ``seconds`` the deadline of the check.
    """
    try:
        with open_channel(stack, address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            status = stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds).status
    except Failure as failure:
        return failure.message
    except grpc.RpcError as error:
        return f"{address}: {trouble_of_call(error)}"
    state = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
    return "" if state == "SERVING" else f"{address}: {state}"
