"""The dashboards: as their generator writes them, and importable into anybody's Grafana."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import promql_parser
import pytest

from tests.monitoring.bundle import (
    DASHBOARDS,
    ROOT,
    Query,
    dashboards,
    panel_queries,
    panels,
    substituted,
)

UIDS = {"kieng-kpi", "kieng-services", "kieng-kafka", "kieng-capacity"}
VIETNAMESE = re.compile(r"[^\x00-\x7f]")


def test_the_files_are_what_the_generator_writes() -> None:
    generator = ROOT / "deploy" / "grafana" / "dashboards.py"
    done = subprocess.run([sys.executable, generator, "--check"], check=False, timeout=60)
    assert done.returncode == 0, "run deploy/grafana/dashboards.py and commit what it writes"


def test_addresses_of_dashboards_never_change() -> None:
    assert {board["uid"] for board in dashboards().values()} == UIDS


@pytest.mark.parametrize("name", dashboards())
def test_a_dashboard_names_no_data_source_of_its_own(name: str) -> None:
    board = dashboards()[name]
    text = (DASHBOARDS / f"{name}.json").read_text(encoding="utf-8")
    assert "__inputs" not in text
    assert "${DS_" not in text
    assert "id" not in board
    first = board["templating"]["list"][0]
    assert (first["name"], first["type"], first["query"]) == (
        *("datasource", "datasource"),
        "prometheus",
    )
    sources = {json.dumps(found) for found in found_in(board, "datasource") if found}
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}


@pytest.mark.parametrize("name", dashboards())
def test_panels_have_their_own_numbers_and_titles_in_two_languages(name: str) -> None:
    board = dashboards()[name]
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    for title in [board["title"], *(panel["title"] for panel in board["panels"])]:
        _, _, en = title.partition(" · ")
        assert en, f"{title}: one language only"
        assert not VIETNAMESE.search(en), f"{title}: the second part is English"


@pytest.mark.parametrize("name", dashboards())
def test_panels_do_not_lie_upon_each_other(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboards()[name]["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        places = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not places & taken, panel["title"]
        taken |= places


@pytest.mark.parametrize("query", panel_queries(), ids=lambda query: query.place)
def test_another_parser_takes_the_query(query: Query) -> None:
    promql_parser.parse(substituted(query.text))


def test_every_variable_of_a_query_is_declared() -> None:
    for name, board in dashboards().items():
        declared = {variable["name"] for variable in board["templating"]["list"]}
        for panel in panels(board):
            for target in panel["targets"]:
                used = set(re.findall(r"\$(?!__)(\w+)", target["expr"]))
                assert used <= declared, f"{name}: {panel['title']}"


def found_in(document: Any, key: str) -> list[Any]:
    """Every value of a key, however deep."""
    if isinstance(document, dict):
        here = [document[key]] if key in document else []
        return here + [each for value in document.values() for each in found_in(value, key)]
    if isinstance(document, list):
        return [each for value in document for each in found_in(value, key)]
    return []
