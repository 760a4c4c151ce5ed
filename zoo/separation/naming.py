"""Names of folders and files for stems: safe on every system, and never outside their folder."""

import re
import string
import unicodedata

from blocks.registry import UnknownNameError

__all__ = ["SONG_TEMPLATE", "STEM_TEMPLATE", "check_template", "file_name", "fold", "safe_name"]

STEM_TEMPLATE = "{stem}"
SONG_TEMPLATE = "{song}"
FIELDS = ("song", "stem", "model")
# What Windows refuses in names; a slash separates folders everywhere.
UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
MAX_BYTES = 200  # of a name; most systems allow 255, and extensions and partial names add some


def safe_name(name: str) -> str:
    """Return a name that is one plain folder or file on every system.

    Characters that Windows refuses become ``_``, trailing dots and spaces go, reserved device names
    get a ``_``, and too long a name is cut. A safe name stays as it is.

    >>> safe_name("Song: part 1?"), safe_name("..."), safe_name("con"), safe_name("A song. ")
    ('Song_ part 1_', '_', 'con_', 'A song')
    """
    plain = UNSAFE.sub("_", name).strip(" ").rstrip(". ")
    while len(plain.encode("utf-8", "surrogateescape")) > MAX_BYTES:
        plain = plain[:-1].rstrip(". ")
    if not plain.strip("."):
        return "_"
    reserved = RESERVED.fullmatch(plain)
    return plain if reserved is None else f"{reserved[1]}_{reserved[2] or ''}"


def fold(name: str) -> str:
    """Return what two names share that are one file on a system that ignores case.

    >>> fold("Stra\u00dfe") == fold("STRASSE")
    True
    """
    return unicodedata.normalize("NFC", name).casefold()


def check_template(template: str, *, needs_stem: bool = True) -> str:
    """Return a template of file names if it is one.

    Args:
        template: Text with the fields ``{song}``, ``{stem}`` and ``{model}``.
        needs_stem: Whether ``{stem}`` must occur, because each stem is a file of its own.

    Raises:
        ValueError: An unknown field, a field with a format, a folder, or no ``{stem}``.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the name {template!r} is no template: {error}") from None
    fields = [field for _, field, _, _ in parts if field is not None]
    for _, field, layout, conversion in parts:
        if field is not None and field not in FIELDS:
            raise ValueError(f"name: {UnknownNameError('field', field, list(FIELDS))}")
        if layout or conversion:
            raise ValueError(f"name: {{{field}}} takes no format, got {template!r}")
    if any(UNSAFE.search(text) for text, _, _, _ in parts):
        raise ValueError(f"name: expected a plain file name, got {template!r}")
    if needs_stem and "stem" not in fields:
        raise ValueError(f"name: {template!r} lacks {{stem}}, so all stems would be one file")
    return template


def file_name(template: str, *, song: str, stem: str, model: str) -> str:
    """Return the name of a stem's file, without extension.

    >>> file_name("{song} - {stem}", song="A/B", stem="vocals", model="net")
    'A_B - vocals'
    """
    # The stem comes last in most templates; a song's long name must not push it out.
    room = MAX_BYTES - len(template.format(song="", stem=stem, model=model).encode())
    while song and len(song.encode("utf-8", "surrogateescape")) > max(room, 1):
        song = song[:-1]
    return safe_name(template.format(song=safe_name(song), stem=stem, model=model))
