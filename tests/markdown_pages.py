"""Reading the repository's pages: their links, anchors, code and commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")]
)
FENCE = re.compile(r"^( *)(```+)([^\n]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
RUNNABLE = "<!-- runnable -->\n"
# What a shell does with the rest of a line is not the program's business.
ENDS = {"|", ">", "&&", ";", "&"}


def without_code(text: str) -> str:
    """Return a page without its code, in which nothing is a link or a heading."""
    return re.sub(r"`[^`\n]+`", "", FENCE.sub("", text))


def links(text: str) -> list[str]:
    """Return where the links and pictures of a page point to."""
    return LINK.findall(without_code(text))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs make them.

    >>> sorted(anchors("# One: two\\n## `a` and b"))
    ['a-and-b', 'one-two']
    """
    found = set()
    for line in FENCE.sub("", text).splitlines():
        if heading := re.fullmatch(r"#+ +(.+)", line):
            plain = LINK.sub("", heading[1]).lower()
            found.add(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-"))
    return found


def broken_links(page: Path, text: str) -> list[str]:
    """List the links of a page that lead nowhere in the repository."""
    broken = []
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        known = (
            anchors(text if target == page else target.read_text("utf-8"))
            if (anchor and target.suffix == ".md" and target.is_file())
            else {anchor}
        )
        if not target.exists() or anchor not in known:
            broken.append(link)
    return broken


def runnable_blocks(text: str, *, marked: bool = True) -> list[str]:
    """Return the Python blocks that say they can be run, or all of them."""
    return [
        match[4]
        for match in FENCE.finditer(text)
        if match[3].strip() == "python" and (not marked or text[: match.start()].endswith(RUNNABLE))
    ]


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of every ``python -m ...`` and ``accelerate launch`` on a page."""
    shell = "".join(f"{m[4]}\n" for m in FENCE.finditer(text) if m[3].strip() in ("sh", "bash", ""))
    spans = re.findall(r"`([^`]+)`", FENCE.sub("", text))
    lines = [*shell.replace("\\\n", " ").splitlines(), *(" ".join(s.split()) for s in spans)]
    for line in lines:
        start = re.search(r"\bpython -m (?=zoo |benchmarks\.)|\blaunch .*-m (?=zoo )", line)
        if start:
            words = shlex.split(line[start.end() :], comments=True)
            ends = [place for place, word in enumerate(words) if word in ENDS]
            yield words[: ends[0]] if ends else words
