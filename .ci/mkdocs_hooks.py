"""What MkDocs does to our pages: docstrings name other objects by Sphinx's roles."""

import re
from typing import Any

ROLE = re.compile(r":(?:class|func|data|meth|mod|attr|exc):(?=<code>)")


def on_page_content(html: str, **_: Any) -> str:
    """Take the roles away and leave the names, as code."""
    return ROLE.sub("", html)
