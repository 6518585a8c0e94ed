"""Every RPC of the contracts is attacked, or it is said why it is cheap."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from tests.hostile import attacker, repeating
from tests.hostile.cheap import CHEAP
from tests.hostile.test_noisy_neighbour import EXPENSIVE, HELD_OPEN
from tests.unit.policy.test_matrix import METHODS

SECONDS_MAX = 20.0


class Recorder(grpc.GenericRpcHandler):
    """Answers an empty message to every call, and notes which were made."""

    def __init__(self) -> None:
        self.called: set[str] = set()

    def service(self, handler_call_details: Any) -> Any:
        """Return the same handler for every method."""
        service, _, method = handler_call_details.method.removeprefix("/").partition("/")
        self.called.add(f"{service}.{method}")
        return grpc.stream_stream_rpc_method_handler(lambda requests, context: iter([b""]))


@pytest.fixture(scope="module")
def called() -> set[str]:
    """The RPCs that all attacks make."""
    recorder, pool = Recorder(), ThreadPoolExecutor(16)
    server = grpc.server(pool, handlers=[recorder])
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    metadata = (("authorization", f"Bearer {'x' * 40}"),)
    with grpc.insecure_channel(address) as channel, pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeating, "CALLERS", 1)
        for attack in attacker.ATTACKS.values():
            attack(channel, metadata)
        end = time.monotonic() + SECONDS_MAX
        while METHODS.keys() - CHEAP.keys() - recorder.called and time.monotonic() < end:
            repeating.over.wait(0.05)
        repeating.over.set()
        for thread in threading.enumerate():
            if thread.name == repeating.NAME:
                thread.join(SECONDS_MAX)
    server.stop(None)
    pool.shutdown(cancel_futures=True)
    return recorder.called


def test_every_rpc_is_attacked_or_is_cheap_for_a_reason(called: set[str]) -> None:
    assert METHODS.keys() - called - CHEAP.keys() == set(), "attack it, or say why it is cheap"
    assert CHEAP.keys() & called == set(), "said to be cheap and attacked"
    assert (CHEAP.keys() | called) - METHODS.keys() == set(), "no RPC any more"
    assert all(CHEAP.values())


def test_every_attack_is_made_by_the_noisy_neighbour() -> None:
    stages = (*HELD_OPEN.values(), *EXPENSIVE.values())
    assert {kind for stage in stages for kind in stage.split(",")} == attacker.ATTACKS.keys()
