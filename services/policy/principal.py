"""The authenticated caller of an RPC, as the token describes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller of an RPC.

    ``subject`` identifies a person or program within the institution. The roles hold for the unit
    ``unit_id`` and all units below it; by default that is the whole institution. ``via`` is the
    service that calls in the name of the caller, e.g. `submissions`; empty for a direct call.
    """

    subject: str
    institution_id: str
    unit_id: str
    roles: frozenset[str]
    via: str = ""

    def reaches(self, unit_id: str) -> bool:
        """Return True if a unit is the caller's unit or below it, judged by the unit ids.

        For the unit `vnu/hus` that is `vnu/hus` and `vnu/hus/lab`, but neither `vnu` nor
        `vnu/husx`. Whether there is such a unit is not checked.
        """
        return unit_id == self.unit_id or unit_id.startswith(self.unit_id + "/")

    @property
    def is_whole_institution(self) -> bool:
        """Whether the roles hold for the whole institution, so that the caller can act for it.

        False for a caller without an institution.
        """
        return bool(self.institution_id) and self.unit_id == self.institution_id
