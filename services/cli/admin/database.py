"""Connects a command to its database server, and finds the institutions with a database there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import PyMongoError

from services.cli.admin import database_schema, probes
from services.cli.client.local_issuer import LocalIssuer
from services.cli.client.stack import CONSORTIUM, Stack
from services.cli.errors import DOWN, USAGE, Failure
from services.kernel.config import KernelSettings, load
from services.kernel.errors import NotReady
from services.kernel.mongo import Mongo
from services.kernel.plain_text import database_unsafe


@contextmanager
def connect(uri: str, stack: Stack) -> Iterator[Mongo]:
    """Yield a connection to a database server, which is closed at the end of the `with` block.

    Its address is ``uri``, or if that is empty the one in the settings, or else that of the stack.

    Raises:
        Failure: no address is known, it is beyond loopback without verified TLS, the server does
            not answer, or it lacks features that services need.
    """
    settings = load(KernelSettings)
    given = settings.mongo_uri if "mongo_uri" in settings.model_fields_set else ""
    address = uri or given or stack.mongo
    if not address:
        raise Failure("which database? Give --mongo URI, or set KIENG_MONGO_URI", USAGE)
    try:
        unsafe = "" if settings.mongo_plain_text else database_unsafe(address)
    except ValueError as error:
        raise Failure(str(error), USAGE) from error
    if unsafe:
        raise Failure(unsafe, USAGE)
    if reason := probes.mongo_unready(address):
        raise Failure(f"no MongoDB: {reason}", DOWN)
    mongo = Mongo(address, settings.mongo_timeout_ms)
    try:
        yield mongo
    except NotReady as unfit:
        raise Failure(str(unfit)) from unfit
    except PyMongoError as error:
        raise Failure(f"MongoDB: {error}", DOWN) from error
    finally:
        mongo.close()


def institutions(mongo: Mongo, named: list[str], stack: Stack) -> list[str]:
    """Return the ids of the institutions whose databases a command works on.

    These are the ``named`` ones; if there are none, those in KIENG_INSTITUTIONS, or else those of
    the local stack. Other institutions that already have a database on the server follow, sorted.
    """
    listed = os.environ.get("KIENG_INSTITUTIONS", "").strip("[] ").replace('"', "")
    here = LocalIssuer(stack.issuer_folder).institutions()
    wanted = (
        named
        or [name.strip() for name in listed.split(",") if name.strip()]
        or [name for name in here if name != CONSORTIUM]
    )
    return database_schema.institutions_known(mongo, wanted)
