"""Reports written in Markdown: headings become containers, paragraphs TEXT, links references.

CommonMark with tables; HTML is text like any other. `key: value` becomes a number with its unit, a
code or a date where it looks like one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from isocenter.compose import sources
from isocenter.compose.codes import Code
from isocenter.compose.reports import concepts
from isocenter.compose.reports.content import Container, ContentItem, Relationship
from isocenter.compose.reports.content_values import Text
from isocenter.compose.reports.document import Report
from isocenter.compose.reports.markdown_links import Links
from isocenter.compose.reports.references import reference_to
from isocenter.compose.reports.value_recognition import key_and_value, value_item
from isocenter.compose.sources import SourceLike, Sources
from isocenter.dicom.text_files import read_text
from isocenter.errors import CannotCompose

__all__ = ["read_markdown"]

_DEEPEST_NESTING = 100


def read_markdown(source: str | Path, *, objects: SourceLike | Sources | None = None) -> Report:
    """Return the report that a Markdown file or text holds.

    Parameters
    ----------
    source
        The path of a file; text that has a line feed is taken as Markdown itself.
    objects
        What links by UID may refer to. Links may also name DICOM files, relative to the report:
        `[nodule](ct.dcm#frames=1,3)`, `![](seg.dcm#segments=2)`, `[plan](urn:oid:1.2.3)`.

    Returns
    -------
    Report
        What `structured_report` takes.

    Raises
    ------
    CannotCompose
        When the file cannot be read, is nested too deeply, or a link leads nowhere; the line is
        told.

    References
    ----------
    PS3.16 CID 7000 (titles), CID 7001 (headings), CID 7002 (what paragraphs are called).
    """
    folder, text = _text_of(source)
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST_NESTING})
    try:
        tokens = parser.enable("table").parse(text)
        if any(token.level >= _DEEPEST_NESTING - 2 for token in tokens):
            raise RecursionError
        builder = _Builder(Links(folder, sources.load(objects)))
        content = builder.document(SyntaxTreeNode(tokens).children)
    except RecursionError as error:
        raise CannotCompose("The Markdown is nested too deeply; make it flatter.") from error
    return Report(content, references=builder.links.found)


def _text_of(source: str | Path) -> tuple[Path, str]:
    if isinstance(source, str) and "\n" in source:
        return Path(), source
    path = Path(source)
    try:
        text = read_text(path)
    except OSError as error:
        raise CannotCompose(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CannotCompose(f"{path} is not UTF-8; save it so.") from error
    if text.startswith("%PDF-") or "\0" in text:
        raise CannotCompose(
            f"{path} is no text; write the report in Markdown or JSON, or encapsulate a PDF by "
            "`isocenter compose pdf`."
        )
    return path.parent, text


@dataclass(slots=True)
class _Section:
    """A container under construction."""

    level: int
    name: Code | None
    text_name: Code
    items: list[ContentItem] = field(default_factory=list[ContentItem])

    def container(self) -> Container:
        return Container(self.name, children=tuple(self.items))


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a paragraph: its words, what it refers to, and the key that was emphasised."""

    text: str
    references: tuple[ContentItem, ...] = ()
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds the content tree from the blocks of Markdown."""

    links: Links

    def document(self, blocks: Sequence[SyntaxTreeNode]) -> Container:
        title, rest = self._title(blocks)
        words = title or ""
        name = concepts.title(words) if title else concepts.DEFAULT_TITLE
        open_sections = [_Section(0, name, concepts.text_name(None))]
        _keep_long_words(open_sections[0], words)
        for block in rest:
            if block.type == "heading":
                level = int(block.tag[1:])
                while open_sections[-1].level >= level:
                    _close(open_sections)
                open_sections.append(self._section(block, level, open_sections[-1]))
            else:
                open_sections[-1].items += self._block(block, open_sections[-1].text_name)
        while len(open_sections) > 1:
            _close(open_sections)
        return open_sections[0].container()

    def _title(
        self, blocks: Sequence[SyntaxTreeNode]
    ) -> tuple[str | None, Sequence[SyntaxTreeNode]]:
        """Return the title, a first heading or first emphasised paragraph, and the rest."""
        if not blocks:
            return None, blocks
        first = blocks[0]
        inline = [
            node
            for child in first.children
            for node in child.children
            if node.children or node.content
        ]
        heading = first.type == "heading" and first.tag == "h1"
        emphasised = (
            first.type == "paragraph" and len(inline) == 1 and inline[0].type in ("strong", "em")
        )
        if heading or emphasised:
            return self._words(first), blocks[1:]
        return None, blocks

    def _section(self, block: SyntaxTreeNode, level: int, parent: _Section) -> _Section:
        words = self._words(block)
        name = concepts.heading(words)
        text_name = (
            concepts.text_name(name) if concepts.is_element_heading(name) else parent.text_name
        )
        section = _Section(level, name, text_name)
        _keep_long_words(section, words)
        return section

    def _words(self, block: SyntaxTreeNode) -> str:
        return " ".join(line.text for line in self._lines(block)).strip()

    # -- blocks ------------------------------------------------------------------------------------

    def _block(self, block: SyntaxTreeNode, name: Code) -> Iterator[ContentItem]:
        """Yield the content items of a block other than a heading."""
        if block.type in ("paragraph", "heading"):
            yield from self._paragraph(block, name)
        elif block.type in ("bullet_list", "ordered_list"):
            for item in block.children:
                yield from self._list_item(item, name)
        elif block.type == "table":
            yield from self._table(block)
        elif block.type in ("fence", "code_block"):
            if block.content.strip():
                yield Text(name, block.content.rstrip("\n"))
        else:  # a quotation, or a thematic break that has no children
            for child in block.children:
                yield from self._block(child, name)

    def _paragraph(self, block: SyntaxTreeNode, name: Code) -> Iterator[ContentItem]:
        lines = self._lines(block)
        pairs = [_pair(line) for line in lines]
        if all(pairs):
            for line, pair in zip(lines, pairs, strict=True):
                if pair is not None:
                    yield _with_references(value_item(concepts.named(pair[0]), pair[1]), line)
            return
        text = " ".join(line.text for line in lines if line.text).strip()
        references = tuple(one for line in lines for one in line.references)
        if text:
            yield _with_references(Text(name, text), _Line(text, references))
        else:
            yield from references

    def _list_item(self, block: SyntaxTreeNode, name: Code) -> Iterator[ContentItem]:
        if not block.children:
            return
        first, *rest = block.children
        if not rest:
            yield from self._block(first, name)
            return
        words = self._words(first) if first.type == "paragraph" else ""
        below = [item for child in rest for item in self._block(child, name)]
        if words.endswith(":") and not concepts.is_shortened(words):
            yield Container(concepts.heading(words.rstrip(":")), children=tuple(below))
        else:
            yield Container(children=(*self._block(first, name), *below))

    def _table(self, block: SyntaxTreeNode) -> Iterator[ContentItem]:
        """Yield a container for each row, whose items are called as the columns are."""
        rows = [row for part in block.children for row in part.children]
        names = [self._words(cell) for cell in rows[0].children]
        for row in rows[1:]:
            cells: list[ContentItem] = []
            for words, cell in zip(names, row.children, strict=False):
                name = concepts.named(words) if words else concepts.text_name(None)
                line = _joined(self._lines(cell))
                if line.text:
                    cells.append(_with_references(value_item(name, line.text), line))
                else:
                    cells += line.references
            if cells:
                yield Container(children=tuple(cells))

    # -- words -------------------------------------------------------------------------------------

    def _lines(self, block: SyntaxTreeNode) -> list[_Line]:
        """Return the lines of a paragraph; one line where it was broken by hand within a line."""
        lines = [_Line("")]
        place = block.map[0] + 1 if block.map else 0
        inline = [node for child in block.children for node in child.children]
        for node in inline:
            if node.type == "softbreak":
                lines.append(_Line(""))
                continue
            piece = self._inline(node, place)
            key = lines[-1].key
            if node.type in ("strong", "em") and not lines[-1].text:
                key = piece.text
            lines[-1] = _Line(
                lines[-1].text + piece.text, lines[-1].references + piece.references, key
            )
        return [replace(one, text=one.text.strip()) for one in lines]

    def _inline(self, node: SyntaxTreeNode, place: int) -> _Line:
        if node.type in ("hardbreak", "softbreak"):
            return _Line("\n" if node.type == "hardbreak" else " ")
        if node.type == "image" or node.type == "link":
            return self._link(node, place)
        if not node.children:
            return _Line(node.content)
        return _joined([self._inline(child, place) for child in node.children], "")

    def _link(self, node: SyntaxTreeNode, place: int) -> _Line:
        words = _joined([self._inline(child, place) for child in node.children], "")
        text = words.text
        target = str(node.attrs.get("src" if node.type == "image" else "href") or "")
        if self.links.is_elsewhere(target):
            shown = text if target in (text, f"mailto:{text}") else f"{text} ({target})".strip()
            return _Line(shown, words.references)
        data_set, reference = self.links.resolve(target, place)
        item = reference_to(data_set, reference=reference)
        return _Line(text, (*words.references, item))


def _joined(lines: Sequence[_Line], between: str = " ") -> _Line:
    references = tuple(one for line in lines for one in line.references)
    return _Line(between.join(line.text for line in lines), references)


def _pair(line: _Line) -> tuple[str, str] | None:
    """Return key and value of a line: parted by a colon, or emphasised and followed by one."""
    if line.key:
        rest = line.text[len(line.key) :]
        key = line.key.rstrip()
        if key.endswith(":") or rest.startswith(":"):
            value = rest.removeprefix(":").strip()
            if value and not concepts.is_shortened(key):
                return key.rstrip(":").strip(), value
    return key_and_value(line.text)


def _with_references(item: ContentItem, line: _Line) -> ContentItem:
    """Return an item that is inferred from what its line refers to."""
    inferred = tuple(
        replace(one, relationship=Relationship.INFERRED_FROM) for one in line.references
    )
    return replace(item, children=(*item.children, *inferred)) if inferred else item


def _close(open_sections: list[_Section]) -> None:
    section = open_sections.pop()
    open_sections[-1].items.append(section.container())


def _keep_long_words(section: _Section, words: str) -> None:
    """Keep a heading whole in the text below it where its code could not hold it."""
    if (
        concepts.is_shortened(words)
        and section.name
        and section.name.scheme == concepts.LOCAL_SCHEME
    ):
        section.items.append(Text(concepts.text_name(None), words))
