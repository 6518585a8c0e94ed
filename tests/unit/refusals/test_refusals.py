"""Every sentence that a service or the command line refuses with has a Vietnamese one."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator

import pytest

from services.kernel import errors
from services.kernel.interceptors import forms
from services.kpi.query.cells import check_unit, find_indicator
from services.refusals import FOLDER, head_of, in_language, pattern_of
from tests.unit.kpi.builders import real_catalogue

SERVICES = FOLDER.parent
TRANSLATED = (
    "agreement",
    "kernel",
    "kpi",
    "notifications",
    "partners",
    "policy",
    "portal",
    "submissions",
)
REFUSALS = {kind.__name__ for kind in errors.Refusal.__subclasses__()} | {"SignInFailed", "Failure"}
# All texts of these modules are told of a field.
OF_FIELDS = ("submissions/identifiers.py", "submissions/validation.py")
TABLE = tomllib.loads((FOLDER / "refusals.toml").read_text(encoding="utf-8"))
WORDS_MIN = 3


def sample(node: ast.AST) -> str:
    """The text of a literal, with a value `X1` in each place; empty for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(sample(each) or "X1" for each in node.values)
    return ""


def sentences_of(function: ast.AST) -> Iterator[str]:
    """What a function refuses with: the messages, and the texts that it puts together for them."""
    calls = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in REFUSALS
    ]
    named = {name.id for call in calls for name in ast.walk(call) if isinstance(name, ast.Name)}
    for call in calls:
        yield from map(sample, call.args[:1])
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and named & {getattr(t, "id", "") for t in node.targets}:
            yield sample(node.value)


def texts_of(tree: ast.AST) -> Iterator[str]:
    """All texts of a module except docstrings, and parts of other texts."""
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) or is_docstring(node)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) not in inner and isinstance(node, ast.Constant | ast.JoinedStr):
            yield sample(node)


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def said() -> list[tuple[str, str]]:
    """File and sentence, for every sentence of the services that has words of its own."""
    found = []
    for package in TRANSLATED:
        for path in sorted((SERVICES / package).rglob("*.py")):
            source, name = path.read_text(encoding="utf-8"), path.relative_to(SERVICES).as_posix()
            if name not in OF_FIELDS and not any(kind in source for kind in REFUSALS):
                continue
            tree = ast.parse(source)
            texts = [
                text
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                for text in sentences_of(node)
            ]
            texts += texts_of(tree) if name in OF_FIELDS else []
            found += [(name, text) for text in dict.fromkeys(texts) if is_sentence(text)]
    return found


def is_sentence(text: str) -> bool:
    words = [word for word in re.findall(r"[a-zA-Z]+", text) if word != "X"]
    is_command = text.startswith("kieng ") and len(words) <= WORDS_MIN
    return len(words) >= WORDS_MIN and " " in text and "[\\" not in text and not is_command


def found_by_the_doctor() -> list[tuple[str, str]]:
    """File and sentence, for every literal detail and remedy of a finding of `kieng doctor`."""
    found = []
    for path in sorted((SERVICES / "cli" / "checks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                texts = map(sample, node.args[2:])
                found += [(f"cli/checks/{path.name}", text) for text in texts if is_sentence(text)]
    return found


def refused_by_commands() -> list[tuple[str, str]]:
    """File and sentence, for every refusal of the command line itself."""
    found = []
    for path in sorted((SERVICES / "cli").rglob("*.py")):
        functions = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        texts = (t for f in functions if isinstance(f, ast.FunctionDef) for t in sentences_of(f))
        # What follows the first line is data.
        heads = (text.partition("\n")[0].removesuffix(":") for text in texts)
        name = path.relative_to(SERVICES).as_posix()
        found += [(name, text) for text in dict.fromkeys(heads) if is_sentence(text)]
    return found


# One test, and not one for each sentence: every worker would look for all of them when it collects.
def test_every_sentence_of_a_service_is_known_in_vietnamese() -> None:
    every = [*said(), *found_by_the_doctor(), *refused_by_commands()]
    assert len(every) > 250
    assert any("is not a DOI" in text for _, text in every)
    unknown = [f"{name}: {sentence!r}" for name, sentence in every if not is_known(sentence)]
    assert unknown == [], "add them to refusals.toml"


def is_known(sentence: str) -> bool:
    # A list of fields follows such a head; the fields are said on their own.
    head = re.sub(r"(: X1)+$", "", sentence) if sentence.endswith(": X1") else sentence
    return any(in_language(each, "vi") != each for each in (sentence, head))


def test_a_sentence_without_a_translation_is_noticed() -> None:
    assert not is_known("nobody has translated this sentence: X1")


@pytest.mark.parametrize("words", forms().values())
def test_a_form_of_a_text_is_known_in_vietnamese(words: str) -> None:
    assert in_language(words, "vi") != words


def test_every_translation_has_the_places_of_its_sentence() -> None:
    places = re.compile(r"\{[a-z_]+\}")
    assert [
        sentence
        for sentence, translated in TABLE["sentences"].items()
        if sorted(places.findall(translated)) != sorted(places.findall(sentence))
        or not re.fullmatch(pattern_of(sentence), places.sub("a b", sentence))
    ] == []


def test_no_sentence_is_there_twice_with_other_names_of_its_places() -> None:
    shapes = Counter(re.sub(r"\{[a-z_]+\}", "{}", sentence) for sentence in TABLE["sentences"])
    assert [shape for shape, number in shapes.items() if number > 1] == []


@pytest.mark.parametrize("name", ["alpha/enq", "nowhere at all", "KNW-3", "ZZZ"])
def test_a_hint_to_what_was_meant_is_translated_too(name: str) -> None:
    """The places of a shorter sentence would take it in as it is."""
    for check in (check_unit, find_indicator):
        with pytest.raises(errors.InvalidArgument) as refused:
            check(name, real_catalogue(), "field")
        said = in_language(refused.value.fields["field"], "vi")
        assert not re.search(r"there is|did you mean|finds it|catalogue", said)


@pytest.mark.parametrize(
    ("message", "head"),
    [
        ("no such unit", ""),
        ("unit_id: no such unit", ""),
        ("the request is not valid: unit_id: no such unit", "the request is not valid"),
        ("another thing", "another thing"),
    ],
)
def test_what_is_said_of_a_field_is_not_said_before_it_too(message: str, head: str) -> None:
    assert head_of(message, [("unit_id", "no such unit")]) == head


def test_an_unknown_sentence_stays_and_english_is_untouched() -> None:
    assert in_language("nothing like it", "vi") == "nothing like it"
    assert in_language("no such submission", "en") == "no such submission"


def test_numbers_are_written_as_in_vietnamese() -> None:
    assert in_language("1,019.7 of 2,270.6 GB free", "vi") == "còn trống 1.019,7 trên 2.270,6 GB"


def findings_of(tree: ast.AST) -> Iterator[str]:
    """What a module of checks tells: the literal details of its findings."""
    told = [
        call.args[2]
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding"
    ]
    told += [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("text", "detail")
    ]
    for detail in told:
        for part in detail.values if isinstance(detail, ast.BoolOp) else [detail]:
            yield sample(part)


def test_what_doctor_finds_has_a_vietnamese_sentence() -> None:
    modules = (SERVICES / "cli" / "checks").glob("*.py")
    found = {
        told
        for path in modules
        for told in findings_of(ast.parse(path.read_text(encoding="utf-8")))
        if re.search("[a-z]{3}", told)
    }
    # Its age is put together before; the table has both forms.
    found.remove("X1, X1, digest X1")
    assert len(found) > 25
    assert sorted(told for told in found if in_language(told, "vi") == told) == []


def test_what_doctor_checks_has_a_vietnamese_name() -> None:
    calls = [
        call.args[0]
        for path in (SERVICES / "cli" / "checks").glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("Finding", "space")
    ]
    names = {sample(each) for each in calls if isinstance(each, ast.Constant | ast.JoinedStr)}
    assert len(names) > 12
    # A broker is called so in Vietnamese, too; services keep their names.
    assert {name for name in names if in_language(name, "vi") == name} == {"broker"}
