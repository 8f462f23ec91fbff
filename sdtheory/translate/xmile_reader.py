"""An XMILE document through PySD's parsers.

PySD is given the equations alone, one for each variable of a plain private file, with every name numbered;
arrays, graphical functions, stocks, modules and macros are put together here from the document. So names
that PySD's grammar misreads, several models in one file, and XMILE's own words for the clock do no harm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from sdtheory.documents import Document
from sdtheory.documents.index import Block, Entry, Macro, Module
from sdtheory.documents.lexer import qualified
from sdtheory.errors import ModelError, shown
from sdtheory.names import canonical
from sdtheory.translate.faults import fault, unreadable
from sdtheory.translate.mending import mended
from sdtheory.translate.xmile_equation import Scope, points_of, rewritten, spelled_back

NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
CONTROLS = {"initial time": "start", "final time": "stop", "time step": "time_step"}


def xmile_model(document: Document, folder: Path) -> Any:
    """PySD's abstract model of an XMILE document.

    Parameters
    ----------
    document : Document
    folder : Path
        A private folder for the copy that PySD reads.

    Raises
    ------
    ModelError
        When PySD cannot read an equation; names the variable and its place.
    """
    from pysd.translators.structures.abstract_model import AbstractModel

    reader = _Reader(document)
    reader.parse(folder / "model.xmile")
    sections = [reader.main(), *(reader.macro(macro) for macro in document.macros.values())]
    return AbstractModel(original_path=folder / "model.xmile", sections=tuple(sections))


def display_name(entry: Entry) -> str:
    """The name of a variable in the model: one of a submodel carries its module's name."""
    return f"{entry.model}.{entry.name}" if entry.model else entry.name


@dataclasses.dataclass(frozen=True)
class _Text:
    """An equation to be parsed, and whose it is."""

    equation: str
    scope: Scope
    entry: Entry | None
    block: Block | None
    axes: tuple[str, ...] = ()


class _Reader:
    def __init__(self, document: Document):
        self.document = document
        self.connected = dict(_connections(document))
        self.texts: dict[Any, _Text] = {}
        self.trees: dict[Any, Any] = {}
        for key, entry in document.variables.items():
            if entry.kind != "module" and key not in self.connected:
                self._collect(key, entry, Scope(document, entry.model))
        for key, macro in document.macros.items():
            scope = Scope(document, "", macro)
            for name, entry in macro.variables.items():
                self._collect((key, name), entry, scope)
            self.texts[key, "", "result"] = _Text(macro.equation, scope, None, None)
        simulation = document.simulation
        for word, default in (("start", "0"), ("stop", "100"), ("time_step", "1")):
            text = getattr(simulation, word) or default
            self.texts["clock", word] = _Text(text, Scope(document, ""), None, None)

    def _collect(self, key: Any, entry: Entry, scope: Scope) -> None:
        for place, block in enumerate(entry.blocks):
            axes = tuple(part.strip() for part in block.subscripts.split(",")) if block.subscripts else ()
            axes = axes or entry.dimensions
            for word, text in (("equation", block.equation), ("initial", block.initial)):
                if text:
                    self.texts[key, place, word] = _Text(text, scope, entry, block, axes)

    def parse(self, copy: Path) -> None:
        """Let PySD parse every text; its trees come back with the document's names."""
        from pysd.translators.xmile.xmile_file import XmileFile

        keys = list(self.texts)
        variables = "".join(
            f'<aux name="q{place}"><eqn>{escape(rewritten(text.equation, text.scope))}</eqn></aux>'
            for place, text in enumerate(self.texts.values())
        )
        copy.write_text(
            f'<xmile version="1.0" xmlns="{NAMESPACE}"><header/>'
            "<sim_specs><start>0</start><stop>1</stop><dt>1</dt></sim_specs>"
            f"<model><variables>{variables}</variables></model></xmile>",
            encoding="utf-8",
        )
        file = XmileFile(copy)
        file.parse(parse_all=False)
        (section,) = file.sections
        section.parse(parse_all=False)
        for component in section.components:
            if not component.name.startswith("q"):
                continue
            key = keys[int(component.name[1:])]
            text = self.texts[key]
            try:
                component.parse(section.behaviors)
            except Exception as error:
                raise unreadable(self.document, error, text.entry, text.block) from None
            tree = mended(component.components[0][1], text.equation, "xmile")
            self.trees[key] = spelled_back(tree, text.scope, text.axes)

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
        elements = [self._element((key, name), entry, entry.name) for name, entry in macro.variables.items()]
        elements.append(_abstract_element(macro.name, [_component((), self.trees[key, "", "result"])]))
        return _section(macro.name, "macro", macro.parameters, [], elements)

    def _element(self, key: Any, entry: Entry, name: str) -> Any:
        if key in self.connected:
            origin = self.connected[key]
            return _abstract_element(
                name, [_component(entry.dimensions, _reference(origin, entry.dimensions))]
            )
        components = []
        for place, (block, axes) in enumerate(_placed(self.document, entry)):
            tree = self.trees.get((key, place, "equation"))
            initial = self.trees.get((key, place, "initial"))
            components.append(self._component(entry, block, axes, tree, initial))
        return _abstract_element(name, components)

    def _component(self, entry: Entry, block: Block, axes: tuple[str, ...], tree: Any, initial: Any) -> Any:
        from pysd.translators.structures import abstract_expressions as ae
        from pysd.translators.structures.abstract_model import AbstractLookup

        lookup = block.lookup or entry.lookup
        if entry.kind == "stock":
            tree = ae.IntegStructure(self._net_rate(entry), tree, entry.non_negative)
        elif entry.kind == "lookup" and lookup is not None:
            return AbstractLookup(subscripts=(list(axes), []), ast=points_of(lookup))
        elif lookup is not None:
            tree = ae.InlineLookupsStructure(tree, points_of(lookup))
        if entry.kind == "flow" and entry.non_negative:
            tree = ae.CallStructure(_reference("max", ()), (tree, 0))
        if initial is not None:
            tree = ae.CallStructure(_reference("active_initial", ()), (tree, initial))
        return _component(axes, tree)

    def _net_rate(self, stock: Entry) -> Any:
        from pysd.translators.structures import abstract_expressions as ae

        scope = Scope(self.document, stock.model)
        flows = [("+", name) for name in stock.inflows] + [("-", name) for name in stock.outflows]
        trees = []
        for _, name in flows:
            key = scope.key(name)
            if key is None:
                raise fault(self.document, stock, f"the flow '{shown(name)}' does not exist")
            trees.append(_reference(key, self.document.variables[key].dimensions))
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


def _connections(document: Document) -> Iterator[tuple[str, str]]:
    """For each input of a module that is connected, the variable that it takes its value from."""
    models = {entry.model for entry in document.variables.values()}
    for module in document.modules:
        if module.connections and canonical(module.name) not in map(canonical, models):
            raise ModelError(
                f"module '{shown(module.name)}' has no <model> of its name in this file",
                file=document.file,
                line=module.line,
            )
        for connection in module.connections:
            target = _qualified(document, module, connection.target, module.name)
            origin = _qualified(document, module, connection.origin, module.parent)
            if target is None or origin is None:
                missing = connection.target if target is None else connection.origin
                raise ModelError(
                    f"module '{shown(module.name)}' connects '{shown(missing)}', which does not exist",
                    file=document.file,
                    line=connection.line,
                )
            if target != origin:
                yield target, origin


def _qualified(document: Document, module: Module, name: str, scope: str) -> str | None:
    name = qualified(name)
    return Scope(document, scope).key(name) or Scope(document, module.parent).key(name)


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
