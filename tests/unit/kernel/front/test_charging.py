"""What a call uses in other processes counts as if its thread had used it."""

from __future__ import annotations

import pytest

from services.kernel.front.charging import charge
from tests.unit.kernel.front.test_queues import started


def test_what_a_step_uses_in_other_processes_is_charged_to_its_institution() -> None:
    with started(1) as fair:
        with fair.turn("b", "p", "m", lambda: True):
            charge(30.0)
        assert fair._shares["b"].used == pytest.approx(30.0, rel=0.1)
        assert (fair._shares["b"].costs.of("m") or 0.0) > 1.0, "a subprocess is heavy, too"
        charge(60.0)
        with fair.turn("c", "p", "m", lambda: True):
            pass
        assert fair._shares["c"].used < 1.0, "what was charged before is no matter of this call"
