"""The texts that people see: every language has every one, and each is used."""

import re
from pathlib import Path

import pytest

import zoo.ui
from zoo.records.yaml_text import read_yaml
from zoo.ui import texts
from zoo.ui.mixer_state import message
from zoo.ui.texts import load_texts, preferred_language, source_title, wording

ROOT = Path(zoo.ui.__file__).parents[2]
FOLDER = ROOT / "zoo" / "ui" / "languages"
LANGUAGES = ("en", "de", "es", "ja", "ko")
# Keys whose last part comes from data: names of sources, kinds of lanes, scales, examples.
FAMILIES = ("source.", "source_inline.", "preset.", "lane.", "page.scale_", "mixer.blend_")
QUOTED = re.compile(r"""["'= ]([a-z_]+\.[a-z_]+)(?=["' ])""")
LOOKED_UP = re.compile(r"""(?:(?:wording|message)\(\s*|data-text=)"([a-z_]+\.[a-z_]+)"(?! \+)""")
ATTRIBUTES = re.compile(r'data-texts="([^"]+)"')


def own_texts(language):
    return {
        f"{group}.{name}": text
        for group, named in read_yaml(FOLDER / f"{language}.yaml").items()
        for name, text in named.items()
    }


def source_code():
    """Python, scripts and markup that may look texts up."""
    files = [ROOT / "app.py"]
    for folder in ("zoo/ui", "zoo/browser"):
        for suffix in ("py", "js", "html"):
            files += (ROOT / folder).rglob(f"*.{suffix}")
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def page_keys():
    return {f"page.{name}" for name in re.findall(r'page_text\("(\w+)"\)', source_code())}


def placeholders(text):
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_english_is_first_and_the_languages_are_those_that_the_docs_name():
    assert tuple(load_texts()) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_language_has_every_text_with_the_same_values(language):
    english, translated = own_texts("en"), own_texts(language)
    assert list(translated) == list(english)
    differing = [
        key for key in english if placeholders(english[key]) != placeholders(translated[key])
    ]
    assert differing == []
    assert [key for key, text in translated.items() if not isinstance(text, str) or not text] == []


def test_every_text_is_used():
    quoted = {*QUOTED.findall(source_code()), *page_keys()}
    keys = {key for key in own_texts("en") if not key.startswith(FAMILIES)}
    assert keys - quoted == set()


def test_every_text_that_is_looked_up_is_there():
    code = source_code()
    pairs = [pair for found in ATTRIBUTES.findall(code) for pair in found.split()]
    found = {*LOOKED_UP.findall(code), *(pair.partition("=")[2] for pair in pairs)}
    assert len(found) > 100
    assert {*found, *page_keys()} - set(own_texts("en")) == set()


def test_what_a_language_lacks_is_read_in_english(tmp_path, monkeypatch):
    (tmp_path / "en.yaml").write_text("mixer: {play: Play, pause: Pause}")
    (tmp_path / "de.yaml").write_text("mixer: {play: Abspielen}")
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    load_texts.cache_clear()
    try:
        assert wording("mixer.play", "de") == "Abspielen"
        assert wording("mixer.pause", "de") == "Pause"
    finally:
        load_texts.cache_clear()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("ja", "ja"),
        ("KO;q=1", "ko"),
        ("fr-FR,de;q=0.5", "en"),
        ("*", "en"),
        ("", "en"),
        ("../../etc/passwd", "en"),
    ],
)
def test_the_first_language_of_the_browser_decides(accepted, language):
    assert preferred_language(accepted) == language


def test_values_are_put_in_by_the_rules_of_the_language():
    assert wording("note.score", "de", source="vocals", decibels=-6.25) == "Gesang \u22126,25"
    assert wording("note.score", source="lead_guitar", decibels=7.0) == "Lead guitar 7"
    assert wording("lane.rest", sources=["vocals", "lead_guitar"]) == "Without vocals, lead guitar"
    scores = message("note.scores", scores=[message("note.score", source="bass", decibels=5.4)])
    assert "Bass 5.4 dB" in scores.in_language("en")
    assert source_title("drums", "es") == "Batería"


def test_a_value_cannot_bring_further_values_in():
    assert wording("browser.empty", name="{name}{reason}.wav") == "{name}{reason}.wav is empty."
