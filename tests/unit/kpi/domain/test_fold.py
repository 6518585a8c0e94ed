from services.kpi.domain.contribution import number_key
from services.kpi.domain.fold import difference, fold, restored, roll_up
from services.kpi.domain.work import Work
from tests.unit.kpi.builders import TREE, both, catalogue, cells, claim, component, said

CATALOGUE = catalogue(component())
CLAIMED = both(claim("alpha"), version=1)
VERIFIED = {("root", "2025-03", "A:verified"): 1, ("alpha", "2025-03", "A:verified"): 1}


def test_the_first_claim_changes_its_unit_and_all_above() -> None:
    work, changes = fold(Work(), "s1", CLAIMED, CATALOGUE)
    found = cells(changes, CATALOGUE)
    assert found | VERIFIED == found
    assert len(found) == 4
    assert work.version_of("s1") == 1


def test_a_version_that_is_not_newer_changes_nothing() -> None:
    work, _ = fold(Work(), "s1", both(claim("alpha"), version=5), CATALOGUE)
    for version in (5, 4, 1):
        again, changes = fold(work, "s1", both(claim("beta"), version), CATALOGUE)
        assert again is work
        assert changes == {}


def test_an_amended_claim_moves_and_is_never_counted_twice() -> None:
    work, _ = fold(Work(), "s1", CLAIMED, CATALOGUE)
    _, changes = fold(work, "s1", both(claim("beta"), version=2), CATALOGUE)
    assert cells(changes, CATALOGUE) == {
        (unit, "2025-03", f"A:{measure}"): change
        for unit, change in (("alpha", -1), ("beta", 1))
        for measure in ("declared", "verified")
    }


def test_a_retraction_takes_everything_back_and_a_late_duplicate_does_not_resurrect_it() -> None:
    work, added = fold(Work(), "s1", CLAIMED, CATALOGUE)
    work, taken = fold(work, "s1", said(None, version=2), CATALOGUE)
    assert taken == {key: -value for key, value in added.items()}
    assert work.contributed == {}
    again, changes = fold(work, "s1", CLAIMED, CATALOGUE)
    assert again is work
    assert changes == {}


def test_a_retraction_that_comes_before_its_claim_wins() -> None:
    work, changes = fold(Work(), "s1", said(None, version=2), CATALOGUE)
    assert changes == {}
    assert fold(work, "s1", CLAIMED, CATALOGUE) == (work, {})


def test_a_version_that_changes_no_cell_is_remembered() -> None:
    work, _ = fold(Work(), "s1", CLAIMED, CATALOGUE)
    work, changes = fold(work, "s1", both(claim("alpha", title="new"), version=3), CATALOGUE)
    assert changes == {}
    assert work.version_of("s1") == 3
    assert fold(work, "s1", both(claim("beta"), version=2), CATALOGUE)[0] is work


def test_another_submission_of_the_same_unit_adds_nothing_until_the_first_is_gone() -> None:
    work, _ = fold(Work(), "s1", CLAIMED, CATALOGUE)
    work, changes = fold(work, "s2", both(claim("alpha", "s2")), CATALOGUE)
    assert changes == {}
    work, changes = fold(work, "s1", said(None, version=2), CATALOGUE)
    assert changes == {}
    _, changes = fold(work, "s2", said(None, version=2), CATALOGUE)
    assert cells(changes, CATALOGUE) | VERIFIED != cells(changes, CATALOGUE)
    assert set(cells(changes, CATALOGUE).values()) == {-1}


def test_a_restored_work_is_the_work_that_was_folded() -> None:
    work, _ = fold(Work(), "s1", CLAIMED, CATALOGUE)
    work, _ = fold(work, "s2", both(claim("beta/one", "s2")), CATALOGUE)
    assert restored(work.statements, CATALOGUE) == work


def test_a_difference_has_no_zeros() -> None:
    assert difference({1: 5, 2: 1}, {1: 5, 3: 2}) == {2: 1, 3: -2}


def test_rolling_up_adds_along_the_path_and_drops_what_cancels() -> None:
    sci, alpha = (TREE.number[unit] for unit in ("alpha/sci", "alpha"))
    rolled = roll_up({number_key(sci, 3, 0): 1, number_key(alpha, 3, 0): -1}, CATALOGUE)
    assert rolled == {("alpha/sci", 3): {("A:declared", ""): 1}}
    member = roll_up({(number_key(alpha, 3, 0), "p"): 2}, CATALOGUE)
    row = {("A:declared", "p"): 2}
    assert member == {("root", 3): row, ("alpha", 3): row}
