"""Given names of many languages, taken from the locale tables of the Faker package (MIT licence).

A sibling to makemore's `names.txt`: the same shape, one lower-case name a line, but with the letters that
ASCII lacks, so that a character model meets þ, ş, ř and ő. The result depends on nothing but the pinned
version of Faker.
"""

from __future__ import annotations

import importlib
import unicodedata
from collections.abc import Iterable

from explorer.text.sources import CorpusError

# Turkish and Azerbaijani pair I with ı and İ with i, where Unicode's default lower-casing does not.
_DOTTED = str.maketrans({"I": "ı", "İ": "i"})
_DOTTED_LOCALES = ("az_AZ", "tr_TR")
# Some locales list their names only by gender, some only together.
_TABLES = ("first_names", "first_names_female", "first_names_male")


def given_names(locales: Iterable[str]) -> list[str]:
    """All given names of the Faker `locales` (such as "is_IS"), lower-cased, NFC, sorted, each once.

    A name is kept if it is made of Latin letters only: double names with a hyphen or a space, names
    with an apostrophe and the few misprints of the tables are left out.

    Raises `CorpusError` for a locale that Faker has no names for.

    >>> "sigríður" in given_names(["is_IS"]), "anna-lena" in given_names(["de_DE"])
    (True, False)
    """
    names: set[str] = set()
    for locale in locales:
        try:
            provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        except ImportError as error:
            raise CorpusError(
                f"Faker should have names for the locale {locale!r}, but has none; "
                "take one of its person locales, such as 'is_IS'."
            ) from error
        for table in (getattr(provider, attribute, ()) for attribute in _TABLES):
            # es_CL computes its joint table in a property; the gendered ones hold the same names.
            if not isinstance(table, property):
                names.update(_normalised(name, locale) for name in table)
    return sorted(name for name in names if _is_latin_word(name))


def _normalised(name: str, locale: str) -> str:
    if locale in _DOTTED_LOCALES:
        name = name.translate(_DOTTED)
    return unicodedata.normalize("NFC", name.strip().lower())


def _is_latin_word(name: str) -> bool:
    return bool(name) and all(unicodedata.name(c, "").startswith("LATIN SMALL LETTER") for c in name)
