import pytest
from pydantic import ValidationError

from services.submissions.config import Settings


@pytest.mark.parametrize("text", ["alpha,beta-2", ' ["alpha", "beta-2"]', "alpha, beta-2,"])
def test_institutions_are_a_list_in_either_notation(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIENG_INSTITUTIONS", text)
    assert Settings().institutions == ("alpha", "beta-2")


@pytest.mark.parametrize("text", ["", "[]", "Alpha", "a/b"])
def test_a_wrong_list_of_institutions_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIENG_INSTITUTIONS", text)
    with pytest.raises(ValidationError):
        Settings()
