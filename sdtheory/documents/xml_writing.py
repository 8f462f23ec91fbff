"""Changes to XML that touch no byte but those they must: texts, attributes, new and removed elements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sdtheory.documents.splice import Edit
from sdtheory.documents.text import Text
from sdtheory.documents.xml_tree import Node, attribute_spans
from sdtheory.errors import DocumentError

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_PIECE = re.compile(
    r"<!\[CDATA\[(?P<cdata>.*?)\]\]>|<!--.*?-->|<\?.*?\?>|<[^>]*>"
    r"|&(?P<entity>\#[0-9]+|\#x[0-9A-Fa-f]+|lt|gt|amp|quot|apos);|\r\n|.",
    re.DOTALL,
)
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_CDATA = re.compile(r"(<!\[CDATA\[)((?:(?!\]\]>).)*)\]\]>", re.DOTALL)
_TRAILING = re.compile(r"(?>(?:[ \t]|<!--(?:(?!-->)[^\r\n])*-->)*)(?=[\r\n])")
_TAG = re.compile(r"<([^\s/>]+)")
_BLANK = " \t\r\n"


def checked(text: str, what: str, file: str) -> str:
    """`text`, if XML can hold its characters.

    Raises
    ------
    DocumentError
        A control character other than tab and line break.
    """
    if match := _FORBIDDEN.search(text):
        raise DocumentError(
            f"{what} has the control character U+{ord(match.group()):04X}", file=file, remedy="leave it out"
        )
    return text


def escaped(text: str, quote: str = "") -> str:
    """Text as XML content, or as an attribute's value between `quote` signs.

    Examples
    --------
    >>> escaped("a < b & 'c'"), escaped("'a'", "'")
    ("a &lt; b &amp; 'c'", '&apos;a&apos;')
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if quote:
        text = text.replace(quote, "&quot;" if quote == '"' else "&apos;")
        text = text.replace("\r\n", "\n").replace("\n", "&#10;").replace("\r", "&#10;").replace("\t", "&#9;")
    return text


def escaped_prose(text: str) -> str:
    r"""Documentation as it is written: a backslash that would be read as an escape is doubled (XMILE 1.0, 4.1).

    Examples
    --------
    >>> print(escaped_prose(r"C:\new"), escaped_prose(r"1\2"))
    C:\\new 1\2
    """
    pairs = ("\\n", "\\t", "\\\\")
    return text.replace("\\", "\\\\") if any(pair in text for pair in pairs) else text


def last(nodes: Iterable[Node]) -> Node | None:
    """The last of some elements."""
    return next(reversed([*nodes]), None)


def in_cdata(text: str) -> str:
    """Text as the inside of a CDATA section.

    Examples
    --------
    >>> in_cdata("a]]>b")
    'a]]]]><![CDATA[>b'
    """
    return text.replace("]]>", "]]]]><![CDATA[>")


@dataclass(frozen=True)
class Content:
    """Decoded content of an element or attribute, and where each of its characters stands.

    Parameters
    ----------
    text : str
    starts, stops : sequence of int
        Characters of the file, for each character of `text`.
    sections : set of int
        Characters of `text` that stand in a CDATA section.
    """

    text: str
    starts: list[int] | range
    stops: list[int] | range
    sections: frozenset[int] = frozenset()


def content(raw: str, start: int, attribute: bool = False) -> Content:
    r"""The content that `raw`, which begins at character `start` of the file, stands for.

    Examples
    --------
    >>> found = content("a &lt; b", 10)
    >>> found.text, found.starts[2], found.stops[2]
    ('a < b', 12, 16)
    """
    if "&" not in raw and "<" not in raw and "\r" not in raw:
        text = raw.replace("\n", " ").replace("\t", " ") if attribute else raw
        return Content(text, range(start, start + len(raw)), range(start + 1, start + len(raw) + 1))
    letters: list[str] = []
    starts: list[int] = []
    stops: list[int] = []
    sections: set[int] = set()
    for match in _PIECE.finditer(raw):
        piece = match.group()
        if match["cdata"] is not None:
            base = start + match.start("cdata")
            inside = content(match["cdata"].replace("&", "\0").replace("<", "\1"), base)
            sections.update(range(len(letters), len(letters) + len(inside.text)))
            letters.extend(inside.text.replace("\0", "&").replace("\1", "<"))
            starts.extend(inside.starts)
            stops.extend(inside.stops)
            continue
        if match["entity"] is not None:
            letter = _entity(match["entity"])
        elif piece.startswith("<") and len(piece) > 1:
            continue
        else:
            letter = "\n" if piece in ("\r\n", "\r") else piece
            if attribute and letter in "\n\t":
                letter = " "
        letters.append(letter)
        starts.append(start + match.start())
        stops.append(start + match.end())
    return Content("".join(letters), starts, stops, frozenset(sections))


def _entity(name: str) -> str:
    if name[0] != "#":
        return _ENTITIES[name]
    return chr(int(name[2:], 16) if name[1] == "x" else int(name[1:]))


@dataclass(frozen=True)
class New:
    """An element to be written: tag, attributes, and its text or the elements in it."""

    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    inside: str | tuple[New, ...] = ()


@dataclass(frozen=True)
class Xml:
    """The tree of a file together with its text, able to say which bytes a change takes.

    Parameters
    ----------
    decoded : Text
    root : Node
    prefix : str
        Namespace prefix of the format's own tags, with its colon, or "".
    """

    decoded: Text
    root: Node
    prefix: str = ""

    # places

    def character(self, position: int) -> int:
        return self.decoded.character(position)

    def raw(self, node: Node) -> str:
        """The element's text in the file."""
        return self.decoded.text[self.character(node.start) : self.character(node.stop)]

    def edit(self, start: int, stop: int, text: str) -> Edit:
        """The edit that puts `text` in the place of the characters from `start` to `stop`."""
        return Edit(self.decoded.span(start, stop), text)

    def at(self, start: int) -> Node:
        """The element whose first tag begins at a byte."""
        node = self.root
        while node.start != start:
            node = next(child for child in node.children if child.start <= start < child.stop)
        return node

    def parent(self, node: Node) -> Node:
        """The element that holds `node`."""
        above = self.root
        while node not in above.children:
            above = next(child for child in above.children if child.start <= node.start < child.stop)
        return above

    def tag(self, node: Node) -> str:
        """The tag as written, prefix included."""
        match = _TAG.match(self.decoded.text, self.character(node.start))
        assert match is not None  # the tree was made from this text
        return match.group(1)

    def self_closing(self, node: Node) -> bool:
        return self.decoded.text[self.character(node.tag_stop) - 2] == "/"

    def inside(self, node: Node) -> tuple[int, int]:
        """Characters between the tags, without the white space around them."""
        start, stop = self.character(node.tag_stop), self.character(node.inner_stop)
        text = self.decoded.text
        while start < stop and text[start] in _BLANK:
            start += 1
        while start < stop and text[stop - 1] in _BLANK:
            stop -= 1
        return start, stop

    def indent(self, node: Node) -> str | None:
        """White space before an element that begins its line; None when something else stands before it."""
        text, stop = self.decoded.text, self.character(node.start)
        start = self.line_start(stop)
        before = text[start:stop]
        return None if before.strip(" \t") else before

    def line_start(self, place: int) -> int:
        text = self.decoded.text
        return max(text.rfind("\n", 0, place), text.rfind("\r", 0, place)) + 1

    def unit(self, node: Node) -> str | None:
        """How much deeper the children of elements like `node` stand; None when they share its line."""
        around = self.parent(node).children if node is not self.root else ()
        for one in (node, *around, *self.root.children):
            outer = self.indent(one)
            for child in one.children[:1]:
                inner = self.indent(child)
                if inner is None or outer is None:
                    return None
                return inner[len(outer) :] if inner.startswith(outer) else "\t"
        return "\t"

    # contents

    def text_content(self, node: Node) -> Content:
        """Content of an element, without white space around it."""
        start, stop = self.inside(node)
        return content(self.decoded.text[start:stop], start)

    def attribute_content(self, node: Node, name: str) -> Content:
        """Value of an attribute."""
        span = attribute_spans(self.decoded, node)[name]
        start, stop = self.character(span.start), self.character(span.stop)
        return content(self.decoded.text[start:stop], start, attribute=True)

    def replaced(
        self, found: Content, changes: Iterable[tuple[int, int, str]], quote: str = ""
    ) -> list[Edit]:
        """Edits that put texts in the place of characters of a content, escaped as each place asks."""
        edits = []
        for start, stop, text in changes:
            first, last = found.starts[start], found.stops[stop - 1]
            inside = {place in found.sections for place in range(start, stop)}
            if len(inside) > 1 or "]]>" in self.decoded.text[first:last]:
                return self._whole(found, changes)
            edits.append(self.edit(first, last, in_cdata(text) if inside == {True} else escaped(text, quote)))
        return edits

    def _whole(self, found: Content, changes: Iterable[tuple[int, int, str]]) -> list[Edit]:
        """A content that mixes text and sections, replaced as a whole."""
        text = found.text
        for start, stop, new in sorted(changes, reverse=True):
            text = text[:start] + new + text[stop:]
        start, stop = found.starts[0], found.stops[-1]
        before, behind = self.decoded.text[:start], self.decoded.text[stop:]
        if 0 in found.sections:
            start = before.rindex("<![CDATA[")
        if len(found.text) - 1 in found.sections:
            stop += behind.index("]]>") + 3
        return [self.edit(start, stop, escaped(text))]

    def set_text(self, node: Node, text: str) -> list[Edit]:
        """The edit that gives an element another text; none when it has it already."""
        text = text.replace("\r\n", "\n").replace("\r", "\n").strip(_BLANK)
        if not node.children and node.text.strip(_BLANK) == text:
            return []
        if self.self_closing(node):
            return [self._opened(node, escaped(text))]
        start, stop = self.inside(node)
        section = _CDATA.fullmatch(self.decoded.text, start, stop)
        if section:
            return [self.edit(section.start(2), section.end(2), in_cdata(text))]
        return [self.edit(start, stop, escaped(text))]

    def _opened(self, node: Node, inside: str) -> Edit:
        """The edit that gives ``<tag/>`` a content."""
        stop = self.character(node.tag_stop)
        start = stop - 2
        while self.decoded.text[start - 1] in _BLANK:
            start -= 1
        return self.edit(start, stop, f">{inside}</{self.tag(node)}>")

    def attribute_name(self, node: Node, name: str) -> str:
        """The name of an attribute as the element has it, with a vendor's prefix or without."""
        if name in node.attributes:
            return name
        return next((key for key in node.attributes if key.rpartition(":")[2] == name), name)

    def set_attributes(self, node: Node, values: Mapping[str, str | None]) -> list[Edit]:
        """Edits that give an element's attributes other values; None takes an attribute away."""
        edits = []
        spans = attribute_spans(self.decoded, node)
        text = self.decoded.text
        added = ""
        for name, value in values.items():
            if name not in node.attributes:
                added += f' {name}="{escaped(value, chr(34))}"' if value is not None else ""
                continue
            start, stop = self.character(spans[name].start), self.character(spans[name].stop)
            if value is None:
                first = text.rindex(name, 0, start)
                while text[first - 1] in _BLANK:
                    first -= 1
                edits.append(self.edit(first, stop + 1, ""))
            elif value != node.attributes[name]:
                edits.append(self.edit(start, stop, escaped(value, text[start - 1])))
        if added:
            place = self.character(node.start) + 1 + len(self.tag(node))
            place = max([place, *(self.character(span.stop) + 1 for span in spans.values())])
            edits.append(self.edit(place, place, added))
        return edits

    # elements

    def written(self, new: New, indent: str | None, unit: str | None) -> str:
        """A new element, over several lines when `indent` and `unit` are given."""
        tag = self.prefix + new.tag
        head = tag + "".join(f' {name}="{escaped(value, chr(34))}"' for name, value in new.attributes.items())
        if isinstance(new.inside, str):
            return f"<{head}>{escaped(new.inside)}</{tag}>"
        if not new.inside:
            return f"<{head}/>"
        if indent is None or unit is None:
            return f"<{head}>{''.join(self.written(one, None, None) for one in new.inside)}</{tag}>"
        deeper = indent + unit
        lines = [f"{deeper}{self.written(one, deeper, unit)}\n" for one in new.inside]
        return f"<{head}>\n{''.join(lines)}{indent}</{tag}>"

    def after(self, anchor: Node, *new: New, like: Node | None = None) -> list[Edit]:
        """The edit that puts elements behind `anchor`, laid out like it (or like another sibling)."""
        indent, unit = self.indent(anchor), self.unit(like or anchor)
        place = self.character(anchor.stop)
        if not self.closed(anchor):
            place = self.inside(anchor)[1]
        elif indent is not None and (match := _TRAILING.match(self.decoded.text, place)):
            place = match.end()
        between = "" if indent is None else "\n" + indent
        return [self.edit(place, place, "".join(between + self.written(one, indent, unit) for one in new))]

    def first_in(self, parent: Node, *new: New) -> list[Edit]:
        """The edit that puts elements at the beginning of `parent`."""
        outer, unit = self.indent(parent), self.unit(parent)
        place = self.character(parent.tag_stop)
        if parent.children:
            next_one = parent.children[0]
            indent = self.indent(next_one)
            unit = self.unit(next_one)
        else:
            indent = None if outer is None or unit is None else outer + unit
        between = "" if indent is None else "\n" + indent
        text = "".join(between + self.written(one, indent, unit) for one in new)
        if parent.children:
            return [self.edit(place, place, text)]
        tail = "" if indent is None else f"\n{outer}"
        if self.self_closing(parent):
            return [self._opened(parent, text + tail)]
        start, stop = self.inside(parent)
        if start == stop and "\n" in self.decoded.text[place : self.character(parent.inner_stop)]:
            tail = ""
        return [self.edit(place, place, text + tail)]

    def last_in(self, parent: Node, *new: New, like: Iterable[str] = ()) -> list[Edit]:
        """The edit that puts elements behind the last child with a tag of `like`, else behind the last child."""
        tags = tuple(like)
        same = [child for child in parent.children if child.tag in tags]
        anchor = last(same or parent.children)
        return self.first_in(parent, *new) if anchor is None else self.after(anchor, *new)

    def closed(self, node: Node) -> bool:
        """Whether an element has its last tag; reading ends a variable without one where the next begins."""
        return self.self_closing(node) or node.stop > node.inner_stop

    def removed(self, nodes: Iterable[Node]) -> list[Edit]:
        """Edits that take elements away, with their line where nothing else stands on it."""
        gone = list(nodes)
        edits = []
        for node in gone:
            before = self._unclosed_before(node, gone)
            start, stop = self.character(node.start), self.character(node.stop)
            if not before and self.closed(node):
                start, stop = self._lines(start, stop)
            edits.append(self.edit(start, stop, f"</{self.tag(before)}>" if before else ""))
        return edits

    def _unclosed_before(self, node: Node, gone: list[Node]) -> Node | None:
        """The element that only the beginning of `node` ends, if it stays."""
        siblings = self.parent(node).children
        place = siblings.index(node)
        if not place:
            return None
        before = siblings[place - 1]
        return before if before not in gone and not self.closed(before) else None

    def _lines(self, start: int, stop: int) -> tuple[int, int]:
        """The whole lines of an element that stands alone on them, line end included."""
        text = self.decoded.text
        first = self.line_start(start)
        last = stop
        while last < len(text) and text[last] in " \t":
            last += 1
        if text[first:start].strip(" \t") or text[last : last + 1] not in ("\r", "\n"):
            return start, stop
        return first, last + (2 if text.startswith("\r\n", last) else 1)
