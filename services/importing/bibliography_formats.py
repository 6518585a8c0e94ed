"""Parses RIS, BibTeX and the JSON of Crossref and DataCite into records, i.e. field -> text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import rispy
from pybtex.backends.plaintext import Backend
from pybtex.database.input.bibtex import Parser, month_names
from pybtex.exceptions import PybtexError
from pybtex.richtext import Text
from pybtex.utils import CaseInsensitiveDict
from rispy.config import LIST_TYPE_TAGS

from services.importing.latex_letters import with_letters

Record = Mapping[str, str]
# `render_as("text")` would look for this in the metadata of all packages, for every field: 12 ms.
_PLAIN_TEXT = Backend()
# Most fields: decoding them would take as long as parsing the file.
_WITHOUT_LATEX = re.compile(r"(?:[\w.,:;/()+?!]|[ -](?![ -]))*")
_END_OF_LINE = re.compile(r"\r\n?")
# The library drops a reference that another one or the end of the file follows at once.
_BEGIN = re.compile(r"^(?=TY  -)", re.MULTILINE)
# Web pages show two blanks as one.
_SHORT_TAG = re.compile(r"^([A-Z][A-Z\d]) - ?", re.MULTILINE)
_END = "ER  - \n"
_INHERITED = ("year", "month", "day", "date", "issn")
_PERCENT = re.compile(r"(?<!\\)%")
_FORMAT = re.compile(
    r"\\(?:text(?:it|bf|sc|rm|sf|tt|sl|up|sub|superscript)|emph|math(?:rm|it|bf)|it|bf|em|sc|rm)"
    r"(?![A-Za-z])\s*"
)
_INDEX = re.compile(r"\$[_^]([^$\s]{1,20})\$")
# Commands that the library leaves as they are, of which Zotero makes the tags of a title.
_ANGLE = re.compile(r"\\text(less|greater)(?![A-Za-z])\s*")
WRONG = (
    PybtexError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OSError,
    RecursionError,
)
"""Errors of the libraries, of JSON that is nested too deeply, and of JSON of another structure."""


def ris(text: str) -> Iterator[Record]:
    """Yield a record (field -> text) for each reference in the text of a RIS file.

    Of a field that occurs several times, the first value is taken; `issn` has all of its values,
    because some are those of books.
    """
    lines = _END_OF_LINE.sub("\n", text.replace("\ufeff", ""))
    if "TY  -" not in lines:
        lines = _SHORT_TAG.sub(r"\1  - ", lines)
    lines = f"{_BEGIN.sub(_END, lines)}\n{_END}"
    for reference in rispy.loads(lines, list_tags=[*LIST_TYPE_TAGS, "SN"]):
        serials = "; ".join(filter(None, reference.get("issn", ())))
        yield {**{name: _first(value) for name, value in reference.items()}, "issn": serials}


class _Macros(CaseInsensitiveDict):
    """Abbreviations; one that is not defined, e.g. `sept` or that of a journal, means itself."""

    def __getitem__(self, key: str) -> str:
        return str(super().__getitem__(key)) if key in self else key


def bibtex(text: str) -> Iterator[Record]:
    """Yield a record (field -> text) for each entry in the text of a BibTeX file.

    Names of fields are in lower case, LaTeX in their texts becomes plain text, and the field `key`
    is the citation key. An entry has the date and ISSN of the one to which its `crossref` leads.
    """
    # Authors are no persons here, so their names may be separated by commas.
    parser = Parser(person_fields=())
    parser.macros = _Macros(month_names)
    entries = parser.parse_string(text).entries
    for key, entry in entries.items():
        around = entries.get(entry.fields.get("crossref", ""))
        given = {n: around.fields[n] for n in _INHERITED if around and n in around.fields}
        given |= {name.lower(): value for name, value in entry.fields.items()}
        yield {"key": key, **{name: _plain(value) for name, value in given.items()}}


def crossref(text: str) -> Iterator[Record]:
    """Yield a record (field -> text) for each work in JSON of Crossref.

    The JSON is one work, a list of works, or an answer with `message.items`. The field `issued` is
    the date of issue as far as it is known: `YYYY`, `YYYY-M` or `YYYY-M-D`, or empty. Of a list,
    the first value is taken; objects and nulls become empty texts.
    """
    document = json.loads(text)
    message = document.get("message", document) if isinstance(document, dict) else document
    works = message.get("items", [message]) if isinstance(message, dict) else message
    for work in works:
        parts = (work.get("issued") or {}).get("date-parts") or [[]]
        issued = "-".join(str(part) for part in parts[0] if part)
        yield {**{name: _first(value) for name, value in work.items()}, "issued": issued}


def datacite(text: str) -> Iterator[Record]:
    """Yield a record (field -> text) for each work in JSON of DataCite.

    The `data` of the JSON is one work or a list of works. The fields are the attributes of the
    work: the first value of a list, and an empty text for an object or null. `title` is the first
    title, and `issued` the date of issue as DataCite has it; each is empty if unknown.
    """
    data = json.loads(text)["data"]
    for work in data if isinstance(data, list) else [data]:
        found = work["attributes"]
        dates = {each.get("dateType"): each.get("date") for each in found.get("dates") or ()}
        title = next((each.get("title") for each in found.get("titles") or ()), "")
        plain = {name: _first(value) for name, value in found.items()}
        yield {**plain, "title": _first(title), "issued": _first(dates.get("Issued"))}


READERS: Mapping[str, Callable[[str], Iterator[Record]]] = {
    "ris": ris,
    "bibtex": bibtex,
    "crossref": crossref,
    "datacite": datacite,
}
"""Name of a format -> function that yields the records in the text of a file."""


def _plain(latex: str) -> str:
    if _WITHOUT_LATEX.fullmatch(latex):
        return latex
    # LaTeX ends a line at a percent sign, but BibTeX does not, nor do those who export.
    bare = _FORMAT.sub("", _PERCENT.sub(r"\%", latex))
    bare = _ANGLE.sub(lambda found: "<" if found[1] == "less" else ">", bare)
    return _INDEX.sub(r"\1", Text.from_latex(with_letters(bare)).render(_PLAIN_TEXT))


def _first(value: Any) -> str:
    if isinstance(value, list):
        return _first(value[0]) if value else ""
    return "" if value is None or isinstance(value, dict) else str(value)
