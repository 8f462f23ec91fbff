"""The edits that a document offers, the same for both formats.

Each format's own module gives, for every verb, the list of `Edit` that the verb makes in its files.
"""

from __future__ import annotations

import importlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from sdtheory.documents.splice import Edit, spliced
from sdtheory.errors import DocumentError, UsageError, shown

if TYPE_CHECKING:
    from sdtheory.documents.document import Document

Number = float | int | str


@dataclass(frozen=True)
class NewVariable:
    """A variable that is added: what it says, and where it is drawn.

    Parameters
    ----------
    name : str
    equation : str
        Of a stock, its initial value.
    units, documentation : str
    x, y : float, optional
        Its centre; where there is room when left out.
    view : int
    """

    name: str
    equation: str
    units: str
    documentation: str
    x: float | None
    y: float | None
    view: int


class Edits:
    """Edits of a `Document`; each gives a new document whose bytes differ only where the edit is.

    All raise `UnknownName` for a name that does not exist, with the nearest one that does, and `DocumentError`
    for a text that would break the file; nothing has changed then. Undo is keeping the old value.
    """

    def splice(self, edits: Iterable[Edit]) -> Document:
        """The document with texts in the place of spans.

        Raises
        ------
        DocumentError
            When edits overlap, the encoding has no such character, nothing would be left of the file, or a part
            of it could not be understood any more.
        """
        from sdtheory.documents.document import Document

        old = cast(Document, self)
        data = spliced(old.bytes, edits, old.encoding, old.file)
        if data == old.bytes:
            return old
        if not data.strip():
            raise DocumentError("the edit would leave nothing of the file", file=old.file)
        new = Document(data, old.format, old.encoding, old.source, old.limits)
        known = Counter((note.code, note.message, note.variable) for note in old.notes)
        for note in new.notes:
            known[note.code, note.message, note.variable] -= 1
            if known[note.code, note.message, note.variable] < 0:
                raise DocumentError(
                    f"the edit would break the file: {note.message}", file=old.file, line=note.line
                )
        return new

    def _edited(self, verb: str, *arguments: Any, **options: Any) -> Document:
        document = cast("Document", self)
        return self.splice(getattr(_of_format(document.format), verb)(document, *arguments, **options))

    # what a variable is

    def set_equation(
        self, name: str, text: Number, *, subscripts: str | None = None, links: str = "keep"
    ) -> Document:
        """The document with another equation for a variable.

        Parameters
        ----------
        name : str
        text : str or number
            Of an XMILE stock, its initial value; of a Vensim stock, the whole ``INTEG(...)``.
        subscripts : str, optional
            Which of several equations, as the left side spells them: ``"young, rural"``.
        links : str
            ``"keep"`` leaves connectors alone; ``"match"`` adds and removes connectors in every view so that
            they agree with the equation.

        Examples
        --------
        >>> from sdtheory.documents import from_bytes
        >>> from_bytes(b"births = 3 ~ people/year ~ |").set_equation("births", 4).text
        'births = 4 ~ people/year ~ |'
        """
        if links not in ("keep", "match"):
            raise UsageError(f"links='{shown(links)}'", remedy="use 'keep' or 'match'")
        if links == "match":
            return self._with_links(name, as_text(text), subscripts)
        return self._edited("set_equation", name, as_text(text), subscripts)

    def _with_links(self, name: str, text: str, subscripts: str | None) -> Document:
        """Equation and connectors in one step, so that the file is read once; of a stock, one after the other."""
        from sdtheory.documents.drafting import with_equation

        document = cast("Document", self)
        entry = document.entry(name)
        edits = _of_format(document.format).set_equation(document, name, text, subscripts)
        if entry.kind != "stock":
            written = with_equation(document, entry, text, subscripts)
            edits = [*edits, *_of_format(document.format).match_links(document, name, written)]
        new = self.splice(edits)
        if "stock" not in (entry.kind, new.entry(name).kind):
            return new
        return new._edited("match_links", name)  # its flows are known only now

    def set_initial(self, name: str, text: Number, *, subscripts: str | None = None) -> Document:
        """The document with another initial value of a stock."""
        return self._edited("set_initial", name, as_text(text), subscripts)

    def set_units(self, name: str, units: str) -> Document:
        """The document with other units; a range ``[low,high]`` at the end replaces the old range."""
        return self._edited("set_units", name, units)

    def set_documentation(self, name: str, text: str) -> Document:
        """The document with another documentation of a variable."""
        return self._edited("set_documentation", name, text)

    def set_lookup(
        self,
        name: str,
        x: Sequence[float],
        y: Sequence[float],
        *,
        subscripts: str | None = None,
        kind: str | None = None,
        xscale: Sequence[float] | None = None,
        yscale: Sequence[float] | None = None,
    ) -> Document:
        """The document with other points of a graphical function.

        Parameters
        ----------
        name : str
        x, y : sequence of float, of one length
            Points with x ascending.
        subscripts : str, optional
            Which of several equations.
        kind : str, optional
            ``"continuous"``, ``"extrapolate"`` or ``"discrete"``; in XMILE alone, since in Vensim the function
            that reads the points decides.
        xscale, yscale : pair of float, optional
            The range that is shown; as it is when left out.
        """
        points = [float(one) for one in x], [float(one) for one in y]
        if len(points[0]) != len(points[1]) or len(points[0]) < 2 or points[0] != sorted(set(points[0])):
            raise DocumentError(
                f"'{shown(name)}': a lookup takes two or more points with x ascending",
                file=cast("Document", self).file,
            )
        scales = {"xscale": xscale, "yscale": yscale}
        looks: dict[str, Any] = {
            word: tuple(map(float, pair)) for word, pair in scales.items() if pair is not None
        }
        for word, pair in looks.items():
            if len(pair) != 2 or not -math.inf < pair[0] < pair[1] < math.inf:
                raise UsageError(f"{word}={pair}", remedy="give the lower end and the upper end")
        if kind is not None:
            looks["kind"] = kind
        return self._edited("set_lookup", name, *points, subscripts, looks)

    def rename(self, old: str, new: str) -> Document:
        """The document with a variable, dimension or element called otherwise, in every equation and view."""
        return self._edited("rename", old, new)

    def rename_all(self, names: Mapping[str, str]) -> Document:
        """The document with several variables called otherwise at once; no new name is one of the old ones.

        Examples
        --------
        >>> from sdtheory.documents import from_bytes
        >>> from_bytes(b"a = b ~~|\\nb = 3 ~~|").rename_all({"a": "c", "b": "d"}).text
        'c = d ~~|\\nd = 3 ~~|'
        """
        document = cast("Document", self)
        verb = _of_format(document.format).rename
        return self.splice([edit for old, new in names.items() for edit in verb(document, old, new)])

    def set_simulation(
        self,
        *,
        start: Number | None = None,
        stop: Number | None = None,
        time_step: Number | None = None,
        method: str | None = None,
        save_every: Number | None = None,
    ) -> Document:
        """The document with other settings; method ``"euler"`` or ``"rk4"``."""
        given = {"start": start, "stop": stop, "time_step": time_step, "save_every": save_every}
        if method not in (None, "euler", "rk4"):
            raise UsageError(f"method='{shown(method)}'", remedy="use 'euler' or 'rk4'")
        texts = {word: as_text(value) for word, value in given.items() if value is not None}
        return self._edited("set_simulation", texts, method)

    # which variables there are

    def add_stock(
        self,
        name: str,
        initial: Number,
        units: str = "",
        documentation: str = "",
        x: float | None = None,
        y: float | None = None,
        view: int = 0,
    ) -> Document:
        """The document with a new stock without flows; without x and y it is put where there is room."""
        new = NewVariable(name, as_text(initial), units, documentation, x, y, view)
        return self._edited("add_stock", new)

    def add_flow(
        self,
        name: str,
        equation: Number,
        source: str | None = None,
        target: str | None = None,
        units: str = "",
        documentation: str = "",
        x: float | None = None,
        y: float | None = None,
        view: int = 0,
    ) -> Document:
        """The document with a new flow from one stock to another; None is a cloud."""
        new = NewVariable(name, as_text(equation), units, documentation, x, y, view)
        return self._edited("add_flow", new, source, target)

    def add_auxiliary(
        self,
        name: str,
        equation: Number,
        units: str = "",
        documentation: str = "",
        x: float | None = None,
        y: float | None = None,
        view: int = 0,
    ) -> Document:
        """The document with a new auxiliary or constant."""
        new = NewVariable(name, as_text(equation), units, documentation, x, y, view)
        return self._edited("add_auxiliary", new)

    def remove(self, name: str) -> Document:
        """The document without a variable: its equations, its drawings, and its term in every stock's rate."""
        return self._edited("remove", name)

    # what is drawn

    def add_alias(self, name: str, x: float, y: float, view: int = 0) -> Document:
        """The document with a second drawing (ghost, shadow) of a variable."""
        return self._edited("add_alias", name, x, y, view)

    def draw_variable(
        self, name: str, x: float | None = None, y: float | None = None, view: int = 0
    ) -> Document:
        """The document with a variable drawn in a view that does not show it yet.

        Parameters
        ----------
        name : str
        x, y : float, optional
            Its centre; where there is room, near what it is computed from, when left out.
        view : int
        """
        return self._edited("draw_variable", name, x, y, view)

    def add_text(self, text: str, x: float, y: float, view: int = 0) -> Document:
        """The document with a text box."""
        return self._edited("add_text", text, x, y, view)

    def add_view(self, name: str) -> Document:
        """The document with a further, empty view."""
        return self._edited("add_view", name)

    def rename_view(self, view: int, name: str) -> Document:
        """The document with a view called otherwise."""
        return self._edited("rename_view", view, name)

    def remove_element(self, id: str) -> Document:
        """The document without one drawn element; a variable keeps its equation."""
        return self._edited("remove_element", id)

    def move(self, element: str, x: float, y: float, view: int = 0) -> Document:
        """The document with an element (its id, or a variable's name in a view) moved to a centre."""
        return self._edited("move", element, x, y, view)

    def move_all(self, places: Sequence[tuple[str, float, float]], view: int = 0) -> Document:
        """The document with several elements (id or name, x, y) moved to other centres.

        Examples
        --------
        >>> from sdtheory.documents import read
        >>> new = read("models/m0_seed.mdl").move_all([("capability", 10, 20), ("understanding", 30, 40)])
        >>> [(one.x, one.y) for one in new.views[0].elements if one.kind == "stock"][:2]
        [(10.0, 20.0), (30.0, 40.0)]
        """
        from sdtheory.documents.moves import moved

        document = cast("Document", self)
        return moved(document, places, view, _of_format(document.format).move)

    def reshape(
        self,
        element: str,
        *,
        points: Sequence[tuple[float, float]] | None = None,
        angle: float | None = None,
        label_side: str | None = None,
        width: float | None = None,
        height: float | None = None,
        colour: str | None = None,
        polarity: str | None = None,
        delay: bool | None = None,
        line_style: str | None = None,
        view: int = 0,
    ) -> Document:
        """The document with another look of an element.

        Parameters
        ----------
        element : str
            Id, or a variable's name in a view.
        points : sequence of (x, y), optional
            Of a flow, its pipe from end to end; of a connector, the point in the middle of its arc, none for a
            straight line.
        angle : float, optional
            Of a connector, the direction in which it leaves, degrees counter-clockwise from 3 o'clock.
        label_side : str, optional
            center, bottom, left, top or right.
        width, height : float, optional
            Full size.
        colour : str, optional
            As the format writes it.
        polarity : str, optional
            Of a connector: ``"+"``, ``"-"`` or ``""``.
        delay : bool, optional
            Of a connector, whether it bears the mark of a delay.
        line_style : str, optional
            Of a connector: ``"solid"`` or ``"dashed"``. A Vensim file is not known to hold it.

        Raises
        ------
        UsageError, DocumentError
            Elements of this kind, or files of this format, have no such look.

        Examples
        --------
        >>> from sdtheory.documents import read
        >>> old = read("models/m0_seed.xmile")
        >>> link = next(one.id for one in old.views[0].elements if one.kind == "connector")
        >>> new = old.reshape(link, delay=True, line_style="dashed")
        >>> [(one.delay, one.line_style) for one in new.views[0].elements if one.id == link]
        [(True, 'dashed')]
        """
        looks: dict[str, Any] = {"angle": angle, "label_side": label_side, "width": width, "height": height}
        looks |= {"colour": colour, "polarity": polarity, "delay": delay, "line_style": line_style}
        if polarity not in (None, "", "+", "-"):
            raise UsageError(f"polarity='{shown(polarity)}'", remedy="use '+', '-' or ''")
        if line_style not in (None, "solid", "dashed"):
            raise UsageError(f"line_style='{shown(line_style)}'", remedy="use 'solid' or 'dashed'")
        given: dict[str, Any] = {word: value for word, value in looks.items() if value is not None}
        if points is not None:
            given["points"] = [(float(x), float(y)) for x, y in points]
        return self._edited("reshape", element, given, view)

    def connect(
        self, source: str, target: str, polarity: str | None = None, view: int | None = None
    ) -> Document:
        """The document with a connector drawn; equations stay as they are."""
        return self._edited("connect", source, target, polarity, view)

    def disconnect(self, source: str, target: str, view: int | None = None) -> Document:
        """The document without the connectors between two variables."""
        return self._edited("disconnect", source, target, view)

    def match_links(self, name: str) -> Document:
        """The document with connectors into a variable drawn as its equations ask for, in every view."""
        return self._edited("match_links", name)

    def attach(self, flow: str, end: str, stock: str | None) -> Document:
        """The document with an end of a flow, ``"source"`` or ``"target"``, on another stock, or None: a cloud."""
        if end not in ("source", "target"):
            raise UsageError(f"end='{shown(end)}'", remedy="use 'source' or 'target'")
        return self._edited("attach", flow, end, stock)

    # parts

    def extract(self, ids: Iterable[str], view: int = 0) -> Document:
        """A small document of the same format with some elements of a view and the variables that they show.

        Links are taken when both their ends are. A flow whose stock is not taken ends in a cloud, and a stock
        is left without the flows that are not taken.

        Parameters
        ----------
        ids : iterable of str
            Of elements; those that cannot be taken, such as modules, are passed over.
        view : int

        Raises
        ------
        UsageError
            Nothing of it can be taken.

        Examples
        --------
        >>> from sdtheory.documents import read
        >>> document = read("models/m0_seed.mdl")
        >>> ids = [one.id for one in document.views[0].elements if one.variable == "capability"]
        >>> list(document.extract(ids).variables)
        ['capability']
        """
        from sdtheory.documents.document import Document

        document = cast(Document, self)
        module = _of_format(document.format)
        text = module.extract(document, ids, view)
        part = Document(text.encode(), document.format, "utf-8", None, document.limits)
        return part.splice(module.strip(part))

    def insert(self, part: Document, shift: tuple[float, float] = (0.0, 0.0), view: int = 0) -> Document:
        """The document with all variables of a part of another, and with its drawings in a view.

        Parameters
        ----------
        part : Document
            As `extract` gives it; none of its names is used here.
        shift : (float, float)
            How far to the right and down of their places there the elements are put.
        view : int

        Raises
        ------
        DocumentError
            A name is used already, or the part would be read otherwise here.
        """
        from sdtheory.documents.parts import check_added

        document = cast("Document", self)
        if part.format != document.format:
            raise UsageError(f"a part of a {part.format} file does not fit into a {document.format} file")
        new = self._edited("insert", part, shift, view)
        check_added(document, part, new)
        return new

    def diff(self, other: Document) -> str:
        """What another document has otherwise, as a unified diff; "" when the bytes are the same."""
        import difflib

        mine = cast("Document", self)
        here, there = mine.text.splitlines(keepends=True), other.text.splitlines(keepends=True)
        return "".join(difflib.unified_diff(here, there, mine.file, other.file))


def as_text(value: Number) -> str:
    """A number as its shortest text, a text as it is.

    Examples
    --------
    >>> as_text(20.0), as_text(0.1), as_text("a / b")
    ('20', '0.1', 'a / b')
    """
    if isinstance(value, str):
        return value
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def _of_format(format: str) -> ModuleType:
    return importlib.import_module(f"sdtheory.documents.{format}_edits")
