"""The catalogues of a run: the real indicators on small trees that differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml
from google.protobuf.json_format import ParseDict

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.kpi.domain.catalogue import Catalogue
from services.kpi.oracle.judgement import Judge
from services.kpi.wire.catalogue import decode_catalogue
from tests.simulation import history

FILE = Path(__file__).parents[2] / "deploy" / "catalogue" / "indicators.yaml"
LATER = {**history.UNITS, "a/x/g": "a/y", "b/x": "c"}
"""A reorganisation: a group moves to another school, a school to another institution."""
WITHOUT_C = {unit: parent for unit, parent in history.UNITS.items() if unit != "c"}


@dataclass(frozen=True)
class Frozen:
    """A catalogue version as it is stored, and as it is counted with."""

    message: catalogue_pb2.Catalogue
    catalogue: Catalogue
    document: dict[str, object]
    judge: Judge

    @property
    def units(self) -> list[directory_pb2.Unit]:
        """The tree."""
        return list(self.message.units)

    @property
    def known(self) -> frozenset[str]:
        """Ids of the units."""
        return frozenset(unit.unit_id for unit in self.message.units)


@lru_cache(maxsize=1)
def deployed() -> catalogue_pb2.Catalogue:
    """Return the real indicators and taxonomies, without units."""
    return ParseDict(yaml.load(FILE.read_text(), yaml.CSafeLoader), catalogue_pb2.Catalogue())


@lru_cache(maxsize=8)
def frozen(version: int) -> Frozen:
    """Return version 1, or one of those that may take its place."""
    parents = {1: history.UNITS, 2: LATER, 3: history.UNITS, 4: WITHOUT_C}[version]
    message = catalogue_pb2.Catalogue(version=version, units=history.units(parents))
    message.taxonomies.extend(deployed().taxonomies)
    every = list(deployed().indicators)
    some = [indicator for indicator in every if not indicator.attainment_of][::2]
    message.indicators.extend(every if version < 3 else some)
    document = {
        "_id": version,
        "definition_sha256": str(version),
        "message": message.SerializeToString(deterministic=True),
    }
    return Frozen(message, decode_catalogue(message), document, Judge(message))


@lru_cache(maxsize=8)
def decoded(content: bytes) -> Catalogue:
    """Decode a stored catalogue once; versions never change."""
    return decode_catalogue(catalogue_pb2.Catalogue.FromString(content))
