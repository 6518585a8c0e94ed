"""Recognises Vietnamese in the encodings of old fonts (TCVN3, VNI) and converts it to Unicode.

Such a font draws Latin letters and signs as Vietnamese ones: `§Ò tµi` of `.VnTime` is read as
`Đề tài`. The table of TCVN3 is that of TCVN 5712:1993 (VN3), the one of VNI that of VNI Windows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache

Converter = Callable[[str], str]

# Vietnamese Windows; its letters come apart and are joined by NFC.
OLD_WINDOWS = "cp1258"
# Latin-1 keeps every byte as one letter, so nothing is lost before the encoding is known.
AS_BYTES = "latin-1"

# ruff: noqa: RUF001 - the letters that look like others are what these tables are about.
_TCVN3 = dict(
    zip(
        "¡¢£¤¥¦§¨©ª«¬\xad®µ¶·¸¹»¼½¾ÆÇÈÉÊËÌÎÏÐÑÒÓÔÕÖ×ØÜÝÞßáâãäåæçèéêëìíîïñòóôõö÷øùúûüýþ",
        "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
        strict=True,
    )
)
_GRAVE, _ACUTE, _HOOK, _TILDE, _DOT = "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"
_CIRCUMFLEX, _BREVE = "\u0302", "\u0306"
_VNI_TONES = dict(zip("øùûõï", (_GRAVE, _ACUTE, _HOOK, _TILDE, _DOT), strict=True))
_VNI_MARKS = _VNI_TONES | {
    letter: hat + tone
    for hat, letters in ((_CIRCUMFLEX, "âàáåãä"), (_BREVE, "êèéúüë"))
    for letter, tone in zip(letters, ("", _GRAVE, _ACUTE, _HOOK, _TILDE, _DOT), strict=True)
}
_VNI_ALONE = dict(zip("ñôöìíæóòî", "đơưìíỉĩịỵ", strict=True))
_VNI_LETTER = re.compile(r"([aeouyôö])([øùûõïâàáåãäêèéúüë])|[ñôöìíæóòî]", re.IGNORECASE)
# Signs among letters and capitals after small letters: no language writes that, the old fonts do.
_TCVN3_SIGN = re.compile(r"[A-Za-zß-ÿ§][¨©ª«¬®µ¶·¸¹»¼½¾ÆÇÈÊËÌÎÏÐÑÒÓÔÕÖ×ØÜÝÞ]|[§®][a-zß-ÿ¬\xad]")
# Not `oà` or `uê`, which are Vietnamese in Unicode, too.
_VNI_SIGN = re.compile(r"[aeouyôö][øûï]|[aeuyôö]ù|\woù|[aeo][åä]|a[êëü]|ñ[aeiouöô]", re.IGNORECASE)
_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdđghklmnpqrstvx])?[aăâeêioôơuưy]{1,3}(?:ch|nh|ng|[cmnpt])?"
)
# The signs of TCVN3 count as letters.
_WORD = re.compile(r"(?:[^\W\d_]|[¡-¬®µ-¹»-¾×÷\xad])+")
_TONES = frozenset((_GRAVE, _ACUTE, _HOOK, _TILDE, _DOT))


def decode(content: bytes) -> str:
    """Return the text of bytes that are not UTF-8.

    Text of an old font keeps the form that a spreadsheet shows, `§Ò tµi`, for `converter` to
    recognise; anything else is read as Vietnamese Windows.

    Raises:
        UnicodeDecodeError: a byte means nothing there either.
    """
    text = content.decode(AS_BYTES)
    if converter(text.split("\n")):
        return text
    return content.decode(OLD_WINDOWS)


def converter(texts: Iterable[str]) -> Converter | None:
    """Return what converts these texts to Unicode, or None if they are not of an old font.

    They are, if words have letters as only that encoding writes them, nearly all of these become
    Vietnamese syllables, and no text has letters that the old encoding lacks. Two words are needed
    for VNI, since a single one may be of another language, as the French for Thai.
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
    """Return True if texts next to converted ones are of the same font, too."""
    odd = [text for text in texts if not text.isascii()]
    if any(max(text) > "\xff" for text in odd):
        return False
    words = [word for text in odd for word in _WORD.findall(text) if not word.isascii()]
    return _becomes_vietnamese(words, convert)


def _becomes_vietnamese(words: Sequence[str], convert: Converter) -> bool:
    right = sum(_is_vietnamese(convert(word)) for word in words)
    return right * 10 >= len(words) * 9


def from_tcvn3(text: str) -> str:
    """Return TCVN3 (ABC fonts, `.VnTime`) as Unicode."""
    return "".join(_TCVN3.get(letter, letter) for letter in text)


def from_vni(text: str) -> str:
    """Return VNI (`VNI-Times`) as Unicode."""
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
