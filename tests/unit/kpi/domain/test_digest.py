import hashlib
from itertools import permutations

from services.kpi.domain.digest import Digest

CELLS = [
    ("root", "2025-03", "KNW-01:verified", "", 62),
    ("alpha", "2025-03", "ENT-05:declared", "partner:ký", 2),
    ("alpha/sci", "2024-12", "COM-06:declared", "", -1),
]
GOLDEN = "461a006c48e807550013a24c5e0ae514a33ed156653a3e44bb291529715e690c"


def independent() -> str:
    """The digest as `domain/digest.py` documents it, without its code."""
    total = 0
    for cell in CELLS:
        text = "\t".join(map(str, cell)).encode()
        total += int.from_bytes(hashlib.shake_256(text).digest(256), "big")
    return hashlib.sha256((total % (1 << 2048)).to_bytes(256, "big")).hexdigest()


def test_the_digest_is_what_its_documentation_says() -> None:
    digest = Digest()
    for unit, month, column, member, value in CELLS:
        digest.replace(unit, month, column, member, 0, value)
    assert digest.hex() == independent() == GOLDEN


def test_the_order_of_cells_and_the_way_to_their_values_do_not_matter() -> None:
    digests = set()
    for order in permutations(CELLS):
        digest = Digest()
        for unit, month, column, member, value in order:
            digest.replace(unit, month, column, member, 0, 7)
            digest.replace(unit, month, column, member, 7, value)
        digests.add(digest.hex())
    assert digests == {GOLDEN}


def test_a_cell_of_zero_is_an_absent_one() -> None:
    digest = Digest()
    empty = digest.hex()
    assert empty == hashlib.sha256(bytes(256)).hexdigest()
    digest.replace("root", "2025-01", "A:declared", "", 0, 5)
    assert digest.hex() != empty
    digest.replace("root", "2025-01", "A:declared", "", 5, 0)
    assert digest.hex() == empty
