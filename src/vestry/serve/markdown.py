"""Markdown that people write (playbook pages, descriptions) as safe HTML in the GOV.UK style."""

from __future__ import annotations

from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_CLASSES = {
    "p": "govuk-body",
    "a": "govuk-link",
    "ul": "govuk-list govuk-list--bullet",
    "ol": "govuk-list govuk-list--number",
    "table": "govuk-table",
    "thead": "govuk-table__head",
    "tbody": "govuk-table__body",
    "tr": "govuk-table__row",
    "th": "govuk-table__header",
    "td": "govuk-table__cell",
    "hr": "govuk-section-break govuk-section-break--l govuk-section-break--visible",
    "blockquote": "govuk-inset-text",
}
_HEADINGS = {"h2": "govuk-heading-l", "h3": "govuk-heading-m", "h4": "govuk-heading-s"}
# HTML in the text is shown as text, and a link is only http, https, mailto or a path: both are the library's own
# rules, and so what it renders is safe.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def html_of(text: str | None, below: int = 1) -> Markup:
    """The text as HTML; its headings stand below one of that level. Images are named, not shown: they lie anywhere."""
    tokens = _MARKDOWN.parse(text or "")
    for token in tokens:
        _styled(token, below)
        for child in token.children or ():
            _styled(child, below)
            if child.type == "image":
                child.type, child.content = "text", child.content or "image"
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704


def _styled(token: Token, below: int) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + below)}"
    if token.nesting < 0:
        return
    name: Any = _HEADINGS.get(token.tag, "govuk-heading-s") if token.type == "heading_open" else _CLASSES.get(token.tag)
    if token.type == "paragraph_open" and token.hidden:
        return
    if token.tag == "th":
        token.attrSet("scope", "col")
    if token.type in ("fence", "code_block"):
        token.attrSet("class", "app-code")
    elif name:
        token.attrSet("class", name)
        if "style" in token.attrs:  # alignment: a strict policy allows no inline style
            del token.attrs["style"]
