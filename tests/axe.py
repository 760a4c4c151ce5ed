"""axe-core in a page: what breaks WCAG 2.1, levels A and AA."""

import functools
from pathlib import Path

from zoo.browser.packages import install_packages

MANIFEST = Path(__file__).parent / "browser" / "npm"
# gradio dims what is being computed, and colours are measured as they are seen.
IS_CALM = """() => ![...document.querySelectorAll(".pending, .generating, .translucent:not(.hide)")]
    .some((element) => element.checkVisibility())"""
# Runs in the page; `known` lists [rule, selector] of what is let pass.
CHECK = """async (known) => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
    const { violations } = await axe.run(document, { runOnly: tags, elementRef: true });
    const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => ({ id, ...node })));
    const isOf = ({ id, element }) => ([rule, where]) => rule === id && element.matches(where);
    const reasons = found.map((node) => known.findIndex(isOf(node)));
    const faults = found.filter((_, index) => reasons[index] < 0);
    return {
        faults: faults.map(({ id, html, failureSummary }) => [id, html, failureSummary]),
        met: reasons.filter((index) => index >= 0),
    };
}"""


@functools.cache
def _script() -> str:
    folder = install_packages(manifest=MANIFEST)
    return (folder / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def check_page(page, known=()):
    """Return what is wrong, (rule, element, what to do), and which of the known faults were met.

    Args:
        page: Of Playwright; where its policy forbids scripts from outside it must be bypassed.
        known: (rule, selector) of faults that are let pass.
    """
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(_script())
    page.wait_for_function(IS_CALM)
    found = page.evaluate(CHECK, [list(pair) for pair in known])
    return found["faults"], set(found["met"])
