"""The texts a model can be trained on: `CORPORA` lists them, `load_corpus` reads one.

Three are shipped with this repository, one is made of the Faker package's tables, and four well-known
ones are downloaded on request, checked by SHA-256 and kept in the user's cache. Where the folder named
by the environment variable `EXPLORER_DATA` holds a downloadable one, it is used from there.

    >>> from explorer.text.corpora import CORPORA, load_corpus
    >>> load_corpus("tale").text.splitlines()[0]
    'Chapter One. The Runaway Tide'
    >>> [name for name, entry in CORPORA.items() if entry.kind == "items"]
    ['given-names', 'names']
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from explorer.text.sources import (
    CorpusError,
    Download,
    GivenNames,
    Shipped,
    SonnetArchive,
    Source,
)

__all__ = ["CORPORA", "Corpus", "CorpusEntry", "CorpusError", "Kind", "is_local", "load_corpus"]

Kind = Literal["text", "items"]


@dataclass(frozen=True)
class CorpusEntry:
    """What the registry knows of a corpus before it is read.

    `kind` is "text" for running text and "items" for a list with one item a line; `description` is one
    line; `source` says where the bytes come from.
    """

    title: str
    description: str
    language: str
    kind: Kind
    licence: str
    source: Source


@dataclass(frozen=True)
class Corpus:
    """A corpus in memory.

    `text` is what a model reads: without a byte order mark, lines ended by "\\n". `sha256` is the hash of
    the source's bytes before that clean-up, so that for a downloaded corpus it is the published number.
    """

    name: str
    text: str
    kind: Kind
    sha256: str

    @property
    def items(self) -> list[str]:
        """The lines that are not empty: for the kind "items", the items."""
        return [line for line in self.text.split("\n") if line]


# One locale a language, so that no language counts twice; three more of English for the names of India,
# Kenya and Pakistan. Vietnamese is left out: 44 names would add fifteen letters seen once or twice.
GIVEN_NAME_LOCALES = (
    *("az_AZ", "cs_CZ", "da_DK", "de_DE", "en_IN", "en_KE", "en_PK", "en_US", "es_ES", "et_EE", "fi_FI"),
    *("fr_FR", "ga_IE", "ha_NG", "hr_HR", "hu_HU", "id_ID", "ig_NG", "is_IS", "it_IT", "lt_LT", "lv_LV"),
    *("nl_NL", "no_NO", "pl_PL", "pt_PT", "ro_RO", "sk_SK", "sl_SI", "sv_SE", "sw", "tr_TR", "tw_GH"),
    *("uz_UZ", "yo_NG", "zu_ZA"),
)

_CC0 = "CC0 1.0"
_RAW = "https://raw.githubusercontent.com"

CORPORA: dict[str, CorpusEntry] = {
    "drama": CorpusEntry(
        title="Verse drama",
        description="Four verse plays in early-modern English, laid out as Tiny Shakespeare is.",
        language="English",
        kind="text",
        licence=f"{_CC0}, written for this project",
        source=Shipped(("drama_a.txt", "drama_b.txt")),
    ),
    "tale": CorpusEntry(
        title="A tale",
        description="A children's novel in 25 chapters, in plain modern English.",
        language="English",
        kind="text",
        licence=f"{_CC0}, written for this project",
        source=Shipped(("tale.txt",)),
    ),
    "poemas": CorpusEntry(
        title="Poemas",
        description="135 Spanish poems, their titles in capitals.",
        language="Spanish",
        kind="text",
        licence=f"{_CC0}, written for this project",
        source=Shipped(("poemas.txt",)),
    ),
    "given-names": CorpusEntry(
        title="Given names of 33 languages",
        description="14,691 names in their own letters (þ, ş, ő): 36 Faker locales, Azerbaijani to Zulu.",
        language="many",
        kind="items",
        licence="MIT (the tables of the Faker package)",
        source=GivenNames(GIVEN_NAME_LOCALES),
    ),
    "names": CorpusEntry(
        title="makemore names",
        description="32,033 first names as given in the United States, a to z only: the list of makemore.",
        language="English",
        kind="items",
        licence="MIT (karpathy/makemore; data of the U.S. Social Security Administration)",
        source=Download(
            "names.txt",
            f"{_RAW}/karpathy/makemore/988aa59e4d8fefa526d06f3b453ad116258398d4/names.txt",
            "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
        ),
    ),
    "shakespeare": CorpusEntry(
        title="Tiny Shakespeare",
        description="1.1 million characters of Shakespeare's plays, the small classic of character models.",
        language="English",
        kind="text",
        licence="public domain (collected by karpathy/char-rnn)",
        source=Download(
            "tinyshakespeare.txt",
            f"{_RAW}/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
    ),
    "oz": CorpusEntry(
        title="Dorothy and the Wizard in Oz",
        description="L. Frank Baum's novel of 1908, a quarter of a million characters of story and dialogue.",
        language="English",
        kind="text",
        licence="public domain",
        source=Download(
            "wizard_of_oz.txt",
            f"{_RAW}/Infatoshi/fcc-intro-to-llms/62fea5d2891799dc0d8bf781b9bdc493ecdeab6d/wizard_of_oz.txt",
            "563fc0f0faf22236b612e61ad5c49e09e15484cbaa4271625485c6bfd9991741",
        ),
    ),
    "sonetos": CorpusEntry(
        title="Sonetos del Siglo de Oro",
        description="5,078 Spanish sonnets of the 16th and 17th centuries, words only.",
        language="Spanish",
        kind="text",
        licence="texts in the public domain (edited by bncolorado/CorpusSonetosSigloDeOro)",
        source=SonnetArchive(
            "sonetos.txt",
            "https://github.com/bncolorado/CorpusSonetosSigloDeOro/archive/152d82395350b9eea02f5c08ccccefcb2f269167.zip",
            "d1652ad628eedf3ad44731bfdb8e4f9b7e1a9a41be2ead557fe4b6fd8481feb3",
        ),
    ),
}


def load_corpus(name: str) -> Corpus:
    """Read the corpus `name`, downloading it only if it is neither shipped nor already on this machine.

    Raises `CorpusError` for an unknown name, without a network where one is needed, and for a file whose
    SHA-256 is not the one in the registry.

    >>> drama = load_corpus("drama")
    >>> len(drama.text), drama.kind
    (262148, 'text')
    """
    entry = _entry(name)
    raw = entry.source.read()
    text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    return Corpus(name=name, text=text, kind=entry.kind, sha256=hashlib.sha256(raw).hexdigest())


def is_local(name: str) -> bool:
    """Whether `load_corpus(name)` needs no network. Raises `CorpusError` for an unknown name."""
    return _entry(name).source.is_local()


def _entry(name: str) -> CorpusEntry:
    if name not in CORPORA:
        known = ", ".join(CORPORA)
        raise CorpusError(f"There is no corpus {name!r}; choose one of: {known}.")
    return CORPORA[name]
