"""The five languages of the pages: which one a visitor gets, their texts, how each writes a date. Loaded once, by the wiring.

Texts are TOML files beside this module, all with the same keys. A text may name values in braces; values are escaped when they are
filled in, the texts themselves are ours.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

TEXTS = Path(__file__).parent / "texts"
TAGS = ("en", "fr", "it", "zh-Hans", "zh-Hant")
DEFAULT = "en"
LONGEST_HEADER = 500  # characters of Accept-Language that are looked at
TRADITIONAL_REGIONS = frozenset({"tw", "hk", "mo"})
# day of the month as it is written on the first
FIRST_OF_MONTH = {"fr": "1er", "it": "1º"}


@dataclass(frozen=True, slots=True)
class Language:
    """One language: what to say, and how."""

    tag: str
    texts: Mapping[str, str]
    months: Sequence[str]
    countries: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.texts["language.name"]

    def say(self, key: str, **values: object) -> Markup:
        """The text under this key with the values filled in, safe to put in a page."""
        text = Markup(self.texts[key])  # our own text
        return text.format(**values) if values else text

    def plain(self, text: str) -> Markup:
        """Somebody else's words, made safe."""
        return Markup.escape(text)

    def knows(self, key: str) -> bool:
        return key in self.texts

    def date(self, moment: datetime) -> str:
        first = FIRST_OF_MONTH.get(self.tag) if moment.day == 1 else None
        return self.texts["language.date"].format(
            day=first or moment.day, month=self.months[moment.month - 1], number=moment.month, year=moment.year
        )

    def time(self, moment: datetime) -> Markup:
        """The date for people with the instant for machines."""
        instant = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Markup('<time datetime="{}">{}</time>').format(instant, self.date(moment))

    def country(self, code: str) -> str:
        """Its name; a code that names no country is shown as it came."""
        return self.countries.get(code.upper(), code)


def load_languages(folder: Path = TEXTS) -> dict[str, Language]:
    countries = json.loads((folder / "countries.json").read_text(encoding="utf-8"))
    languages = {}
    for tag in TAGS:
        texts: dict[str, str] = {}
        for path in (folder / f"{tag}.toml", *sorted(folder.glob(f"*.{tag}.toml"))):  # the desk's parts have files of their own
            sections = tomllib.loads(path.read_text(encoding="utf-8"))
            texts |= {f"{section}.{key}": text for section, entries in sections.items() for key, text in entries.items()}
        languages[tag] = Language(tag, texts, texts["language.months"].split("|"), countries[tag])
    return languages


def choose_language(accept: str | None, override: str | None = None) -> str:
    """The tag to answer in: an override that we have, else the best of `Accept-Language` (RFC 9110 §12.5.4), else English."""
    if override is not None and (chosen := _ours(override)) is not None:
        return chosen
    for wanted in _by_preference(accept or ""):
        if (chosen := _ours(wanted)) is not None:
            return chosen
    return DEFAULT


def override_of(asked: str | None) -> str | None:
    """The tag that `?lang=` means, to be kept in links; None when it means nothing."""
    return None if asked is None else _ours(asked)


def _by_preference(accept: str) -> list[str]:
    weighed = []
    for part in accept[:LONGEST_HEADER].split(","):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.lower().startswith("q=")), "1")
        try:
            quality = float(weight)
        except ValueError:
            continue
        if tag and quality > 0:
            weighed.append((quality, tag))
    return [tag for _quality, tag in sorted(weighed, key=lambda pair: -pair[0])]


def _ours(tag: str) -> str | None:
    """`fr-CA` is French; Chinese goes by script where one is named (`zh-Hant-TW`), else by region, else Simplified."""
    parts = tag.lower().replace("_", "-").split("-")
    match parts[0]:
        case "*":
            return DEFAULT
        case "en" | "fr" | "it":
            return parts[0]
        case "zh" | "cmn":
            if "hant" in parts or (parts[0] == "zh" and "hans" not in parts and TRADITIONAL_REGIONS & set(parts)):
                return "zh-Hant"
            return "zh-Hans"
        case "yue":
            return "zh-Hans" if "hans" in parts or "cn" in parts else "zh-Hant"
        case _:
            return None
