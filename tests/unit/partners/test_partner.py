from dataclasses import replace

import pytest

from services.kernel.errors import AlreadyExists, InvalidArgument, NotFound, WrongState
from services.partners.domain.partner import (
    ALIASES_MAX,
    House,
    Partner,
    best_first,
    completed,
    known_as,
    the_one,
)
from services.partners.wire import key_of

KNOWN = Partner(
    name="Công ty Cổ phần Mẫu",
    house=House.ENTERPRISE,
    keys=frozenset({"mau", "sample works"}),
    tax_code="0100233488",
    aliases=("Sample Works JSC",),
).registered(7)


def asked(*keys: str, tax_code: str = "") -> Partner:
    return Partner("asked", House.ENTERPRISE, frozenset(keys), tax_code)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Công ty Cổ phần Mẫu Điện", "mau dien"),
        ("CÔNG TY TNHH MỘT THÀNH VIÊN Mẫu-Điện", "mau dien"),
        ("Tập đoàn Mẫu Điện", "mau dien"),
        ("Mau Dien JSC", "mau dien"),
        ("Mẫu Điện Co., Ltd.", "mau dien"),
        ("Công ty TNHH Mẫu Điện Group JSC", "mau dien"),
        ("Tổng công ty Mẫu Điện", "tong cong ty mau dien"),
        ("Công ty Cổ phần", "cong ty co phan"),
        ("JSC", "jsc"),
        ("Companylike", "companylike"),
    ],
)
def test_case_diacritics_punctuation_and_legal_form_do_not_tell_names_apart(
    name: str, key: str
) -> None:
    assert key_of(name) == key


def test_the_number_becomes_an_id_of_five_digits_or_more() -> None:
    assert asked("x").registered(12).partner_id == "partner:00012"
    assert asked("x").registered(123456).partner_id == "partner:123456"


@pytest.mark.parametrize(
    "again",
    [
        asked("quite another", tax_code="0100233488"),
        asked("mau"),
        asked("mau", "sample works"),
        asked("sample works", tax_code="0100233488"),
    ],
)
def test_the_same_tax_code_or_just_known_names_answer_the_partner(again: Partner) -> None:
    assert known_as(again, [KNOWN]) is KNOWN


@pytest.mark.parametrize("other", [asked("mau", "new name"), asked("mau", tax_code="0100109106")])
def test_a_name_of_another_partner_is_refused_and_names_it(other: Partner) -> None:
    with pytest.raises(AlreadyExists) as refusal:
        known_as(other, [KNOWN])
    assert refusal.value.details == {"partner_id": "partner:00007", "name": "Công ty Cổ phần Mẫu"}


WITHOUT_CODE = replace(KNOWN, tax_code="")
CODE = "0100233488"


def named(name: str, *aliases: str, tax_code: str = "") -> Partner:
    keys = frozenset(key_of(each) for each in (name, *aliases))
    return Partner(name, House.OTHER, keys, tax_code, aliases, country="KR")


@pytest.mark.parametrize(
    ("known", "asked", "aliases", "tax_code"),
    [
        (KNOWN, named("Mẫu JSC", "Mẫu Mới", tax_code=CODE), ("Mẫu Mới",), CODE),
        (KNOWN, named("Tên khác", tax_code=CODE), ("Tên khác",), CODE),
        (KNOWN, named("Mẫu", "Mẫu Mới", "MAU MOI"), ("Mẫu Mới",), CODE),
        (WITHOUT_CODE, named("sample works", tax_code=CODE), (), CODE),
        (WITHOUT_CODE, named("Mẫu", "Mẫu Mới", tax_code=CODE), ("Mẫu Mới",), CODE),
    ],
)
def test_a_steward_gives_a_known_partner_the_names_and_the_tax_code_it_lacks(
    known: Partner, asked: Partner, aliases: tuple[str, ...], tax_code: str
) -> None:
    full = completed(asked, [known], key_of)
    keys = known.keys | {key_of(alias) for alias in aliases}
    names = (*known.aliases, *aliases)
    assert full == replace(known, keys=keys, aliases=names, tax_code=tax_code, version=2)
    assert completed(asked, [full], key_of) is full


@pytest.mark.parametrize("asked", [named("Mẫu"), named("x", "y", tax_code="0100109106")])
def test_what_lacks_nothing_is_left_and_what_nobody_knows_is_new(asked: Partner) -> None:
    matches = [KNOWN] if asked.keys & KNOWN.keys else []
    assert completed(asked, matches, key_of) is (KNOWN if matches else None)


@pytest.mark.parametrize(
    "asked",
    [
        named("Mẫu", tax_code="0100109106"),  # another tax code is another partner
        named("Tên mới", "Mẫu"),  # whether it is the same nobody can tell
        named("Khác", "Mẫu", tax_code="0100109106"),
    ],
)
def test_a_name_alone_does_not_say_that_a_partner_is_meant(asked: Partner) -> None:
    with pytest.raises(AlreadyExists, match="partner:00007"):
        completed(asked, [KNOWN], key_of)


def test_a_name_of_a_third_is_not_taken_from_it() -> None:
    third = replace(named("Của người khác"), partner_id="partner:00009", version=1)
    asked = named("Mẫu", "của người khác", tax_code=CODE)
    for matches in ([KNOWN, third], [third, KNOWN]):
        with pytest.raises(AlreadyExists, match="partner:00009"):
            completed(asked, matches, key_of)


def test_a_partner_has_a_bounded_number_of_names() -> None:
    many = named("Mẫu", *(f"Tên {number}" for number in range(ALIASES_MAX)))
    with pytest.raises(InvalidArgument) as refusal:
        completed(many, [KNOWN], key_of)
    assert list(refusal.value.fields) == ["partner.aliases"]


def test_nobody_with_these_names_means_a_new_partner() -> None:
    assert known_as(asked("new"), []) is None


def test_a_text_means_the_one_partner_it_matches() -> None:
    assert the_one("mau", [KNOWN]) is KNOWN
    with pytest.raises(NotFound):
        the_one("mau", [])


def test_a_text_that_means_several_partners_names_them_all() -> None:
    other = replace(KNOWN, partner_id="partner:00008", name="Other")
    with pytest.raises(WrongState) as refusal:
        the_one("0100233488", [KNOWN, other])
    assert refusal.value.details == {"partner:00007": KNOWN.name, "partner:00008": "Other"}


def test_partners_of_just_the_asked_name_come_first_then_those_that_begin_with_it() -> None:
    exact, longer, inside = (
        replace(KNOWN, keys=frozenset({key}), partner_id=f"partner:{number}")
        for number, key in ((3, "mau"), (2, "mau dien"), (1, "dien mau"))
    )
    assert best_first([inside, longer, exact], "mau") == [exact, longer, inside]
