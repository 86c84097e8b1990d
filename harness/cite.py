"""BibTeX of publications: escaped, each once, with keys that do not depend on what else is cited.

A key is the first author's name, the year and the first two words of the title; only where two
publications would share one does each of them get four digits of its own.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.identity import versions
from harness.schema import Source

ASSAY_KEY: Final = "assay"

_ACCENTS: Final[Mapping[str, str]] = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
    "\u0328": "k",
}
"""Combining marks and the LaTeX commands that set them."""

# Braces have to balance even where they are escaped: hence commands in place of \{ and \}.
_COMMANDS: Final[Mapping[str, str]] = {
    **{letter: f"\\{letter}" for letter in "&%$#_"},
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "ß": r"{\ss}",
    "æ": r"{\ae}",
    "Æ": r"{\AE}",
    "œ": r"{\oe}",
    "Œ": r"{\OE}",
    "ø": r"{\o}",
    "Ø": r"{\O}",
    "ł": r"{\l}",
    "Ł": r"{\L}",
    "đ": r"{\dj}",
    "ı": r"{\i}",
    "–": "--",
    "—": "---",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "\u00a0": "~",
}
_PLAIN: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}
)
_SMALL_WORDS: Final = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "by", "do", "for", "from", "how", "in", "into"),
        *("is", "it", "its", "of", "on", "or", "the", "to", "via", "what", "when", "which", "why"),
        "with",
    )
)
_TITLE_WORDS: Final = 2
_INITIALS: Final = re.compile(r"(?:\w\.[ -]?)+")
_VERSION: Final = re.compile(r"v\d+$")


@dataclass(frozen=True)
class Citation:
    """A publication with its key and every place in it that was named."""

    key: str
    source: Source
    places: tuple[str, ...]

    @property
    def bibtex(self) -> str:
        """The entry, without a line break at its end."""
        fields = {name: value for name, value in self._fields() if value}
        width = max(map(len, fields))
        lines = [f"  {name:<{width}} = {{{value}}}," for name, value in fields.items()]
        return "\n".join([f"@misc{{{self.key},", *lines, "}"])

    def _fields(self) -> Iterator[tuple[str, str | None]]:
        source = self.source
        yield "author", _authors(source.authors)
        yield "title", _title(source.title)
        yield "year", str(source.year)
        if source.arxiv:
            yield "eprint", source.arxiv
            yield "archivePrefix", "arXiv"
            yield "primaryClass", source.arxiv.rpartition("/")[0]
        yield "doi", _verbatim(source.doi)
        yield "url", _verbatim(source.url)
        yield "note", "; ".join(map(escaped, self.places))


def bibtex_of(sources: Sequence[Source]) -> str:
    """Return the BibTeX of publications, each once, in the order in which they are named."""
    return "".join(f"{citation.bibtex}\n\n" for citation in citations(sources))[:-1]


def citations(sources: Iterable[Source]) -> tuple[Citation, ...]:
    """Return publications, each once, in the order in which they are named.

    Sources with the same arXiv number, DOI, or title and year are one publication; it has the
    longest list of authors, the first identifiers and all places.
    """
    groups: list[list[Source]] = []
    for source in sources:
        same = [group for group in groups if _are_one(group, source)]
        for group in same[1:]:
            same[0].extend(group)
            groups.remove(group)
        if same:
            same[0].append(source)
        else:
            groups.append([source])
    merged = [_merged(group) for group in groups]
    keys = [_key(source) for source, _ in merged]
    return tuple(
        Citation(key if keys.count(key) == 1 else f"{key}-{_digits(source)}", source, places)
        for key, (source, places) in zip(keys, merged, strict=True)
    )


def citation_of_assay() -> Citation:
    """Return the entry for Assay itself."""
    source = Source(
        title="Assay: falsifiable predictions for the theory of deep learning, put on trial",
        authors="Assay contributors",
        year=2026,
    )
    return Citation(ASSAY_KEY, source, (f"version {versions()['assay-bench']}",))


def escaped(text: str) -> str:
    """Return text that LaTeX sets as it is written, with balanced braces."""
    return "".join(map(_letter, unicodedata.normalize("NFC", text)))


def _letter(letter: str) -> str:
    if letter in _COMMANDS:
        return _COMMANDS[letter]
    parts = unicodedata.normalize("NFD", letter)
    if len(parts) == 2 and parts[1] in _ACCENTS:
        return f"{{\\{_ACCENTS[parts[1]]}{{{parts[0]}}}}}"
    return letter


def _verbatim(address: str | None) -> str | None:
    """Return an address as it is, less what would end the field."""
    if address is None:
        return None
    return "".join(f"%{ord(sign):02X}" if sign in "{}\\ " else sign for sign in address)


def _title(title: str) -> str:
    """Return a title whose capitals survive a style that lowers them."""
    first, *words = title.split()
    lead = _kept(first) if _has_capital(first[1:]) else escaped(first)
    return " ".join(
        [lead, *(_kept(word) if _has_capital(word) else escaped(word) for word in words)]
    )


def _kept(word: str) -> str:
    return f"{{{escaped(word)}}}"


def _has_capital(text: str) -> bool:
    return any(letter.isupper() for letter in text)


def _authors(text: str) -> str:
    """Return authors as BibTeX parts them.

    `Yang, Hu et al.`, `Boyd and Vandenberghe`, `Yang, G., Hu, E.` and `Yang, Greg; Hu, Edward`
    are understood; a name of several words is kept together as it is written.
    """
    names = [_author(name) for name in _names(text)]
    return " and ".join([*names, "others"] if _has_others(text) else names)


def _author(name: str) -> str:
    last, comma, rest = (part.strip() for part in name.partition(","))
    return f"{_together(last)}, {escaped(rest)}" if comma else _together(last)


def _together(name: str) -> str:
    return _kept(name) if " " in name else escaped(name)


def _has_others(text: str) -> bool:
    return bool(re.search(r"\bet al\b|\band others\b", text))


def _names(text: str) -> list[str]:
    """Return the authors one by one, `Last` or `Last, Initials`."""
    listed = re.sub(r",?\s*\b(?:et al\b\.?|and others\b)", "", text)
    if ";" in listed:
        return [name.strip() for name in listed.split(";") if name.strip()]
    names: list[str] = []
    for part in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*", listed.strip()):
        if names and _INITIALS.fullmatch(part):
            names[-1] += f", {part}"
        elif part:
            names.append(part)
    return names or [text]


def _key(source: Source) -> str:
    name = _names(source.authors)[0].partition(",")[0]
    words = [word for word in _words(source.title) if word not in _SMALL_WORDS]
    title = "-".join((words or _words(source.title))[:_TITLE_WORDS])
    return f"{''.join(_words(name)) or 'anonymous'}{source.year}{title}"


def _words(text: str) -> list[str]:
    """Return the words of a text in plain small letters, hyphenated ones as one."""
    bare = unicodedata.normalize("NFD", text.lower().translate(_PLAIN))
    letters = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return re.findall(r"[a-z0-9]+", letters.replace("-", ""))


def _are_one(group: Iterable[Source], source: Source) -> bool:
    names = set(_identities(source))
    return any(not names.isdisjoint(_identities(other)) for other in group)


def _identities(source: Source) -> list[str]:
    named = [f"{' '.join(_words(source.title))}:{source.year}"]
    if source.arxiv:
        named.append(f"arxiv:{_VERSION.sub('', source.arxiv)}")
    if source.doi:
        named.append(f"doi:{source.doi.lower()}")
    return named


def _digits(source: Source) -> str:
    return hashlib.sha256(_identities(source)[-1].encode()).hexdigest()[:4]


def _merged(group: Sequence[Source]) -> tuple[Source, tuple[str, ...]]:
    """Return what several mentions of one publication say together, and their places."""
    found = {
        name: next((value for source in group if (value := getattr(source, name))), None)
        for name in ("arxiv", "doi", "url")
    }
    places = dict.fromkeys(source.where for source in group if source.where)
    authors = max((source.authors for source in group), key=len)
    return group[0].model_copy(update={**found, "authors": authors, "where": None}), tuple(places)
