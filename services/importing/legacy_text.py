"""Recognises Vietnamese text in the encodings of old fonts (TCVN3, VNI) and converts it to Unicode.

Such a font displays Latin letters and signs as Vietnamese letters: `§Ò tµi` looks like `Đề tài` in
the font `.VnTime`. The tables are those of TCVN 5712:1993 (VN3) and of VNI for Windows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache

Converter = Callable[[str], str]

# Windows-1258 writes letters and marks separately; NFC composes them.
OLD_WINDOWS = "cp1258"
# Latin-1 decodes every byte to one letter, so nothing is lost before the encoding is known.
AS_BYTES = "latin-1"

# ruff: noqa: RUF001 - these tables consist of letters that look like others.
_TCVN3 = dict(
    zip(
        "¡¢£¤¥¦§¨©ª«¬\xad®µ¶·¸¹»¼½¾ÆÇÈÉÊËÌÎÏÐÑÒÓÔÕÖ×ØÜÝÞßáâãäåæçèéêëìíîïñòóôõö÷øùúûüýþ",
        "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
        strict=True,
    )
)
_GRAVE, _ACUTE, _HOOK, _TILDE, _DOT = "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"
_CIRCUMFLEX, _BREVE, _HORN = "\u0302", "\u0306", "\u031b"
_VNI_TONES = dict(zip("øùûõï", (_GRAVE, _ACUTE, _HOOK, _TILDE, _DOT), strict=True))
_VNI_MARKS = _VNI_TONES | {
    letter: hat + tone
    for hat, letters in ((_CIRCUMFLEX, "âàáåãä"), (_BREVE, "êèéúüë"))
    for letter, tone in zip(letters, ("", _GRAVE, _ACUTE, _HOOK, _TILDE, _DOT), strict=True)
}
_VNI_ALONE = dict(zip("ñôöìíæóòî", "đơưìíỉĩịỵ", strict=True))
_VNI_LETTER = re.compile(r"([aeouyôö])([øùûõïâàáåãäêèéúüë])|[ñôöìíæóòî]", re.IGNORECASE)
# Signs among letters, and capitals after small letters: both occur only in text of old fonts.
_TCVN3_SIGN = re.compile(r"[A-Za-zß-ÿ§][¨©ª«¬®µ¶·¸¹»¼½¾ÆÇÈÊËÌÎÏÐÑÒÓÔÕÖ×ØÜÝÞ]|[§®][a-zß-ÿ¬\xad]")
# Not `oà` or `uê`, which are Vietnamese in Unicode, too.
_VNI_SIGN = re.compile(r"[aeouyôö][øûï]|[aeuyôö]ù|\woù|[aeo][åä]|a[êëü]|ñ[aeiouöô]", re.IGNORECASE)
_VIQR_MARKS = dict(
    zip("^(+`'?~.", (_CIRCUMFLEX, _BREVE, _HORN, _GRAVE, _ACUTE, _HOOK, _TILDE, _DOT), strict=True)
)
_VIQR_WORD = re.compile(r"[A-Za-z^(+`'?~.]+")
# A circumflex or a horn inside a word, which texts in no other spelling have twice.
_VIQR_SIGN = re.compile(r"[aeo]\^|[ou]\+|a\([`'?~.]?[a-z]|dd", re.IGNORECASE)
_VIQR_LETTERS_MIN = 3
_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdđghklmnpqrstvx])?[aăâeêioôơuưy]{1,3}(?:ch|nh|ng|[cmnpt])?"
)
# The signs of TCVN3 count as letters.
_WORD = re.compile(r"(?:[^\W\d_]|[¡-¬®µ-¹»-¾×÷\xad])+")
_TONES = frozenset((_GRAVE, _ACUTE, _HOOK, _TILDE, _DOT))


def encoding_of(content: bytes) -> str:
    """Return the encoding in which to decode bytes that are not UTF-8.

    It is Latin-1 if the bytes are text of an old Vietnamese font, e.g. `§Ò tµi`, which `converter`
    recognises once they are decoded, and Windows-1258 for all other bytes.

    Raises:
        UnicodeDecodeError: the bytes are not Windows-1258 either.
    """
    if converter(content.decode(AS_BYTES).split("\n")):
        return AS_BYTES
    content.decode(OLD_WINDOWS)
    return OLD_WINDOWS


def converter(texts: Iterable[str]) -> Converter | None:
    """Return the function that converts these texts to Unicode; None if they need none.

    They are considered text of an old font if some words contain sequences that occur only in such
    text, at least nine in ten of these words become Vietnamese syllables, and no text has letters
    beyond Latin-1. VNI needs two such words, as a single one may be of another language, e.g.
    French.

    Args:
        texts: texts that are all in the same encoding, e.g. of one column.
    """
    odd = [text for text in texts if not text.isascii()]
    if not odd or any(max(text) > "\xff" for text in odd):
        return None
    for sign, least, convert in ((_TCVN3_SIGN, 1, from_tcvn3), (_VNI_SIGN, 2, from_vni)):
        signed = [word for text in odd for word in _WORD.findall(text) if sign.search(word)]
        if len(set(signed)) >= least and _becomes_vietnamese(signed, convert):
            return convert
    return None


def fits(convert: Converter, texts: Iterable[str]) -> bool:
    """Return True if further texts of a file can be converted by ``convert``, too.

    No text may have letters beyond Latin-1, and at least nine in ten of the words that are not
    ASCII must become Vietnamese syllables.

    Args:
        convert: what `converter` returned for other texts of the file.
        texts: the further texts.
    """
    odd = [text for text in texts if not text.isascii()]
    if any(max(text) > "\xff" for text in odd):
        return False
    words = [word for text in odd for word in _WORD.findall(text) if not word.isascii()]
    return _becomes_vietnamese(words, convert)


def _becomes_vietnamese(words: Sequence[str], convert: Converter) -> bool:
    right = sum(_is_vietnamese(convert(word)) for word in words)
    return right * 10 >= len(words) * 9


def is_viqr(text: str) -> bool:
    """Return True if a text is Vietnamese typed in VIQR, as `Nghie^n cu+'u khoa ho.c`.

    VIQR writes diacritics as ASCII signs after a letter. At least two different words must write a
    circumflex, horn or stroke in this way, one of them with three letters or more, and nine in ten
    must become Vietnamese syllables, so that `x^n` and `C++` are not taken for VIQR.
    """
    if not text.isascii() or not _VIQR_SIGN.search(text):
        return False
    signed = {word.strip(".?'(") for word in _VIQR_WORD.findall(text) if _VIQR_SIGN.search(word)}
    long = any(sum(map(str.isalpha, word)) >= _VIQR_LETTERS_MIN for word in signed)
    return len(signed) > 1 and long and _becomes_vietnamese([*signed], _from_viqr)


def _from_viqr(word: str) -> str:
    plain = word.lower().replace("dd", "đ")
    return unicodedata.normalize("NFC", "".join(_VIQR_MARKS.get(char, char) for char in plain))


def from_tcvn3(text: str) -> str:
    """Return text of a TCVN3 font (ABC fonts, e.g. `.VnTime`) converted to Unicode: `tµi` to `tài`.

    Letters that the font displays as they are remain.
    """
    return "".join(_TCVN3.get(letter, letter) for letter in text)


def from_vni(text: str) -> str:
    """Return text of a VNI font (e.g. `VNI-Times`) converted to Unicode, in NFC: `taøi` to `tài`.

    Letters that the font displays as they are remain.
    """
    return _VNI_LETTER.sub(_letter, text)


def _letter(found: re.Match[str]) -> str:
    base, mark = (found[1], _VNI_MARKS[found[2].lower()]) if found[1] else (found[0], "")
    small = _VNI_ALONE.get(base.lower(), base.lower())
    letter = unicodedata.normalize("NFC", small + mark)
    return letter.upper() if base.isupper() else letter


@cache
def _is_vietnamese(word: str) -> bool:
    """Return True if a word is a Vietnamese syllable: one vowel group with at most one tone."""
    letters = unicodedata.normalize("NFD", word.lower())
    plain = "".join(letter for letter in letters if letter not in _TONES)
    is_syllable = _SYLLABLE.fullmatch(unicodedata.normalize("NFC", plain)) is not None
    return is_syllable and len(letters) - len(plain) <= 1
