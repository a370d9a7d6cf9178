"""MkDocs hook: turns the formulas that arithmatex marks into MathML.

`$x$` and `$$x$$` in a page become `<math>` elements, which browsers draw by themselves: the site
needs no script, no font and no other host. A formula that cannot be converted stops the build.
"""

import html
import re
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\s*'
    r"(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<block>.*?)\\\])"
    r"\s*</(?P=tag)>",
    re.DOTALL,
)


def to_mathml(match: re.Match[str]) -> str:
    """The MathML of one marked formula, inside the element that marked it."""
    block = match["block"] is not None
    formula = html.unescape(match["block"] if block else match["inline"]).strip()
    mathml = convert(formula, display="block" if block else "inline")
    return f'<{match["tag"]} class="arithmatex">{mathml}</{match["tag"]}>'


def on_page_content(content: str, **_: Any) -> str:
    """Called by MkDocs with the HTML of each page's text."""
    return FORMULA.sub(to_mathml, content)
