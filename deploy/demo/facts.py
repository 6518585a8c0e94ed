"""Made-up facts of each submission type, by the names of protos/kieng/submissions/v1/facts.proto.

Everything is text as it stands in the files.
"""

from __future__ import annotations

from collections.abc import Callable

from activities import (
    agreement,
    event,
    expert,
    impact_story,
    institute,
    joint_project,
    programme,
    recognition,
    scholar,
    task,
    training,
)
from dice import Dice
from lots import Lot
from maker import Facts, Maker
from results import (
    enterprise,
    facility,
    investment,
    ip_right,
    policy_contract,
    product,
    publication,
    rd_funding,
    receipt,
    transfer_contract,
)

# The date that puts a work of the type into a month.
DATE = {
    "publication": "issued_on",
    "ip_right": "filed_on",
    "product": "identified_on",
    "transfer_contract": "signed_on",
    "receipt": "received_on",
    "enterprise": "founded_on",
    "rd_funding": "received_on",
    "policy_contract": "signed_on",
    "facility": "opened_on",
    "training": "started_on",
    "agreement": "signed_on",
    "joint_project": "started_on",
    "expert": "started_on",
    "institute": "founded_on",
    "investment": "received_on",
    "scholar": "started_on",
    "programme": "started_on",
    "event": "held_on",
    "task": "due_on",
    "recognition": "given_on",
    "impact_story": "happened_on",
}
FACTS: dict[str, Callable[[Maker, Dice, Lot, int, str], Facts]] = {
    made.__name__: made
    for made in (
        *(publication, ip_right, product, transfer_contract, receipt, enterprise, rd_funding),
        *(policy_contract, facility, training, agreement, joint_project, expert, institute),
        *(investment, scholar, programme, event, task, recognition, impact_story),
    )
}


def make(maker: Maker, dice: Dice, lot: Lot, serial: int) -> Facts:
    """The facts of one work of a lot."""
    return FACTS[lot.type](maker, dice, lot, serial, lot.day(dice))
