"""Makes calls and judges their answers."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from services.policy.rules import rule_of
from tests.fuzz.credentials import Credentials
from tests.fuzz.damage import damaged, nested, noise
from tests.fuzz.drawing import Pool, draw
from tests.fuzz.targets import Target

UNARY_SECONDS = 20.0
"""Deadline of a call that has to end by itself."""
ENDLESS_SECONDS = 0.7
"""Time for which an endless stream is listened to."""
LATE_SECONDS = 2.0
"""Time beyond its deadline from which a call hangs."""
ANSWERS_MAX = 20
WRONG = {"INTERNAL", "UNKNOWN", "UNIMPLEMENTED", "DATA_LOSS"}
"""Statuses that no request may cause; nothing that is called here is unimplemented."""
SHOWN_BYTES = 3000


@dataclass
class Seen:
    """What the calls of one thread, or of all, came to."""

    codes: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    slowest: dict[str, float] = field(default_factory=dict)

    def add(self, other: Seen) -> None:
        """Count what another thread saw."""
        for name, codes in other.codes.items():
            self.codes.setdefault(name, Counter()).update(codes)
        for name, seconds in other.slowest.items():
            self.slowest[name] = max(seconds, self.slowest.get(name, 0.0))
        self.wrong += other.wrong

    @property
    def calls(self) -> int:
        """The number of all calls."""
        return sum(codes.total() for codes in self.codes.values())


class Fuzzer:
    """One caller. Belongs to one thread.

    Args:
        channels: process -> channel.
        credentials: what it shows.
        pool: what messages are made of.
        dice: what draws.
    """

    def __init__(
        self,
        channels: dict[str, grpc.Channel],
        credentials: Credentials,
        pool: Pool,
        dice: random.Random,
    ) -> None:
        self._channels, self._credentials, self._pool, self._dice = (
            channels,
            credentials,
            pool,
            dice,
        )
        self.seen = Seen()

    def call(self, target: Target) -> None:
        """Make one call, take in what it answers, and note what is wrong with it."""
        method, dice = target.method, self._dice
        kind, metadata = self._credentials.draw(rule_of(method).roles)
        count = dice.choice((1, 1, 2, 5, 30)) if method.client_streaming else 1
        drawn = [draw(method.input_type, self._pool, dice) for _ in range(count)]
        sent = [self._bytes(message) for message in drawn]
        limit = ENDLESS_SECONDS if target.is_endless else UNARY_SECONDS
        if dice.random() < 0.02:
            limit = 0.05  # a caller that leaves
        begin = time.monotonic()
        code, text = self._answered(target, sent, drawn[0], limit, metadata)
        seconds = time.monotonic() - begin
        name = str(target)
        self.seen.codes.setdefault(name, Counter())[code] += 1
        self.seen.slowest[name] = max(seconds, self.seen.slowest.get(name, 0.0))
        is_late = code == "DEADLINE_EXCEEDED" and limit == UNARY_SECONDS
        if code in WRONG or is_late or seconds > limit + LATE_SECONDS:
            shown = b"|".join(sent)[:SHOWN_BYTES].hex()
            what = f"{name} {code} after {seconds:.1f} s: {text} [{kind}]"
            self.seen.wrong.append(f"{what}\n  {shown}\n  {str(drawn[0])[:SHOWN_BYTES]}")

    def _bytes(self, message: Message) -> bytes:
        dice, whole = self._dice, message.SerializeToString()
        kind = dice.random()
        if kind < 0.8:
            return whole
        return damaged(whole, dice) if kind < 0.95 else dice.choice((noise, nested))(dice)

    def _answered(
        self, target: Target, sent: list[bytes], asked: Message, limit: float, metadata: Any
    ) -> tuple[str, str]:
        answer: Any = None
        try:
            for number, got in enumerate(self._answers(target, sent, limit, metadata)):
                answer = GetMessageClass(target.method.output_type).FromString(got)
                self._pool.take_in(answer)
                if number > ANSWERS_MAX and target.is_endless:
                    break
        except grpc.RpcError as error:
            failed: Any = error
            return failed.code().name, failed.details() or ""
        except DecodeError as error:
            return "INTERNAL", f"the answer is no message: {error}"
        self._pool.take_in(asked)
        if token := getattr(answer, "next_page_token", ""):
            following: Any = GetMessageClass(target.method.input_type)()
            following.CopyFrom(asked)
            following.page_token = token
            self._pool.take_in(following)
        return "OK", ""

    def _answers(
        self, target: Target, sent: list[bytes], limit: float, metadata: Any
    ) -> Iterator[bytes]:
        channel: Any = self._channels[target.process]
        method = target.method
        given = {"timeout": limit, "metadata": metadata}
        if method.client_streaming:
            opened: Any = channel.stream_stream(target.path)(iter(sent), **given)
        elif method.server_streaming:
            opened = channel.unary_stream(target.path)(sent[0], **given)
        else:
            yield channel.unary_unary(target.path)(sent[0], **given)
            return
        try:
            yield from opened
        finally:
            opened.cancel()
