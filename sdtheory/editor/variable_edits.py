"""Operations on what variables say: names, equations, units, lookups, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdtheory.documents.drafting import block_of
from sdtheory.documents.edits import as_text
from sdtheory.editor.checks import units_fault
from sdtheory.editor.drawing_edits import Done
from sdtheory.editor.editing import Editing
from sdtheory.editor.state import Refused
from sdtheory.editor.variables import rate_place
from sdtheory.errors import shown


def add_stock(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """A stock without flows."""
    document = editing.document.add_stock(**_new(editing, arguments, "initial"))
    return editing.after(document), f"Add stock {shown(arguments['name'], 60)}"


def add_auxiliary(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """An auxiliary or a constant."""
    document = editing.document.add_auxiliary(**_new(editing, arguments, "equation"))
    return editing.after(document), f"Add {shown(arguments['name'], 60)}"


def _new(editing: Editing, arguments: Mapping[str, Any], first: str) -> dict[str, Any]:
    return {first: "0", **arguments, "view": editing.view}


def rename(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """A variable, dimension or element called otherwise everywhere."""
    old, new = arguments["name"], arguments["to"]
    document = editing.document.rename(old, new)
    return editing.after(document, same=True), f"Rename {shown(old, 40)} to {shown(new, 40)}"


def set_equation(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Another equation; of a Vensim stock its net flow, unless the whole is given."""
    name, text, subscripts = arguments["name"], arguments["text"], arguments.get("subscripts")
    document = editing.document
    entry = document.entry(name)
    if entry.kind == "stock" and not arguments.get("whole"):
        if document.format == "xmile":
            raise Refused(
                f"the net flow of '{shown(entry.name)}' is that of its flows", code="stock", field="text",
                remedy="attach flows to it, or set its initial value",
            )  # fmt: skip
        equation = block_of(document, entry, subscripts).equation
        place = rate_place(equation)
        if place is not None:
            whole = equation[: place[0]] + text.strip() + equation[place[1] :]
            at = rate_place(whole)
            if at is None or whole[slice(*at)] != text.strip():
                raise Refused(
                    f"'{shown(entry.name)}': this is not one expression", code="equation", field="text",
                    remedy="a net flow has no comma and no open bracket",
                )  # fmt: skip
            text = whole
    links = arguments.get("links", "match")
    new = document.set_equation(name, text, subscripts=subscripts, links=links)
    return editing.after(new), f"Edit equation of {shown(name, 60)}"


def set_initial(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Another initial value of a stock."""
    name, text, subscripts = arguments["name"], arguments["text"], arguments.get("subscripts")
    new = editing.document.set_initial(name, text, subscripts=subscripts)
    return editing.after(new), f"Edit initial value of {shown(name, 60)}"


def set_units(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Other units; an equation that was typed into their field is refused."""
    name, text = arguments["name"], arguments["text"]
    fault = units_fault(editing.document, text)
    if fault is not None:
        raise Refused(fault[0], code="unit-syntax", field="text", start=fault[1], stop=fault[2])
    return editing.after(
        editing.document.set_units(name, text), same=True
    ), f"Edit units of {shown(name, 60)}"


def set_documentation(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Other words about a variable."""
    name = arguments["name"]
    new = editing.document.set_documentation(name, arguments["text"])
    return editing.after(new, same=True), f"Edit documentation of {shown(name, 60)}"


def set_lookup(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Other points of a graphical function."""
    name, subscripts = arguments["name"], arguments.get("subscripts")
    looks = {word: arguments[word] for word in ("kind", "xscale", "yscale") if word in arguments}
    points = arguments["x"], arguments["y"]
    new = editing.document.set_lookup(name, *points, subscripts=subscripts, **looks)
    return editing.after(new), f"Edit lookup {shown(name, 60)}"


def set_range(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Another range of values; null is an open end."""
    name = arguments["name"]
    low, high = ("?" if value is None else as_text(value) for value in (arguments["low"], arguments["high"]))
    units = editing.document.entry(name).units
    new = editing.document.set_units(name, f"{units} [{low},{high}]".lstrip())
    return editing.after(new), f"Edit range of {shown(name, 60)}"


def set_simulation(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Other settings of a run."""
    return editing.after(editing.document.set_simulation(**arguments)), "Edit settings"


def match_links(editing: Editing, arguments: Mapping[str, Any]) -> Done:
    """Links added and taken away as the equation of a variable says, in every view."""
    name = arguments["name"]
    return editing.after(editing.document.match_links(name)), f"Match links of {shown(name, 60)}"
