"""Vietnamese text of old fonts is recognised, and nothing else is taken for it."""
# ruff: noqa: RUF001 - letters that look like others are what this is about.

from __future__ import annotations

import pytest

from services.importing import legacy_text


@pytest.mark.parametrize(
    ("old", "text"),
    [
        ("§Ò tµi khoa häc", "Đề tài khoa học"),
        ("Tr\xad\xeang §¹i häc B¸ch khoa Hµ Néi", "Trường Đại học Bách khoa Hà Nội"),
        ("T¹p chÝ", "Tạp chí"),
        ("Ñeà taøi khoa hoïc coâng ngheä", "Đề tài khoa học công nghệ"),
        ("TRÖÔØNG ÑAÏI HOÏC", "TRƯỜNG ĐẠI HỌC"),
        ("Nghieân cöùu vaät lieäu môùi", "Nghiên cứu vật liệu mới"),
    ],
)
def test_old_fonts_become_unicode(old: str, text: str) -> None:
    convert = legacy_text.converter(["ASCII", old])
    assert convert is not None
    assert convert(old) == text


@pytest.mark.parametrize(
    "text",
    [
        *("Công nghệ", "công", "hãy", "10 µm", "Brand® x", "Große Straße", "El Niño años"),
        *("Hoà bình", "Ngày hoàn thành", "thuê", "Xoá nhoà", "où", "Thaï", "maïs"),
        *("naïve coöperation", "façade São Paulo", "Citroën", "forêt", "x² ± 3 °C", "Moët"),
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert legacy_text.converter([text]) is None


def test_one_word_that_is_no_syllable_does_not_hide_the_others() -> None:
    texts = ["§Ò tµi khoa häc vµ c«ng nghÖ cña c¸c tr\xad\xeang ®¹i häc, 2·x"]
    assert legacy_text.converter(texts) is legacy_text.from_tcvn3


def test_a_neighbour_is_converted_only_if_it_fits() -> None:
    assert legacy_text.fits(legacy_text.from_tcvn3, ["Kinh doanh häc"])
    assert not legacy_text.fits(legacy_text.from_tcvn3, ["Müller and Gößner"])
    assert not legacy_text.fits(legacy_text.from_tcvn3, ["Đề tài häc"])


def test_bytes_of_old_fonts_keep_their_letters() -> None:
    content = "§Ò tµi".encode("latin-1")
    assert content.decode(legacy_text.encoding_of(content)) == "§Ò tµi"
