"""Large numbers in a few characters."""

import pytest

from services.amounts import Form, compact


@pytest.mark.parametrize(
    ("number", "lang", "form", "text"),
    [
        (52_512_094_664, "vi", "long", "52,5 tỷ"),
        (52_512_094_664, "en", "long", "52.5 billion"),
        (52_512_094_664, "en", "short", "52.5B"),
        (-2_500_000, "vi", "long", "-2,5 triệu"),
        (999_949_999, "vi", "long", "999,9 triệu"),
        (999_950_000, "vi", "long", "1 tỷ"),
        (999_999_999, "en", "long", "1 billion"),
        (-999_999_999, "en", "short", "-1B"),
        (999_950_000_000, "vi", "long", "1 nghìn tỷ"),
        (1_049_999, "vi", "long", "1 triệu"),
        (9, "vi", "long", "9"),
        (0, "en", "short", "0"),
    ],
)
def test_a_number_is_rounded_before_its_word_is_chosen(
    number: int, lang: str, form: Form, text: str
) -> None:
    assert compact(number, lang, form).replace("\N{NO-BREAK SPACE}", " ") == text
