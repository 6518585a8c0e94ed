"""Commands against a server of ten lines: what is sent, what is printed, how they exit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import (
    catalogue_service_pb2,
    catalogue_service_pb2_grpc,
    kpi_service_pb2,
    kpi_service_pb2_grpc,
)
from kieng.submissions.v1 import (
    import_service_pb2,
    import_service_pb2_grpc,
    review_service_pb2,
    review_service_pb2_grpc,
)
from services.cli.main import main

MONTHS = ["--from", "2025-01", "--to", "2025-07"]


class Imports(import_service_pb2_grpc.ImportServiceServicer):
    def ImportBatches(self, request_iterator: Any, context: Any) -> Iterator[Any]:
        for request in request_iterator:
            batch = import_service_pb2.ImportBatchesResponse()
            for row in request.rows:
                answer = batch.answers.add(row=row.row)
                if row.source_record.record_id == "bad":
                    answer.error.code = 5
                    answer.error.message = "unit north/x is unknown"
                else:
                    answer.outcome = import_service_pb2.OUTCOME_CREATED
            yield batch


class Reviews(review_service_pb2_grpc.ReviewServiceServicer):
    def DecideSubmissions(self, request_iterator: Any, context: Any) -> Iterator[Any]:
        for request in request_iterator:
            answer = review_service_pb2.DecideSubmissionsResponse(request_id=request.request_id)
            if request.reason:
                answer.submission_id = "s"
            else:
                answer.error.code = 9
                answer.error.message = "it is a draft"
            yield answer


class Kpis(kpi_service_pb2_grpc.KpiServiceServicer):
    def GetKpis(self, request: Any, context: Any) -> Any:
        assert dict(context.invocation_metadata())["authorization"] == "Bearer t"
        assert context.time_remaining() <= 30
        answer = kpi_service_pb2.GetKpisResponse()
        answer.view.view_id = "g1-c1-f1"
        for unit in ("consortium", "north"):
            cell = answer.cells.add(unit_id=unit, indicator_code="KNW-01", target=120)
            cell.from_month, cell.to_month = "2025-01", "2025-07"
            cell.verified.whole = 1062
            cell.declared.whole = 1063
        return answer

    def WatchKpis(self, request: Any, context: Any) -> Iterator[Any]:
        first = kpi_service_pb2.WatchKpisResponse()
        first.cells.add(unit_id="north", indicator_code="KNW-01")
        yield first
        yield kpi_service_pb2.WatchKpisResponse()
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watchers")

    def ExplainKpi(self, request: Any, context: Any) -> Any:
        page = int(request.page_token or 0)
        answer = kpi_service_pb2.ExplainKpiResponse(next_page_token="" if page else "1")
        answer.value.whole = 3
        work = answer.works.add(work_key=f"doi:{page}")
        work.contribution.whole = 1
        claim = work.claims.add(submission_id="s", unit_id="north", verified=True)
        claim.evidence_sha256.append("ab" * 32)
        return answer


class Catalogues(catalogue_service_pb2_grpc.CatalogueServiceServicer):
    def GetCatalogue(self, request: Any, context: Any) -> Any:
        answer = catalogue_service_pb2.GetCatalogueResponse()
        indicator = answer.catalogue.indicators.add(code="KNW-01", unit="count")
        indicator.name.vi, indicator.name.en = "Sáng chế", "Patents"
        unit = answer.catalogue.units.add(unit_id="north")
        unit.name.vi, unit.name.en = "Phương Bắc", "The North"
        return answer


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadPoolExecutor(4) as pool:
        running = grpc.server(pool)
        # Methods that are not there answer UNIMPLEMENTED.
        reviews, kpis = Reviews(), Kpis()  # type: ignore[abstract]
        catalogues = Catalogues()  # type: ignore[abstract]
        imports = Imports()  # type: ignore[abstract]
        import_service_pb2_grpc.add_ImportServiceServicer_to_server(imports, running)
        review_service_pb2_grpc.add_ReviewServiceServicer_to_server(reviews, running)
        kpi_service_pb2_grpc.add_KpiServiceServicer_to_server(kpis, running)
        catalogue_service_pb2_grpc.add_CatalogueServiceServicer_to_server(catalogues, running)
        address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
        running.start()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("KIENG_TOKEN", "t")
        monkeypatch.setenv("KIENG_KPI_ADDRESS", address)
        monkeypatch.setenv("KIENG_SUBMISSIONS_ADDRESS", address)
        yield
        running.stop(None).wait()


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_an_import_reports_rows_that_either_side_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "receipt.csv").write_text(
        "record_id,unit_id,amount_vnd\ngood,north,1\nbad,north/x,1\nodd,north,0.5\n"
    )
    assert run("import", "receipt.csv", "-o", "json", "--lang", "en") == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["created"], answer["refused"]) == (1, 2)
    assert [(row["row"], row["column"]) for row in answer["rows"]] == [(3, ""), (4, "amount_vnd")]
    assert answer["rows"][0]["problem"] == "unit north/x is unknown [NOT_FOUND]"


def test_an_import_without_refused_rows_is_done(tmp_path: Path) -> None:
    (tmp_path / "receipt.csv").write_text("record_id,unit_id\ngood,north\n")
    assert run("import", "receipt.csv") == 0


def test_decisions_name_the_row_that_was_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d.csv").write_text(
        "record_id,decision,reason\na,verify,fine\nb,return,\nc,dance,well\n"
    )
    assert run("review", "import", "d.csv", "-o", "json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["decided"] == 1
    assert [(row["row"], row["record_id"]) for row in answer["rows"]] == [(3, "b"), (4, "c")]
    assert "it is a draft" in answer["rows"][0]["problem"]


def test_indicators_are_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("kpi", "show", *MONTHS, "-o", "json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"view", "cells"}
    assert answer["cells"][1] == {
        "unit": "north",
        "indicator": "KNW-01",
        "from": "2025-01",
        "to": "2025-07",
        "declared": 1063,
        "verified": 1062,
        "target": 120,
    }


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("vi", ("Sáng chế", "Phương Bắc", "1.062 / 120 (885%)")),
        ("en", ("Patents", "The North", "1,062 / 120 (885%)")),
    ],
)
def test_indicators_have_names_and_numbers_of_a_language(
    lang: str,
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert run("kpi", "show", *MONTHS, "--lang", lang) == 0
    shown = capsys.readouterr().out
    assert [word for word in words if word not in shown] == []


def test_a_watch_prints_one_object_per_change_until_the_stream_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("kpi", "watch", *MONTHS) == 3
    printed = capsys.readouterr()
    assert [len(json.loads(line)["cells"]) for line in printed.out.splitlines()] == [1]
    assert "too many watchers" in printed.err


def test_an_explanation_that_does_not_add_up_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["kpi", "explain", "--unit", "north", "--indicator", "KNW-01", *MONTHS]
    # All works are listed without --all, too, if they are fewer than it leaves out.
    assert run(*arguments, "-o", "json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert [work["work_key"] for work in answer["works"]] == ["doi:0", "doi:1"]
    assert answer["works"][0]["contribution"] == 1
    assert (answer["adds_up"], answer["complete"]) == (False, True)
    assert run(*arguments, "--all", "--lang", "en") == 1
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize("token", ["a b", "“t”", '"t"', "t…", "Bearer t"])
def test_what_cannot_be_a_token_is_not_sent(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_TOKEN", token)
    assert run("kpi", "show", "--from", "2025-01", "--to", "2025-07", "--lang", "en") == 2
    assert capsys.readouterr().err.startswith("kieng: KIENG_TOKEN is no token: copy it whole")


def test_a_line_end_of_a_file_is_not_part_of_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIENG_TOKEN", "t\r\n")
    assert run("kpi", "show", "--from", "2025-01", "--to", "2025-07", "-o", "json") == 0
