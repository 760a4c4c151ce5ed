"""What people read, in their language: a file per language, for Python and for scripts of the page.

``languages/en.yaml`` is the original; the other files translate it, and what they lack is read
there. Both sides look a text up by its key (``mixer.play``) and put values in by the same rules:
numbers get the language's decimal mark; a ``source`` is named as a title; a list holds messages, or
sources, which are named as within a sentence.
"""

import functools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from zoo.records.yaml_text import read_yaml

__all__ = ["ENGLISH", "load_texts", "preferred_language", "source_title", "texts_script", "wording"]

ENGLISH = "en"
FOLDER = Path(__file__).with_name("languages")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
DIGITS = 3  # after the decimal mark, at most


@functools.cache
def load_texts() -> Mapping[str, Mapping[str, str]]:
    """Read all languages, English first: by language, the texts by key; each has every key."""
    languages: dict[str, Mapping[str, str]] = {}
    for path in sorted(FOLDER.glob("*.yaml"), key=lambda path: (path.stem != ENGLISH, path.stem)):
        own = {
            f"{group}.{name}": text
            for group, texts in read_yaml(path).items()
            for name, text in texts.items()
        }
        languages[path.stem] = MappingProxyType({**languages.get(ENGLISH, {}), **own})
    return MappingProxyType(languages)


def wording(key: str, language: str = ENGLISH, /, **values: Any) -> str:
    """Return a text with its values.

    Args:
        key: Of the text.
        language: One of those that :func:`load_texts` reads.
        **values: By the names in the text.

    Raises:
        KeyError: There is no such text, or a value is missing.
    """
    text = load_texts()[language][key]
    return PLACEHOLDER.sub(lambda match: _shown(match[1], values[match[1]], language), text)


def source_title(source: str, language: str = ENGLISH) -> str:
    """Return what a musician reads for a source's name."""
    return _named(source, "source", language) or source.replace("_", " ").capitalize()


def preferred_language(accepted: str) -> str:
    """Return the language of an Accept-Language header's first entry, English where it is not ours.

    gradio's own texts follow the first entry too.
    """
    language = re.split("[-,;]", accepted, maxsplit=1)[0].strip().lower()
    return language if language in load_texts() else ENGLISH


def texts_script(groups: Iterable[str]) -> str:
    """Return JavaScript that defines ``TEXTS``: by language, the texts by key.

    Args:
        groups: Those of the files that are wanted.
    """
    wanted = set(groups)
    chosen = {
        language: {key: text for key, text in texts.items() if key.partition(".")[0] in wanted}
        for language, texts in load_texts().items()
    }
    return f"const TEXTS = {json.dumps(chosen, ensure_ascii=False)};\n"


def _shown(name: str, value: Any, language: str) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_listed(item, language) for item in value)
    if isinstance(value, (int, float)):
        digits = f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
        mark = load_texts()[language]["number.decimal"]
        return digits.replace("-", "\u2212").replace(".", mark)
    return source_title(value, language) if name == "source" else str(value)


def _listed(item: Any, language: str) -> str:
    if isinstance(item, str):
        return _named(item, "source_inline", language) or item.replace("_", " ")
    return item.in_language(language)


def _named(source: str, group: str, language: str) -> str | None:
    return load_texts()[language].get(f"{group}.{source}")
