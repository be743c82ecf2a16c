"""Structured reports as plain text, indented, and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from isocenter.compose.reports.content import (
    ByReference,
    Container,
    ContentItem,
    Relationship,
)
from isocenter.compose.reports.document import Report
from isocenter.compose.reports.references import Composite
from isocenter.compose.reports.shown_values import (
    Link,
    by_uid,
    code_words,
    heading_rows,
    reference_words,
    value_words,
)

__all__ = ["report_markdown", "report_text"]

_MARKED = re.compile(r"([\\`*_\[\]<>#|~&])")
_STEP = "  "


def report_text(report: Report) -> str:
    """Return a report as plain text: a line an item, what hangs on it indented below.

    Parameters
    ----------
    report
        The report, as it was read or made.

    Returns
    -------
    str
        It ends with a line feed.
    """
    title = code_words(report.content.name) or "Report"
    lines = [title, "=" * len(title)]
    lines += [f"{label}: {value}" for label, value in heading_rows(report)]
    lines.append("")
    for child in report.content.children:
        lines += _text_lines(child, 0)
    return "\n".join(lines) + "\n"


def _text_lines(item: ContentItem, depth: int) -> Iterator[str]:
    indent = _STEP * depth
    relation = _relation(item)
    name = code_words(item.concept)
    if item.label:
        relation = f"[{item.label}] {relation}"
    if isinstance(item, Container):
        yield f"{indent}{relation}{name or '-'}"
    else:
        first, *rest = _lines_of(value_words(item))
        yield f"{indent}{relation}{name}{': ' if name else ''}{first}"
        yield from (f"{indent}{_STEP}{line}" for line in rest)
    for child in item.children:
        yield from _text_lines(child, depth + 1)


def report_markdown(report: Report, *, link: Link = by_uid) -> str:
    """Return a report as Markdown: headings, and a list of what they hold.

    Parameters
    ----------
    report
        The report, as it was read or made.
    link
        Makes the addresses of what the report refers to; by default `urn:oid:` and the UID.

    Returns
    -------
    str
        It ends with a line feed.
    """
    lines = [f"# {_plain(code_words(report.content.name) or 'Report')}", ""]
    lines += [f"- **{label}:** {_plain(value)}" for label, value in heading_rows(report)]
    for child in report.content.children:
        lines += _markdown_lines(child, 2, None, link)
    return "\n".join(lines) + "\n"


def _markdown_lines(item: ContentItem, level: int, depth: int | None, link: Link) -> Iterator[str]:
    """Yield the lines of an item; below a heading, or at a depth of the list that it is in."""
    name = _plain(code_words(item.concept))
    if isinstance(item, Container) and depth is None and name:
        yield from ("", f"{'#' * min(level, 6)} {name}", "")
        for child in item.children:
            yield from _markdown_lines(child, level + 1, None, link)
        return
    indent = _STEP * (depth or 0)
    label = f"**{name}:** " if name else ""
    first, *rest = _lines_of(_markdown_value(item, link))
    mark = _plain(f"[{item.label}] ") if item.label else ""
    yield f"{indent}- {mark}{_relation(item)}{label}{first}".rstrip()
    yield from (f"{indent}{_STEP}{line}" for line in rest)
    for child in item.children:
        yield from _markdown_lines(child, level, (depth or 0) + 1, link)


def _markdown_value(item: ContentItem, link: Link) -> str:
    if isinstance(item, Composite):
        many = (f"[{_plain(reference_words(one))}]({link(one)})" for one in item.referenced())
        return ", ".join(many)
    return "\\\n".join(_plain(line) for line in _lines_of(value_words(item)))


def _plain(text: str) -> str:
    """Return words so that Markdown shows them as they are."""
    return _MARKED.sub(r"\\\1", text)


def _lines_of(text: str) -> list[str]:
    """Return the lines of text; stray returns of other writers are line ends as well."""
    return re.split(r"\r\n|\n\r|\n|\r", text) or [""]


def _relation(item: ContentItem) -> str:
    if item.relationship is Relationship.CONTAINS and not isinstance(item, ByReference):
        return ""
    return f"{item.relationship.value.lower()} "
