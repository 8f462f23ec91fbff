"""An XMILE document through PySD's parsers.

PySD's grammar is given the equations alone, one by one, with every name numbered; arrays, graphical
functions, stocks, modules and macros are put together here from the document. So names that PySD's grammar
misreads, several models in one file, and XMILE's own words for the clock do no harm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdtheory.documents import Document
from sdtheory.documents.index import Block, Entry, Macro
from sdtheory.errors import ModelError, shown
from sdtheory.names import canonical
from sdtheory.translate.faults import display_name, fault, unreadable
from sdtheory.translate.mending import mended
from sdtheory.translate.modules import connections
from sdtheory.translate.remembered import remembered
from sdtheory.translate.xmile_equation import Scope, points_of, rewritten, spelled_back

CONTROLS = {"initial time": "start", "final time": "stop", "time step": "time_step"}


def xmile_model(document: Document, folder: Path) -> Any:
    """PySD's abstract model of an XMILE document.

    Parameters
    ----------
    document : Document
    folder : Path
        A private folder, where PySD's model is said to be from.

    Raises
    ------
    ModelError
        When PySD cannot read an equation; names the variable and its place.
    """
    from pysd.translators.structures.abstract_model import AbstractModel

    reader = _Reader(document)
    reader.parse()
    sections = [reader.main(), *(reader.macro(macro) for macro in document.macros.values())]
    return AbstractModel(original_path=folder / "model.xmile", sections=tuple(sections))


@dataclasses.dataclass(frozen=True)
class _Text:
    """An equation to be parsed, and whose it is: a variable's, else a macro's, else the clock's."""

    equation: str
    scope: Scope
    entry: Entry | None = None
    block: Block | None = None
    axes: tuple[str, ...] = ()
    macro: Macro | None = None


@remembered
def equation_tree(equation: str, written: str) -> Any:
    """PySD's tree of an equation in numbered names; what PySD loses of it is mended from how the file writes it."""
    from pysd.translators.xmile.xmile_element import EquationVisitor
    from pysd.translators.xmile.xmile_structures import parsing_ops
    from pysd.translators.xmile.xmile_utils import Grammar

    parsed = Grammar.get("equations", parsing_ops).parse(equation)
    return mended(EquationVisitor(parsed).translation, written, "xmile")


class _Reader:
    def __init__(self, document: Document):
        self.document = document
        self.connected = dict(connections(document))
        self.texts: dict[Any, _Text] = {}
        self.trees: dict[Any, Any] = {}
        for key, entry in document.variables.items():
            if entry.kind != "module" and key not in self.connected:
                self._collect(key, entry, Scope(document, entry.model))
        for key, macro in document.macros.items():
            scope = Scope(document, "", macro)
            for name, entry in macro.variables.items():
                self._collect((key, name), entry, scope)
            self.texts[key, "", "result"] = _Text(macro.equation, scope, macro=macro)
        simulation = document.simulation
        for word, default in (("start", "0"), ("stop", "100"), ("time_step", "1")):
            text = getattr(simulation, word) or default
            self.texts["clock", word] = _Text(text, Scope(document, ""))

    def _collect(self, key: Any, entry: Entry, scope: Scope) -> None:
        for place, block in enumerate(entry.blocks):
            axes = tuple(part.strip() for part in block.subscripts.split(",")) if block.subscripts else ()
            axes = axes or entry.dimensions
            for word, text in (("equation", block.equation), ("initial", block.initial)):
                if text:
                    self.texts[key, place, word] = _Text(text, scope, entry, block, axes)

    def parse(self) -> None:
        """Let PySD parse every text; its trees come back with the document's names."""
        for key, text in self.texts.items():
            plain = rewritten(text.equation, text.scope)
            try:
                tree = equation_tree(plain, text.equation)
            except Exception as error:
                raise self._unreadable(text, error) from None
            own = key[0] if isinstance(key[0], str) else ""
            self.trees[key] = spelled_back(tree, text.scope, text.axes, own)

    def _unreadable(self, text: _Text, error: Exception) -> ModelError:
        if text.entry is not None:
            return unreadable(self.document, error, text.entry, text.block)
        whose = f"macro '{shown(text.macro.name)}'" if text.macro else "the settings of the run"
        return ModelError(
            f"{whose}: the equation '{shown(text.equation)}' cannot be read",
            file=self.document.file,
            line=text.macro.line if text.macro else self.document.simulation.line,
            remedy="check its brackets, operators and function names",
        )

    # sections

    def main(self) -> Any:
        from pysd.translators.structures.abstract_model import AbstractControlElement, AbstractSubscriptRange

        controls = [
            AbstractControlElement(name=name.upper(), components=[_component((), self.trees["clock", word])])
            for name, word in CONTROLS.items()
        ]
        save = AbstractControlElement(
            name="SAVEPER", components=[_component((), _reference("time step", ()))]
        )
        ranges = [
            AbstractSubscriptRange(dimension.name, list(elements_of(dimension)), [])
            for dimension in self.document.dimensions.values()
        ]
        elements = [
            self._element(key, entry, display_name(entry))
            for key, entry in self.document.variables.items()
            if entry.kind != "module" and (key not in CONTROLS and key != "saveper")
        ]
        return _section("__main__", "main", (), ranges, [*elements, *controls, save])

    def macro(self, macro: Macro) -> Any:
        key = canonical(macro.name)
        elements = [
            self._element((key, name), entry, entry.name, macro) for name, entry in macro.variables.items()
        ]
        elements.append(_abstract_element(macro.name, [_component((), self.trees[key, "", "result"])]))
        return _section(macro.name, "macro", macro.parameters, [], elements)

    def _element(self, key: Any, entry: Entry, name: str, macro: Macro | None = None) -> Any:
        from pysd.translators.structures import abstract_expressions as ae

        if key in self.connected:
            origin = self.connected[key]
            return _abstract_element(
                name, [_component(entry.dimensions, _reference(origin, entry.dimensions))]
            )
        components = []
        for place, (block, axes) in enumerate(_placed(self.document, entry)):
            tree = self.trees.get((key, place, "equation"))
            initial = self.trees.get((key, place, "initial"))
            if entry.kind == "stock":
                rate = self._net_rate(entry, Scope(self.document, entry.model, macro))
                tree = ae.IntegStructure(rate, tree, entry.non_negative)
            components.append(self._component(entry, block, axes, tree, initial))
        return _abstract_element(name, components)

    def _component(self, entry: Entry, block: Block, axes: tuple[str, ...], tree: Any, initial: Any) -> Any:
        from pysd.translators.structures import abstract_expressions as ae
        from pysd.translators.structures.abstract_model import AbstractLookup

        # the points of the whole array hold for an element that has none
        lookup = block.lookup or next((one.lookup for one in entry.blocks if not one.subscripts), None)
        if entry.kind == "lookup" and lookup is not None:
            return AbstractLookup(subscripts=(list(axes), []), ast=points_of(lookup))
        if lookup is not None:
            tree = ae.InlineLookupsStructure(tree, points_of(lookup))
        if entry.kind == "flow" and entry.non_negative:
            tree = ae.CallStructure(_reference("max", ()), (tree, 0))
        if initial is not None:
            tree = ae.CallStructure(_reference("active_initial", ()), (tree, initial))
        return _component(axes, tree)

    def _net_rate(self, stock: Entry, scope: Scope) -> Any:
        from pysd.translators.structures import abstract_expressions as ae

        flows = [("+", name) for name in stock.inflows] + [("-", name) for name in stock.outflows]
        trees = []
        for _, name in flows:
            key = scope.key(name)
            if key is None:
                raise fault(self.document, stock, f"the flow '{shown(name)}' does not exist")
            trees.append(_reference(key, scope.dimensions(key)))
        if not flows:
            return 0
        if flows[0][0] == "-":
            trees[0] = ae.ArithmeticStructure(["negative"], (trees[0],))
        if len(trees) == 1:
            return trees[0]
        return ae.ArithmeticStructure([sign for sign, _ in flows[1:]], tuple(trees))


def _placed(document: Document, entry: Entry) -> Iterator[tuple[Block, tuple[str, ...]]]:
    """Each equation of a variable with the subscripts that it is for."""
    plain = [block for block in entry.blocks if not block.subscripts]
    if len(plain) > 1 and entry.dimensions:
        # one equation for each element of an array of one dimension, in the order of the elements
        dimension = document.dimensions.get(entry.dimensions[0])
        elements = elements_of(dimension) if dimension else ()
        if len(entry.dimensions) > 1 or len(elements) != len(plain):
            raise fault(document, entry, f"{len(plain)} equations for {len(elements)} elements")
        yield from ((block, (element,)) for block, element in zip(plain, elements, strict=True))
        return
    for block in entry.blocks:
        if block.subscripts:
            yield block, tuple(part.strip() for part in block.subscripts.split(","))
        else:
            yield block, entry.dimensions


def elements_of(dimension: Any) -> tuple[str, ...]:
    """The elements of a dimension; one that has a size alone counts them from 1."""
    return dimension.elements or tuple(str(place + 1) for place in range(dimension.size))


def _reference(name: str, subscripts: tuple[str, ...]) -> Any:
    from pysd.translators.structures import abstract_expressions as ae

    inside = ae.SubscriptsReferenceStructure(list(subscripts)) if subscripts else None
    return ae.ReferenceStructure(name, inside)


def _component(subscripts: tuple[str, ...], tree: Any) -> Any:
    from pysd.translators.structures.abstract_model import AbstractComponent

    return AbstractComponent(subscripts=(list(subscripts), []), ast=tree)


def _abstract_element(name: str, components: list[Any]) -> Any:
    from pysd.translators.structures.abstract_model import AbstractElement

    return AbstractElement(name=name, components=components)


def _section(name: str, kind: str, parameters: Any, ranges: list[Any], elements: list[Any]) -> Any:
    from pysd.translators.structures.abstract_model import AbstractSection

    return AbstractSection(
        name=name,
        path=Path("."),
        type=kind,
        params=list(parameters),
        returns=[],
        subscripts=tuple(ranges),
        elements=tuple(elements),
        constraints=(),
        test_inputs=(),
        split=False,
        views_dict=None,
    )
