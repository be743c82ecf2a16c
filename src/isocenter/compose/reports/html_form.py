"""Structured reports as HTML: one page, no script, everything that was written escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from isocenter.compose.codes import Code
from isocenter.compose.reports.content import ByReference, Container, ContentItem, Relationship
from isocenter.compose.reports.content_values import Coded, Num, Text
from isocenter.compose.reports.document import Report
from isocenter.compose.reports.observation_context import language_of
from isocenter.compose.reports.references import Composite
from isocenter.compose.reports.shown_values import (
    Link,
    by_uid,
    code_words,
    heading_rows,
    measured_parts,
    reference_words,
    value_words,
)
from isocenter.compose.reports.tree import positions

__all__ = ["report_html"]

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h1, h2, h3, h4, h5, h6 { line-height: 1.2; margin: 1.2em 0 .4em }
table { border-collapse: collapse; margin: .5rem 0 }
th, td { border-bottom: 1px solid #bbb; padding: .2rem .8rem .2rem 0; text-align: left;
  vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
p, li { margin: .3rem 0 }
.value { white-space: pre-wrap; overflow-wrap: anywhere }
.relationship { color: #555; font-style: italic }
.group { border-left: 2px solid #ccc; margin: .5rem 0; padding-left: .8rem }
"""


def report_html(report: Report, *, link: Link = by_uid) -> str:
    """Return a report as a page of HTML.

    Parameters
    ----------
    report
        The report, as it was read or made.
    link
        Makes the addresses of what the report refers to; by default `urn:oid:` and the UID.

    Returns
    -------
    str
        A whole page in UTF-8. It has no script, and a content security policy that allows none;
        whatever the report says is text in it. Containers are sections with headings, runs of
        measurements are tables, and the page is in the language that the report says.
    """
    content = report.content
    title = escape(code_words(content.name) or "Report")
    language = escape(language_of(content), quote=True)
    rows = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td dir="auto">{escape(value)}</td></tr>\n'
        for label, value in heading_rows(report)
    )
    places = {label: place.position for label, place in positions(content).items()}
    body = "".join(_Page(link, places).children(content, (1,), 2))
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<article>\n"
        f'<header>\n<h1 id="item-1" dir="auto">{title}</h1>\n'
        f"<table>\n{rows}</table>\n</header>\n{body}</article>\n</body>\n</html>\n"
    )


@dataclass(frozen=True, slots=True)
class _Page:
    """Writes content items as HTML."""

    link: Link
    places: Mapping[str, tuple[int, ...]]

    def children(self, parent: ContentItem, position: tuple[int, ...], level: int) -> Iterator[str]:
        """Yield the children of a container, runs of plain measurements as tables."""
        numbered = [((*position, i), one) for i, one in enumerate(parent.children, 1)]
        for tabular, run in groupby(numbered, lambda one: _is_tabular(one[1])):
            items = list(run)
            if tabular and len(items) > 1:
                yield self._table(items)
                continue
            for place, item in items:
                yield from self._block(item, place, level)

    def _block(self, item: ContentItem, place: tuple[int, ...], level: int) -> Iterator[str]:
        anchor = _anchor(place)
        if not isinstance(item, Container):
            nested = "".join(self._nested(item, place, level))
            yield f'<div id="{anchor}"><p>{self._words(item)}</p>{nested}</div>\n'
            return
        inner = "".join(self.children(item, place, min(level + 1, 6)))
        if item.name is None:
            yield f'<div class="group" id="{anchor}">\n{inner}</div>\n'
            return
        heading = f'<h{level} dir="auto">{_coded(item.name)}</h{level}>'
        yield f'<section id="{anchor}">\n{heading}\n{inner}</section>\n'

    def _nested(self, item: ContentItem, place: tuple[int, ...], level: int) -> Iterator[str]:
        """Yield what hangs on an item that is no container, as a list."""
        if not item.children:
            return
        yield "<ul>\n"
        for number, child in enumerate(item.children, 1):
            inner = (*place, number)
            if isinstance(child, Container):
                block = "".join(self._block(child, inner, level))
                yield f"<li>{_relationship(child)}{block}</li>\n"
                continue
            below = "".join(self._nested(child, inner, level))
            yield f'<li id="{_anchor(inner)}">{self._words(child)}{below}</li>\n'
        yield "</ul>\n"

    def _words(self, item: ContentItem) -> str:
        """Return relationship, name and value of an item."""
        name = f"<strong>{_coded(item.concept)}:</strong> " if item.concept else ""
        return f"{_relationship(item)}{name}{self._value(item)}"

    def _value(self, item: ContentItem) -> str:
        if isinstance(item, ByReference):
            place = self.places.get(item.target)
            number = escape(value_words(item))
            return f'<a href="#{_anchor(place)}">{number}</a>' if place else number
        if isinstance(item, Composite):
            links = (
                f'<a href="{escape(self.link(one), quote=True)}">{escape(reference_words(one))}</a>'
                for one in item.referenced()
            )
            rest = value_words(item)[len(reference_words(item.reference)) :]
            channels = escape(rest) if item.value_type == "WAVEFORM" else ""
            return ", ".join(links) + channels
        if isinstance(item, Coded):
            return f'<span class="value" dir="auto">{_coded(item.value)}</span>'
        words = value_words(item)
        if isinstance(item, Text):  # stray returns of other writers are line ends as well
            words = words.replace("\n\r", "\n").replace("\r", "\n")
        return f'<span class="value" dir="auto">{escape(words)}</span>'

    def _table(self, items: Sequence[tuple[tuple[int, ...], ContentItem]]) -> str:
        rows = [
            f'<tr id="{_anchor(place)}"><th scope="row">{_coded(item.name)}</th>'
            f'<td class="number">{escape(number)}</td><td>{escape(unit)}</td></tr>\n'
            for place, item in items
            if isinstance(item, Num)
            for number, unit in (measured_parts(item),)
        ]
        head = '<th scope="col">Measurement</th><th scope="col">Value</th><th scope="col">Unit</th>'
        return (
            f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table>\n"
        )


def _is_tabular(item: ContentItem) -> bool:
    contained = item.relationship is Relationship.CONTAINS
    return isinstance(item, Num) and contained and not item.children


def _relationship(item: ContentItem) -> str:
    if item.relationship is Relationship.CONTAINS:
        return ""
    return f'<span class="relationship">{item.relationship.value.lower()}</span> '


def _coded(code: Code | None) -> str:
    """Return a code as its meaning, the code itself in the title of the element."""
    if code is None:
        return ""
    title = escape(f"({code.value}, {code.scheme})", quote=True)
    return f'<span title="{title}">{escape(code_words(code))}</span>'


def _anchor(place: tuple[int, ...]) -> str:
    return "item-" + "-".join(map(str, place))
