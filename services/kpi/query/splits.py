"""Encodes values split by a cut; the terms minus their double counting give exactly the value."""

from __future__ import annotations

from collections.abc import Iterable

from kieng.kpi.v1 import view_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.cube import Cube, Range, Ratio, Value
from services.kpi.wire.values import encode_value


def cut_by(catalogue: Catalogue, by: str) -> list[str]:
    """Return the codes of the indicators that have this cut; empty if none has it.

    Args:
        catalogue: the catalogue.
        by: name of the cut; empty to return all codes.
    """
    return [
        code for code, indicator in catalogue.indicators.items() if not by or by in indicator.cuts
    ]


def check_cut(indicators: Iterable[Indicator], by: str) -> None:
    """Check that indicators can be split by a requested cut; passes if ``by`` is empty.

    Args:
        indicators: the requested indicators.
        by: name of the cut.

    Raises:
        InvalidArgument: there are no indicators, or one has no such cut; the error names the cuts
            that it has. The caller's fault.
    """
    wanted = list(indicators)
    if by and not wanted:
        text = f"no indicator of the catalogue is cut by {by!r}"
        raise InvalidArgument(text, fields={"selection.by": text})
    for indicator in wanted:
        if by and by not in indicator.cuts:
            known = ", ".join(indicator.cuts) or "none"
            text = f"{indicator.code} is not cut by {by!r}; its cuts are: {known}"
            raise InvalidArgument(text, fields={"selection.by": text})


def encode_split(
    cube: Cube, unit_id: str, indicator: Indicator, by: str, months: Range
) -> view_pb2.Split:
    """Return the values of a cut's terms, and by how much they exceed the whole value.

    They do because a work counts under each of its terms.

    Args:
        cube: cells of a view.
        unit_id: the unit.
        indicator: indicator of the cube's catalogue; not an attainment.
        by: name of the cut.
        months: first and last month, both included.
    """
    declared, verified = (cube.split(unit_id, indicator, by, m, months) for m in (0, 1))
    whole = [cube.value(unit_id, indicator, measure, *months, 0) for measure in (0, 1)]
    message = view_pb2.Split(
        by=by,
        declared_again=encode_value(_again(declared.values(), whole[0], indicator)),
        verified_again=encode_value(_again(verified.values(), whole[1], indicator)),
    )
    nothing = _nothing(whole[0], indicator)
    for term in sorted(declared.keys() | verified.keys()):
        message.terms.add(
            term=term,
            declared=encode_value(declared.get(term, nothing)),
            verified=encode_value(verified.get(term, nothing)),
        )
    return message


def _nothing(value: Value, indicator: Indicator) -> Value:
    if isinstance(value, int):
        return 0
    return Ratio(0, 0 if indicator.denominator is not None else value.denominator)


def _again(terms: Iterable[Value], value: Value, indicator: Indicator) -> Value:
    found = list(terms)
    if isinstance(value, int):
        return sum(term for term in found if isinstance(term, int)) - value
    ratios = [term for term in found if isinstance(term, Ratio)]
    numerator = sum(term.numerator for term in ratios) - value.numerator
    if indicator.denominator is None:
        return Ratio(numerator, value.denominator)
    return Ratio(numerator, sum(term.denominator for term in ratios) - value.denominator)
