"""A unit in both trees: the months of two years, and the trend of an indicator."""

from functools import partial

from kieng.kpi.v1 import catalogue_service_pb2, view_pb2
from kieng.kpi.v1 import kpi_service_pb2 as kpi
from services.portal.calls import Refused
from tests.unit.portal.answered import Answers, Portal, both_trees
from tests.unit.portal.pages.test_summaries import asked, catalogue, rows, summary

LINE = 'class="now-line"'


def test_both_trees_of_a_unit_are_compared_when_asked() -> None:
    def compared(
        request: catalogue_service_pb2.CompareTreesRequest,
    ) -> catalogue_service_pb2.CompareTreesResponse:
        assert (request.before.from_month, request.before.to_month) == ("2024-01", "2024-07")
        values = {
            name: view_pb2.Value(whole=number)
            for number, name in enumerate(
                ("as_was_before", "as_was_after", "as_is_before", "as_is_after"), 7001
            )
        }
        numbers = [
            catalogue_service_pb2.TreeNumbers(
                indicator_code="KNW-03", measure=kpi.MEASURE_VERIFIED, **values
            )
        ]
        return catalogue_service_pb2.CompareTreesResponse(
            view_id="g2-c1-f1", moved_unit_ids=["a/old"], numbers=numbers
        )

    answers = Answers(GetCatalogue=catalogue, GetReport=summary, CompareTrees=compared)
    assert "7.001" not in asked("/units/a", Portal(answers)).text
    for path in ("/units/a", "/indicators/KNW-03"):
        text = asked(path, Portal(answers), unit="a", trees="1").text
        assert "a/old" in text
        places = [text.index(each) for each in ("7.001", "7.002", "7.003", "7.004")]
        assert places == sorted(places)
        file = rows(asked(path, Portal(answers), unit="a", trees="1", file="csv", table="trees"))
        assert file[1] == ["KNW-03", "7001", "7002", "7003", "7004", "g2-c1-f1", ""]


def test_the_trend_of_an_indicator_is_in_both_trees_without_being_asked_for() -> None:
    answers = Answers(CompareTrees=partial(both_trees, moved=1_000))
    portal = Portal(answers)
    page = asked("/indicators/KNW-03", portal, lang="en")
    assert LINE in page.text
    assert "1,005" in page.text
    file = rows(asked("/indicators/KNW-03", portal, file="csv"))
    assert len(file) == 25
    assert [row[:4] for row in file[1:3]] == [
        ["2023-08", "5", "5", "1005"],
        ["2023-09", "5", "5", "5"],
    ]
    compared = [each for each in answers.asked if "Compare" in type(each).__name__]
    assert len(compared) == 1  # kept for as long as the numbers are the same


def test_a_trend_that_is_the_same_in_both_trees_is_one_line() -> None:
    page = asked("/indicators/KNW-03", Portal(Answers()), lang="en")
    assert LINE not in page.text
    assert "the same in the tree as it was and as it is now" in page.text


def test_a_comparison_that_takes_long_is_left_to_be_asked_for() -> None:
    def slow(request: object) -> None:
        raise Refused("DEADLINE_EXCEEDED", "too slow")

    portal = Portal(Answers(CompareTrees=slow))
    page = asked("/indicators/KNW-03", portal, lang="en")
    assert page.status_code == 200
    assert "Compare both" in page.text
    assert asked("/indicators/KNW-03", portal, trees="1").status_code == 503


def test_an_attainment_and_a_past_day_are_not_compared() -> None:
    for code, as_of in (("KNW-08", ""), ("KNW-03", "2025-03-01")):
        answers = Answers()
        page = asked(f"/indicators/{code}", Portal(answers), as_of=as_of)
        assert page.status_code == 200
        assert 'id="trees"' not in page.text
        assert not [each for each in answers.asked if "Compare" in type(each).__name__]
