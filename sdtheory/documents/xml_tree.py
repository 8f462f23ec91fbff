"""XML as a tree whose elements know where they stand in the bytes.

The tokens come from expat without namespace processing, because many model files use a vendor's prefix that
they do not declare. Nothing outside the file is ever read.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from sdtheory.documents.text import Span, Text
from sdtheory.errors import DocumentError, Issue, LimitError, shown
from sdtheory.limits import Limits, beyond

_VARIABLES = ("stock", "flow", "aux")
_TAG_END = re.compile(rb"""["'>]""")
# an attribute stands behind white space: without that, a long tag name is tried from each of its letters
_ATTRIBUTE = re.compile(rb"""(?<=\s)([^\s=<>/"']+)\s*=\s*(["'])""")
_MARKUP = re.compile(rb"<!--|<!\[CDATA\[|<\?|<!|</?([A-Za-z_:\x80-\xff][^\s/>]*)|&")
_ENTITY = re.compile(rb"&(?:[A-Za-z_:][A-Za-z0-9._:-]*|#[0-9]+|#x[0-9A-Fa-f]+);")
_MOST_AMPERSANDS = 20
_MOST_REPAIRS = 10_000  # a file with more faults is no model file with a fault or two
_CUT_OFF = frozenset(
    {
        expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
        expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
        expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
        expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
    }
)


@dataclass(slots=True, eq=False)
class Node:
    """An element: `start` and `stop` are byte offsets of its first tag's ``<`` and behind its last tag."""

    tag: str
    attributes: dict[str, str]
    start: int
    tag_stop: int = 0
    inner_stop: int = 0
    stop: int = 0
    texts: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Text directly inside, entities and CDATA undone."""
        return "".join(self.texts)

    def all(self, tag: str) -> Iterator[Node]:
        """Children with this tag."""
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> Node | None:
        """The first child with this tag."""
        return next(self.all(tag), None)

    def get(self, name: str, default: str = "") -> str:
        """An attribute, with a vendor's prefix or without."""
        found = self.attributes.get(name)
        if found is not None:
            return found
        ending = ":" + name
        return next((value for key, value in self.attributes.items() if key.endswith(ending)), default)

    def everything(self) -> str:
        """Text inside the element and all that it holds, in document order."""
        if not self.children:
            return self.text
        parts, waiting = [], [self]
        while waiting:
            node = waiting.pop()
            parts.append(node.text)
            waiting.extend(reversed(node.children))
        return " ".join(part.strip() for part in parts if part.strip())


@dataclass(frozen=True)
class Tree:
    """The root element and the repairs that reading it took."""

    root: Node
    notes: tuple[Issue, ...]


def parse(decoded: Text, file: str, limits: Limits) -> Tree:
    """Parse a whole file; three known faults of model files are repaired for reading, the bytes stay.

    Raises
    ------
    DocumentError
        Not well-formed, cut off, or with a DOCTYPE.
    LimitError
        Nested too deep, or too many elements.
    """
    try:
        return Tree(_Builder(decoded, decoded.data, (), file, limits).run(), ())
    except DocumentError as error:
        if not getattr(error, "repairable", False):
            raise
        repaired, insertions, notes = _repair(decoded)
        if not notes:
            raise
        try:
            return Tree(_Builder(decoded, repaired, insertions, file, limits).run(), notes)
        except DocumentError:
            raise error from None


class _Builder:
    """One run of expat over the bytes (or their repaired copy, whose offsets are mapped back)."""

    def __init__(
        self,
        decoded: Text,
        data: bytes,
        insertions: tuple[tuple[int, int], ...],
        file: str,
        limits: Limits,
    ):
        self.decoded = decoded
        self.data = data
        self.file = file
        self.limits = limits
        self.wide = decoded.encoding.startswith(("utf-16", "utf-32"))  # more than a byte for each sign of XML
        self.places = [place for place, _ in insertions]
        self.added = [0]
        for _, length in insertions:
            self.added.append(self.added[-1] + length)
        self.open: list[Node] = []
        self.root: Node | None = None
        self.count = 0

    def run(self) -> Node:
        codec = self.decoded.encoding
        try:
            parser = expat.ParserCreate("utf-16" if codec.startswith("utf-16") else codec)
        except (ValueError, LookupError):
            raise self.error(
                0, f"XML in the encoding {codec} cannot be read", "save the file as UTF-8"
            ) from None
        self.parser = parser
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        parser.StartDoctypeDeclHandler = self.refuse
        parser.EntityDeclHandler = self.refuse
        parser.ExternalEntityRefHandler = self.refuse
        try:
            parser.Parse(self.data, True)
        except expat.ExpatError as error:
            raise self.malformed(error) from None
        except (ValueError, LookupError):
            raise self.error(
                0, f"XML in the encoding {codec} cannot be read", "save the file as UTF-8"
            ) from None
        assert self.root is not None
        return self.root

    def original(self, offset: int) -> int:
        """Offset in the file of an offset in the repaired copy."""
        number = bisect.bisect_right(self.places, offset)
        return offset - self.added[number]

    def error(self, offset: int, message: str, remedy: str | None = None) -> DocumentError:
        line, column = self.decoded.place(self.decoded.character(offset))
        return DocumentError(message, file=self.file, line=line, column=column, remedy=remedy)

    def malformed(self, error: expat.ExpatError) -> DocumentError:
        offset = self.original(max(self.parser.ErrorByteIndex, 0))
        if error.code in _CUT_OFF:
            if not self.open:
                return self.error(0, "there is no complete element in this file", "the file looks cut off")
            last = self.open[-1]
            return self.error(last.start, f"<{shown(last.tag)}> is not closed", "the file looks cut off")
        reason = expat.ErrorString(error.code)
        if error.code == expat.errors.codes[expat.errors.XML_ERROR_TAG_MISMATCH] and self.open:
            last = self.open[-1]
            line = self.decoded.place(self.decoded.character(last.start))[0]
            reason = f"<{shown(last.tag)}> of line {line} is not closed before this tag"
        found = self.error(offset, reason, "the file is not well-formed XML")
        found.repairable = True  # type: ignore[attr-defined]
        return found

    def refuse(self, *_: object) -> int:
        raise self.error(
            self.original(self.parser.CurrentByteIndex),
            "DOCTYPE and entities are not allowed in a model file",
            "remove the declaration",
        )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        offset = self.parser.CurrentByteIndex
        node = Node(tag, attributes, self.original(offset) if self.places else offset)
        self.count += 1
        if len(self.open) >= self.limits.xml_depth or self.count > self.limits.xml_elements:
            raise self.too_much(node)
        if len(attributes) > self.limits.xml_attributes:
            raise self.beyond(node, "more attributes", self.limits.xml_attributes, "xml_attributes")
        angle = False
        for name, value in attributes.items():
            angle = angle or ">" in value
            if len(value) > self.limits.attribute_length:
                line, column = self.decoded.place(self.decoded.character(node.start))
                raise LimitError(
                    f"attribute '{shown(name)}' has {len(value):,} characters; "
                    f"the limit is {self.limits.attribute_length:,}",
                    file=self.file,
                    line=line,
                    column=column,
                    remedy="raise limits=Limits(attribute_length=...)",
                )
        stop = self.tag_end(offset) if angle or self.wide else self.data.find(b">", offset) + 1
        node.tag_stop = self.original(stop) if self.places else stop
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node
        self.open.append(node)

    def too_much(self, node: Node) -> LimitError:
        if len(self.open) >= self.limits.xml_depth:
            return self.beyond(node, "elements nested deeper", self.limits.xml_depth, "xml_depth")
        return self.beyond(node, "more elements", self.limits.xml_elements, "xml_elements")

    def beyond(self, node: Node, what: str, limit: int, name: str) -> LimitError:
        line, column = self.decoded.place(self.decoded.character(node.start))
        return beyond(what, limit, name, self.file, line, column)

    def tag_end(self, offset: int) -> int:
        """Offset behind the ``>`` of the tag at `offset`."""
        if self.wide:
            start = self.decoded.character(offset)
            text = self.decoded.text
            position, quote = start, ""
            while text[position] != ">" or quote:
                if text[position] in "\"'" and quote in ("", text[position]):
                    quote = "" if quote else text[position]
                position += 1
            return self.decoded.byte(position + 1)
        position = offset
        while match := _TAG_END.search(self.data, position):
            if match.group() == b">":
                return match.end()
            position = self.data.find(match.group(), match.end()) + 1
        return len(self.data)

    def characters(self, text: str) -> None:
        self.open[-1].texts.append(text)

    def end(self, _: str) -> None:
        node = self.open.pop()
        if self.self_closing(node):
            node.inner_stop = node.stop = node.tag_stop
            return
        offset = self.parser.CurrentByteIndex
        close = self.tag_end(offset) if self.wide else self.data.find(b">", offset) + 1
        if self.places:
            offset, close = self.original(offset), self.original(close)
        node.inner_stop = max(offset, node.tag_stop)
        node.stop = max(close, node.inner_stop)

    def self_closing(self, node: Node) -> bool:
        """Whether the first tag is ``<tag/>``; no encoding has that sign's byte inside another character."""
        if self.wide:
            return self.decoded.text[self.decoded.character(node.tag_stop) - 2] == "/"
        return self.decoded.data[node.tag_stop - 2] == 0x2F


def attribute_spans(decoded: Text, node: Node) -> dict[str, Span]:
    """Where each attribute's value stands, between its quote signs; names as written, prefixes included."""
    if decoded.encoding.startswith("utf-16"):
        start, stop = decoded.character(node.start), decoded.character(node.tag_stop)
        # one byte for each UTF-16 character keeps the offsets; only quote signs and names matter here
        tag = decoded.text[start:stop].encode("latin-1", "replace")
        return {
            name: decoded.span(start + a, start + b) for name, (a, b) in _attributes(tag, 0, len(tag)).items()
        }
    found = _attributes(decoded.data, node.start, node.tag_stop)
    return {name: Span(a, b) for name, (a, b) in found.items()}


def _attributes(data: bytes, start: int, stop: int) -> dict[str, tuple[int, int]]:
    found = {}
    while match := _ATTRIBUTE.search(data, start, stop):
        end = data.find(match.group(2), match.end(), stop)
        if end < 0:
            break
        found[match.group(1).decode("utf-8", "replace")] = (match.end(), end)
        start = end + 1
    return found


def text_span(decoded: Text, node: Node) -> Span:
    """The text of an element without the white space around it; empty at its beginning when there is none."""
    start, stop = node.tag_stop, node.inner_stop
    data = decoded.data
    if decoded.encoding.startswith("utf-16"):
        return Span(start, stop)
    while start < stop and data[start] in b" \t\r\n":
        start += 1
    while start < stop and data[stop - 1] in b" \t\r\n":
        stop -= 1
    return Span(start, stop)


def _repair(decoded: Text) -> tuple[bytes, tuple[tuple[int, int], ...], tuple[Issue, ...]]:
    """A copy without the three known faults; where it grew (offset in the copy, bytes added); what was done.

    1. a variable that opens inside another open variable ends that one; 2. ``--`` inside a comment;
    3. a bare ``&``.
    """
    data = decoded.data
    if decoded.encoding.startswith("utf-16"):
        return data, (), ()
    out: list[bytes] = []
    length = copied = 0
    insertions: list[tuple[int, int]] = []
    notes: list[Issue] = []
    nesting = _Nesting()
    ampersands = 0

    def insert(offset: int, text: bytes, message: str) -> None:
        nonlocal length, copied
        out.extend((data[copied:offset], text))
        length += offset - copied + len(text)
        copied = offset
        insertions.append((length, len(text)))
        line, column = decoded.place(decoded.character(offset))
        notes.append(Issue("warning", "repaired", message, None, line, column))

    position = 0
    while match := _MARKUP.search(data, position):
        if len(notes) > _MOST_REPAIRS:
            return data, (), ()
        start, token = match.start(), match.group()
        position = match.end()
        if token == b"<!--":
            end = data.find(b"-->", position)
            end = len(data) if end < 0 else end
            inside = data[position:end]
            if b"--" in inside or inside.endswith(b"-"):
                line, column = decoded.place(decoded.character(start))
                notes.append(Issue("warning", "repaired", "'--' inside a comment", None, line, column))
                out.extend((data[copied:position], inside.replace(b"-", b" ")))
                length += end - copied
                copied = end
            position = end + 3
        elif token in (b"<![CDATA[", b"<?", b"<!"):
            closing = {b"<![CDATA[": b"]]>", b"<?": b"?>", b"<!": b">"}[token]
            end = data.find(closing, position)
            position = len(data) if end < 0 else end + len(closing)
        elif token == b"&":
            entity = _ENTITY.match(data, start)
            if entity is None and ampersands < _MOST_AMPERSANDS:
                ampersands += 1
                insert(start + 1, b"amp;", "a bare '&' is read as '&amp;'")
        else:
            position = _repair_tag(data, match, nesting, insert)
    out.append(data[copied:])
    return b"".join(out), tuple(insertions), tuple(notes)


@dataclass
class _Nesting:
    """Names of the open tags, and how many of them are ``<variables>``."""

    tags: list[bytes] = field(default_factory=list)
    variables: int = 0

    def push(self, name: bytes) -> None:
        self.tags.append(name)
        self.variables += name == b"variables"

    def pop(self) -> None:
        self.variables -= self.tags.pop() == b"variables"


def _repair_tag(data: bytes, match: re.Match[bytes], nesting: _Nesting, insert) -> int:
    """Follow the nesting; end a variable when another one opens inside it. Returns where to go on."""
    name = match.group(1)
    position = match.end()
    while end := _TAG_END.search(data, position):
        if end.group() == b">":
            break
        position = data.find(end.group(), end.end()) + 1
        if not position:
            return len(data)
    if end is None:
        return len(data)
    if match.group().startswith(b"</"):
        if nesting.tags and nesting.tags[-1] == name:
            nesting.pop()
        return end.end()
    variable = name.rpartition(b":")[2].decode("ascii", "replace") in _VARIABLES
    if variable and b"name" in data[match.end() : end.end()] and nesting.variables:
        last = nesting.tags[-1]
        if last.rpartition(b":")[2].decode("ascii", "replace") in _VARIABLES:
            insert(
                match.start(),
                b"</" + last + b">",
                f"<{shown(last.decode('utf-8', 'replace'))}> was not closed",
            )
            nesting.pop()
    if data[end.start() - 1 : end.start()] != b"/":
        nesting.push(name)
    return end.end()
