"""A model written as a Vensim file (``.mdl``)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sdtheory.documents.convert_common import Conversion, end_text, xml_root
from sdtheory.documents.index import Lookup as Points
from sdtheory.documents.xml_tree import Node
from sdtheory.model.expression import Lookup, Table
from sdtheory.model.model import Equation, Stock, Variable
from sdtheory.model.printing import Printer, name_text, number_text, points_text, subscripts_text
from sdtheory.names import canonical

_STARS = "*" * 56
_SETTING_WORDS = {
    "FINAL TIME": ("stop", "The final time for the simulation."),
    "INITIAL TIME": ("start", "The initial time for the simulation."),
    "SAVEPER": ("save_every", "The frequency with which output is stored."),
    "TIME STEP": ("time_step", "The time step for the simulation."),
}


def vensim_text(conversion: Conversion, sketch: str) -> str:
    """The whole file; `sketch` are the views, "" when there are none."""
    blocks = ["{UTF-8}\n", *_dimensions(conversion)]
    group = ""
    for name, variables in _by_group(conversion):
        if name != group:
            blocks.append(_heading(conversion, name))
            group = name
        blocks.extend(_variable(conversion, variable) for variable in variables)
    blocks.append(_heading(conversion, "Control", "Simulation Control Parameters"))
    blocks.extend(_controls(conversion))
    return "\n".join(blocks) + sketch + _settings(conversion)


def _by_group(conversion: Conversion) -> Iterator[tuple[str, list[Variable]]]:
    """Variables that are in no group, then those of each group, in the order of the file."""
    members: dict[str, list[Variable]] = {"": []}
    for group in conversion.document.groups:
        members.setdefault(group.name, [])
    for variable in conversion.variables.values():
        members.setdefault(conversion.group(variable), []).append(variable)
    control = members.pop("Control", [])
    yield "", members.pop("") + control
    yield from members.items()


def _heading(conversion: Conversion, name: str, documentation: str = "") -> str:
    found = (group for group in conversion.document.groups if group.name == name)
    documentation = next((group.documentation for group in found), "") or documentation
    flat = " ".join(documentation.replace("|", "/").replace("~", "-").split())
    plain = re.sub(r"[~|*]", " ", name)
    return f"{_STARS}\n\t.{plain}\n{_STARS}~\n\t\t{flat}\n\t|\n"


def _dimensions(conversion: Conversion) -> Iterator[str]:
    for dimension in conversion.model.dimensions.values():
        elements = ", ".join(name_text(element, "vensim") for element in dimension.elements)
        yield f"{name_text(dimension.name, 'vensim')}:\n\t{elements}\n\t~\t\n\t~\t\n\t|\n"


# variables


def _variable(conversion: Conversion, variable: Variable) -> str:
    printer = conversion.printer(variable)
    equations = [
        _equation(variable, equation, printer, points)
        for equation, points in zip(variable.equations, conversion.points(variable), strict=True)
    ]
    ends = "\n\t~~|\n"
    return ends.join(equations) + _described(
        conversion, variable.units, variable.limits, variable.documentation
    )


def _equation(variable: Variable, equation: Equation, printer: Printer, points: Points | None) -> str:
    left = name_text(variable.name, "vensim") + subscripts_text(equation.subscripts, "vensim")
    if equation.exceptions:
        parts = (subscripts_text(one, "vensim") for one in equation.exceptions)
        left += f" :EXCEPT: {', '.join(parts)}"
    tree = equation.expression
    if isinstance(tree, Table):
        return f"{left}(\n\t{points_text(tree, _box(tree, points))})"
    if isinstance(variable, Stock):
        assert equation.initial is not None
        return f"{left}= INTEG (\n\t{printer.text(tree)},\n\t\t{printer.text(equation.initial)})"
    if isinstance(tree, Lookup) and isinstance(tree.table, Table):
        inside = points_text(tree.table, _box(tree.table, points))
        return f"{left}= WITH LOOKUP (\n\t{printer.text(tree.argument)},\n\t\t({inside}))"
    return f"{left}=\n\t{printer.text(tree)}"


def _box(table: Table, points: Points | None) -> tuple[float, float, float, float] | None:
    """The corners of the graph that the file states for display."""
    if points is None or (points.xscale is None and points.yscale is None):
        return None
    x, y = points.xscale or (table.x[0], table.x[-1]), points.yscale or (min(table.y), max(table.y))
    return x[0], y[0], x[1], y[1]


def _described(
    conversion: Conversion,
    units: str,
    limits: tuple[float | None, float | None],
    documentation: str,
) -> str:
    ends = [end_text(end) or "?" for end in limits]
    if ends != ["?", "?"]:
        units = f"{units} [{','.join(ends)}]".strip()
    if re.search(r"[~|]", units + documentation):
        conversion.lost["sign ~ or | in units or documentation, replaced"] += 1
        units, documentation = (text.replace("~", "-").replace("|", "/") for text in (units, documentation))
    # a backslash at the end of a line would join it to the next
    lines = [
        f"{line.rstrip()} " if line.rstrip().endswith("\\") else line for line in documentation.split("\n")
    ]
    prose = "\n\t\t".join(lines)
    return f"\n\t~\t{units}\n\t~\t{prose}\n\t|\n"


# settings


def _controls(conversion: Conversion) -> Iterator[str]:
    notes = control_notes(conversion)
    for name, (word, documentation) in _SETTING_WORDS.items():
        value = number_text(conversion.setting(word))
        if name == "SAVEPER" and conversion.setting("save_every") == conversion.setting("time_step"):
            value = "TIME STEP"
        units = conversion.model.settings.time_units
        limits: tuple[float | None, float | None] = (None, None)
        entry, note = conversion.document.variables.get(name), notes.get(canonical(name))
        if entry is not None:
            units, documentation = entry.units or units, entry.documentation
            limits = entry.limits or limits
        elif note is not None:
            low, high = (note.get(end) for end in ("min", "max"))
            units, documentation = note.get("units"), note.text.replace("\\\\", "\\")
            limits = (float(low) if low else None, float(high) if high else None)
        yield f"{name}=\n\t{value}" + _described(conversion, units, limits, documentation)


def control_notes(conversion: Conversion) -> dict[str, Node]:
    """What this package's own files say about the simulation settings, by canonical name."""
    root = xml_root(conversion.document)
    nodes = (node for specs in root.children if specs.tag == "sim_specs" for node in specs.children)
    return {canonical(node.get("name")): node for node in nodes if node.tag.endswith(":control")}


def _settings(conversion: Conversion) -> str:
    method = {"euler": "0", "rk4": "5"}[conversion.model.settings.method]
    lines = ["///---\\\\\\", ":L\x7f<%^E!@", f"15:0,0,0,{method},0,0"]
    for unit in conversion.document.unit_definitions:
        names = [unit.name, *unit.aliases]
        if unit.equation:
            conversion.lost["equation of a unit"] += 1
        if len(names) > 1:
            # the sign of a currency comes first
            lines.append("22:" + ",".join(sorted(names, key=lambda name: name != "$")))
    return "\n".join([*lines, ""])
