"""Every page, every form and every route of the portal, without a browser."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import html5lib
import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.routing import Mount, Route

from services.portal.application import routes
from services.portal.config import Settings
from services.portal.forms import TYPES, Field, fields_of
from services.portal.site import Site
from tests.e2e.browsing import PAGES, SEEN_BY, Visitor, address, long_steps, rows_of
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack

UNIT = "vnu/hus/physics"
PROOF = {"evidence_title": "synthetic", "evidence_uri": "", "evidence_sha256": "0" * 64}
MARKUP = "<script>alert(1)</script><b>\"'&"
ESCAPED = "&lt;script&gt;alert(1)"
IS_DEEP = "DEEP" in os.environ
"""Whether `make test-slow` repeats what is drawn with more examples."""
QUIET = settings(
    max_examples=150 if IS_DEEP else 75,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def visitor(stack: RunningStack, role: str, unit: str) -> Visitor:
    found = Visitor(stack)
    assert found.sign_in(role, unit).status_code == 303
    return found


@pytest.fixture
def author(stack: RunningStack) -> Visitor:
    return visitor(stack, "contributor", "vnu/hus")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_valid_html_in_both_languages(stack: RunningStack, name: str) -> None:
    someone = visitor(stack, *SEEN_BY.get(name, ("contributor", "vnu/hus")))
    path, _, query = PAGES[name].partition("?")
    asked = dict(part.split("=", 1) for part in query.split("&") if part)
    for lang in ("vi", "en"):
        answer = someone.get(path, **asked, lang=lang)
        assert answer.status_code == 200, answer.text
        assert f'<html lang="{lang}">' in answer.text


KNOWN = {
    **{"doi": "10.5555/e2e.every", "office": "VN", "application_no": "1-2023-01234"},
    **{"person_id": "0000-0002-1825-0097", "country": "VN", "tax_code": "0100109106"},
    "partner": "Viettel",
}
LEFT_OUT = {"quartile", "quartile_source", "quartile_year", "exploited_by", "adopted_by", "issn"}
"""Facts that the rules of their type tie to other ones."""


def answer_to(field: Field) -> str:
    """Something that the contract takes; markup wherever it takes any text."""
    is_tied = field.name in LEFT_OUT or field.name.endswith(("_ref", "_refs", "_unit_id"))
    if is_tied or (field.kind == "date" and not field.is_required):
        return ""
    if field.kind in ("choice", "choices"):
        return field.choices[0]
    fitting = {"date": "2012-05-20", "amount": "1000", "number": "5", "yes": "true"}
    text = MARKUP if field.kind in ("text", "long") and field.length_max >= len(MARKUP) else "X1"
    return KNOWN.get(field.name) or fitting.get(field.kind, "" if field.kind == "list" else text)


@pytest.mark.parametrize("type_", TYPES)
def test_the_editor_keeps_every_type_as_it_was_written(author: Visitor, type_: str) -> None:
    given = {field.name: answer_to(field) for field in fields_of(type_)}
    form = {**given, **PROOF, "unit_id": UNIT, "part": "lead", "type": type_, "action": "save"}
    form |= {"request_id": str(uuid4()), "evidence_title": MARKUP, "share": "12,5 %"}
    kept = author.post(f"/submissions/new?type={type_}", **form)
    assert kept.status_code == 303, kept.text.partition('role="alert">')[2][:200]
    page = author.get(kept.headers["location"].partition("?")[0])
    assert MARKUP not in page.text
    document = html5lib.parse(page.text, namespaceHTMLElements=False)
    shown = {each.get("name"): each.get("value") for each in document.iter("input")}
    for field in fields_of(type_):
        if field.kind in ("text", "date", "amount", "number") and form.get(field.name):
            assert shown[field.name] == form[field.name], field.name
    assert shown["share"] == "12.5"
    for path in ("/submissions", "/submissions?state=draft"):
        assert "<script>alert" not in author.client.get(path).text


def test_a_wrong_field_is_named_beside_it_and_nothing_is_lost(author: Visitor) -> None:
    form = {"type": "publication", "unit_id": UNIT, "title": "Một bài báo", "issued_on": "2012"}
    form |= {"action": "submit", "request_id": str(uuid4()), **PROOF}
    answer = author.post("/submissions/new", **form)
    assert answer.status_code == 400
    assert 'value="Một bài báo"' in answer.text
    assert 'id="wrong-issued_on"' in answer.text
    assert 'aria-describedby="wrong-issued_on"' in answer.text


def test_the_effects_are_shown_before_anything_is_sent(author: Visitor) -> None:
    form = {"type": "publication", "unit_id": UNIT, "title": "Thử", "issued_on": "1998-07-20"}
    form |= {"doi": "10.5555/e2e.tried", "indexes": "scopus", "action": "try", **PROOF}
    answer = author.post("/submissions/new", request_id=str(uuid4()), **form)
    assert answer.status_code == 200
    assert 'id="effects"' in answer.text
    assert "KNW-03" in answer.text
    assert "0 → 1" in answer.text
    form.pop("action")
    file = author.post("/submissions/new", request_id=str(uuid4()), file="effects.csv", **form)
    heading, *lines = rows_of(file)
    assert heading[-2] == "bảng số liệu"
    assert ["KNW-03", "0", "1"] in [[line[2], *line[5:7]] for line in lines]
    assert "10.5555/e2e.tried" not in author.client.get("/submissions").text


def test_a_draft_is_sent_amended_and_withdrawn(author: Visitor) -> None:
    form = {"type": "publication", "unit_id": UNIT, "title": "Nháp", "issued_on": "2012-08-20"}
    form |= {"doi": "10.5555/e2e.editor", "indexes": "scopus", **PROOF}
    kept = author.post("/submissions/new", action="save", request_id=str(uuid4()), **form)
    path = kept.headers["location"].partition("?")[0]
    assert "nháp" in author.get(path).text
    version = author.get(path).text.partition('name="version" value="')[2].partition('"')[0]
    form |= {"title": "Bản gửi", "version": version}
    assert author.post(path, action="submit", request_id=str(uuid4()), **form).status_code == 303
    page = author.get(path).text
    assert 'value="Bản gửi"' in page
    assert "đã nộp" in page
    form["version"] = page.partition('name="version" value="')[2].partition('"')[0]
    gone = author.post(path, action="withdraw", request_id=str(uuid4()), reason="thử", **form)
    assert gone.headers["location"].startswith("/submissions?done=")
    copied = author.get("/submissions/new", like=path.rpartition("/")[2])
    assert 'value="Bản gửi"' in copied.text


def test_many_are_decided_after_a_summary(stack: RunningStack) -> None:
    caller, approver = Caller(stack, "vnu", "contributor"), visitor(stack, "approver", "vnu")
    made = [
        caller.create(creation(UNIT, article(f"10.5555/e2e.many{n}", "2012-09-20")))
        for n in range(3)
    ]
    chosen = [f"{each.submission_id}@{each.version}" for each in made]
    form: dict[str, Any] = {"decision": "verify", "chosen": chosen, "reason": ""}
    summary = approver.post("/review/many", **form)
    assert summary.status_code == 200
    form |= {"sure": "1", "request_id": str(uuid4())}
    for table, row in (("summary", [UNIT, "3"]), ("effects", [UNIT, "KNW-03"])):
        _, *lines = rows_of(approver.post("/review/many", file=f"{table}.csv", **form))
        assert set(row) <= {cell for line in lines for cell in line}
    assert caller.read(made[0].submission_id).state == made[0].state
    done = approver.post("/review/many", **form)
    assert all(each.submission_id in done.text for each in made)
    assert "✗" not in done.text


def test_the_inbox_tells_and_the_subscription_is_kept(author: Visitor) -> None:
    form: dict[str, Any] = {"kind": ["target_reached"], "email": "", "language": "en"}
    assert author.post("/subscription", units="vnu/hus", **form).status_code == 303
    page = author.get("/subscription").text
    assert 'value="target_reached" checked' in page
    assert "vnu/hus" in page
    wrong = author.post("/subscription", **{**form, "email": "nobody"})
    assert wrong.status_code == 400
    assert author.post("/inbox", id=["x"]).status_code == 303


ODD = st.one_of(
    st.sampled_from(["", "0", "-1", "vnu", "KNW-03", "2025-01", "9999-12", "../..", MARKUP, "%00"]),
    st.text(max_size=40),
)
NAMES = (
    *("at", "back", "q", "from", "to", "unit", "house", "measure", "indicator", "work", "page"),
    *("state", "type"),
)


def paths(method: str) -> list[str]:
    """Every address that the portal answers by a method, with `{}` where anything may stand."""
    found = [
        route.path if isinstance(route, Route) else f"{route.path}/{{x}}"
        for route in routes(Site(Settings()))
        if isinstance(route, Mount) or method in (route.methods or ())
    ]
    return [re.sub("{[^}]+}", "{}", path) for path in found]


QUERIES = st.dictionaries(
    st.sampled_from([*NAMES, "like", "lang", "file", "as_of", "next", "since", "done"]),
    ODD,
    max_size=5,
)


def is_sound(answer: httpx.Response) -> bool:
    """Whether an answer is no failure of the portal's, and a page is valid HTML."""
    if answer.headers.get("content-type", "").startswith("text/html") and answer.text:
        html5lib.HTMLParser(strict=True).parse(answer.text)
        assert "<script>alert" not in answer.text
    return answer.status_code != 500


@pytest.fixture
def short_steps(stack: RunningStack) -> Iterator[None]:
    """Nothing that the test asks for keeps other visitors waiting."""
    before = long_steps(stack)
    yield
    assert long_steps(stack) == before


@pytest.mark.deep
@pytest.mark.usefixtures("short_steps")
def test_no_request_at_any_page_fails(stack: RunningStack) -> None:
    someone = visitor(stack, "approver", "vnu").client

    @QUIET
    @given(path=st.sampled_from([*paths("GET"), "/{}"]), part=ODD, query=QUERIES)
    def asks(path: str, part: str, query: dict[str, str]) -> None:
        url = f"{someone.base_url}{quote(path.format(part), errors='replace')}"
        with someone.stream("GET", url, params=query) as answer:
            # Live updates do not end by themselves.
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                answer.read()
                assert is_sound(answer)

    asks()


@pytest.mark.deep
@pytest.mark.usefixtures("short_steps")
def test_no_form_at_any_page_fails(stack: RunningStack) -> None:
    author = visitor(stack, "contributor", "vnu/hus")
    csrf = author.csrf("/subscription")
    fields = st.dictionaries(
        st.sampled_from(
            [
                *("type", "action", "unit_id", "title", "issued_on", "share", "code", "email"),
                *("request_id", "version", "decision", "chosen", "sure", "id", "units", "reason"),
                *("kept", "plan", "report", "refused", "name", "mapped", "heading", "as", "system"),
            ]
        ),
        st.one_of(ODD, st.sampled_from([*TYPES, "try", "verify", str(uuid4()), "a@1"])),
        max_size=8,
    )
    # Whoever has signed out can send nothing more.
    places = [each.format("x") for each in paths("POST") if each != "/sign-out"]

    @QUIET
    @given(path=st.sampled_from(places), form=fields)
    def sends(path: str, form: dict[str, str]) -> None:
        # Nothing may be written that counts: what would be handed in is only tried.
        kept = {**form, "action": "try"} if form.get("action") == "submit" else form
        assert is_sound(author.client.post(path, data={"csrf": csrf, **kept}))

    sends()


@pytest.mark.deep
@pytest.mark.usefixtures("short_steps")
def test_no_call_of_the_document_fails(stack: RunningStack) -> None:
    # It takes a second to import, and only one of the workers runs this.
    import schemathesis

    document = httpx.get(f"{address(stack)}/api/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    headers = {"authorization": f"Bearer {stack.token('vnu', 'viewer')}"}
    operations: list[Any] = [each.ok() for each in cast("Any", schema.get_all_operations())]
    assert len(operations) > 40
    # The first one is the simplest. Before others, all that the contracts can say is worked out,
    # which takes five times as long.
    few = settings(QUIET, max_examples=4 if IS_DEEP else 1)
    for operation in operations:
        if any(word in operation.path for word in ("Watch", "Follow")):
            continue

        @few
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            answer = case.call(base_url=f"{address(stack)}/api", headers=headers, timeout=30)
            assert answer.status_code != 500, (case.path, case.body)

        call()
