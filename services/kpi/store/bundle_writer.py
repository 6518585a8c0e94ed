"""Packs the works of a bulk load into bundles: one document for 32 works instead of one for each.

Writing a work as a document that is indexed by all units above it takes ten times as long as its
share of a bundle (ADR 0016). Works arrive in order of key, in one or several runs. A run has a
directory, which finds the bundle of a work key, and for each unit a list of the works that the unit
or its descendants claim, by type. A list holds ordinals: number of the bundle times 32, plus the
place in it.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import bson

WORKS_PER_BUNDLE = 32
JOINT = ""
"""Used in place of a unit id for the list of the works that several units claim."""


def bundle_name(run: int, number: int) -> str:
    """Return the name of a bundle: `<run>.<number of the bundle in it>`, e.g. `0.17`."""
    return f"{run}.{number}"


def directory_name(run: int) -> str:
    """Return the name of the directory of a run: its number, as text."""
    return f"{run}"


def unit_name(run: int, unit_id: str) -> str:
    """Return the name of the list of a unit's works in a run, e.g. `0|vnu/hus`."""
    return f"{run}|{unit_id}"


def key_hash(key: str) -> int:
    """Return a 32-bit hash of a work key, as directories store it."""
    return zlib.crc32(key.encode())


def pack(numbers: Iterable[int]) -> bytes:
    """Return 32-bit integers as bytes: little-endian, compressed with zlib."""
    packed = array("I", numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return zlib.compress(packed.tobytes(), 1)


def unpack(content: bytes) -> array[int]:
    """Return the integers that `pack` compressed, in the same order."""
    numbers = array("I", zlib.decompress(content))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


class Binder:
    """Packs the works of one run into bundles.

    Args:
        run: number of the run.
    """

    def __init__(self, run: int) -> None:
        self._run = run
        self._first: list[str] = []
        self._hashes = array("I")
        self._under: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))

    def take(self, works: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
        """Pack works into bundles of 32; return name -> content of the bundles.

        The last bundle of a call may hold fewer works.

        Args:
            works: work key -> its fields `u`, `j` and `c`, see `WorkDocument`; keys in order, and
                greater than all that were taken before.
        """
        bundles, waiting = {}, iter(works.items())
        while some := list(islice(waiting, WORKS_PER_BUNDLE)):
            number = len(self._first)
            self._first.append(some[0][0])
            for ordinal, (key, fields) in enumerate(some, number * WORKS_PER_BUNDLE):
                self._hashes.append(key_hash(key))
                for place in fields["u"]:
                    self._under[place].append(ordinal)
                for type_name in fields["j"]:
                    self._under[f"{type_name}|{JOINT}"].append(ordinal)
            content = {"k": [key for key, _ in some], "c": [fields["c"] for _, fields in some]}
            bundles[bundle_name(self._run, number)] = bson.encode(content)
        return bundles

    def leads(self) -> Iterator[tuple[str, bytes]]:
        """Yield (name, content) of the run's directory and lists. Call it after the last bundle."""
        directory = {"first": self._first, "hashes": pack(sorted(self._hashes))}
        yield directory_name(self._run), bson.encode(directory)
        units: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        for place, ordinals in sorted(self._under.items()):
            type_name, _, unit_id = place.partition("|")
            units[unit_id][type_name] = pack(ordinals)
        for unit_id, types in units.items():
            yield unit_name(self._run, unit_id), bson.encode(types)
