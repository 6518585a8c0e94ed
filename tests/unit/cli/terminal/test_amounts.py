import pytest

from kieng.kpi.v1 import view_pb2
from services.cli.terminal.amounts import amount_text, fraction_of, short_text, signed_text
from services.texts import Lang

BLANK = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("number", "unit", "lang", "exact", "text"),
    [
        (52_512_094_664, "vnd", Lang.vi, False, "52,5 tỷ"),
        (52_512_094_664, "vnd", Lang.en, False, "52.5 billion"),
        (52_512_094_664, "vnd", Lang.vi, True, "52.512.094.664"),
        (52_512_094_664, "count", Lang.vi, False, "52.512.094.664"),
        (999_999, "vnd", Lang.vi, False, "999.999"),
        (1_000_000, "vnd", Lang.vi, False, "1 triệu"),
    ],
)
def test_an_amount_of_money_is_short_unless_every_dong_is_wanted(
    number: int, unit: str, lang: Lang, exact: bool, text: str
) -> None:
    shown = amount_text(number, unit, lang, exact)
    assert shown.replace(BLANK, " ") == text
    # Other programs get every dong.
    assert shown.exact == number
    assert short_text(view_pb2.Value(whole=number), unit, lang, exact) == shown


def test_a_difference_has_a_sign() -> None:
    shown = [signed_text(number, "vnd", Lang.vi) for number in (7, -2_500_000, 0)]
    assert [text.replace(BLANK, " ") for text in shown] == ["+7", "−2,5 triệu", "±0"]  # noqa: RUF001
    assert [text.exact for text in shown] == [7, -2_500_000, 0]


def test_what_is_not_defined_is_no_number() -> None:
    ratio = view_pb2.Ratio(numerator=1, denominator=4)
    assert fraction_of(view_pb2.Value(ratio=ratio)) == 0.25
    assert fraction_of(view_pb2.Value(ratio=view_pb2.Ratio(numerator=1))) is None
    assert fraction_of(view_pb2.Value()) is None
