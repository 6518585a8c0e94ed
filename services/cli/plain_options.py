"""Reads plain options without pydantic, whose import takes a quarter of a short command.

typer imports pydantic to read any option. Texts, flags, paths and choices are read here; typer
itself reads every other kind of option, and every value that is not plainly right.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, cast

from typer.core import TyperArgument, TyperOption


class PlainReader:
    """Reads the value of one parameter in place of typer's reader.

    Args:
        annotation: `str`, `bool`, `Path`, `list[str]` or an enum of texts.
        typers: returns typer's own reader, to which values that are not plain are left.
    """

    def __init__(self, annotation: Any, typers: Callable[[], Any]) -> None:
        self._read = _reader(annotation)
        self._typers = typers

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value of the option or argument as the command receives it.

        A value that is not plainly of the annotation is left to typer, which converts or refuses
        it. Without a value this is None, or an empty tuple if the parameter takes several.

        Args:
            value: text or texts of the command line or the environment, or the default.
            param: typer's parameter.
            ctx: typer's context.
        """
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        found = self._read(value)
        return self._typers().coerce(value, param, ctx) if found is None else found


def _reader(annotation: Any) -> Callable[[Any], Any]:
    if annotation in (str, bool):
        return lambda value: value if isinstance(value, annotation) else None
    if annotation is Path:
        return lambda value: Path(value) if isinstance(value, str | Path) else None
    if annotation == list[str]:
        return lambda values: [*values] if all(isinstance(each, str) for each in values) else None
    by_value = {member.value: member for member in annotation}
    return lambda value: by_value.get(value.value if isinstance(value, Enum) else value)


def _is_plain(annotation: Any) -> bool:
    is_choice = isinstance(annotation, type) and issubclass(annotation, Enum)
    return is_choice or annotation in (str, bool, Path, list[str])


def read_plainly() -> None:
    """Make typer read the plain options and arguments of all commands with `PlainReader`."""
    for kind in (TyperOption, TyperArgument):
        cast(Any, kind).get_runtime_param = _reader_of


_TYPERS = TyperOption.get_runtime_param


def _reader_of(param: Any) -> Any:
    annotation = param.type_descriptor.annotation
    if _is_plain(annotation):
        return PlainReader(annotation, lambda: _TYPERS(param))
    return _TYPERS(param)
