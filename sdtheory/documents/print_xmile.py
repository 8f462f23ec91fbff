"""A model written as an XMILE file (XMILE 1.0)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import escape

from sdtheory.documents.convert_common import CONTROL_KEYS, NAMESPACE, VENDOR, Conversion, end_text
from sdtheory.documents.index import Lookup as Points
from sdtheory.model.expression import Call, Expression, Lookup, Name, Number, Table, Unary, chain, left_spine
from sdtheory.model.model import Equation, Flow, Stock, Variable
from sdtheory.model.printing import Printer, name_text, number_text
from sdtheory.names import canonical

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_KINDS = {"interpolate": "", "extrapolate": "extrapolate", "hold_backward": "discrete"}
_ISEE = "http://iseesystems.com/XMILE"


def attribute(value: str) -> str:
    """A value for an attribute, in quotes.

    Examples
    --------
    >>> attribute('a "b" & c')
    '"a &quot;b&quot; &amp; c"'
    """
    cleaned = _NOT_XML.sub(" ", value)
    return f'"{escape(cleaned, {chr(34): "&quot;", chr(10): "&#10;", chr(9): "&#9;"})}"'


def tag(word: str, attributes: Mapping[str, str] | None = None, text: str | None = None) -> str:
    """An element on one line; attributes that are empty are left out."""
    inside = "".join(f" {key}={attribute(value)}" for key, value in (attributes or {}).items() if value != "")
    if text is None:
        return f"<{word}{inside}/>"
    return f"<{word}{inside}>{escape(_NOT_XML.sub(' ', text))}</{word}>"


def nested(word: str, attributes: Mapping[str, str], lines: Iterable[str]) -> list[str]:
    """An element around others."""
    inside = "".join(f" {key}={attribute(value)}" for key, value in attributes.items() if value != "")
    return [f"<{word}{inside}>", *(f"\t{line}" for line in lines), f"</{word}>"]


def written_name(name: str) -> str:
    """A name as an attribute holds it."""
    return name.replace("\\", "\\\\")


def xmile_text(conversion: Conversion, views: list[str]) -> str:
    """The whole file; `views` are the lines of ``<views>``."""
    document, model = conversion.document, conversion.model
    _split_rates(conversion)
    header = nested(
        "header",
        {},
        [
            tag("name", None, model.name),
            tag("vendor", None, "sdtheory"),
            tag("product", {"version": "1.0", "lang": "en"}, "sdtheory"),
        ],
    )
    dimensions = [
        line
        for dimension in model.dimensions.values()
        for line in nested(
            "dim",
            {"name": written_name(dimension.name), "size": str(len(dimension.elements))},
            [tag("elem", {"name": written_name(element)}) for element in dimension.elements],
        )
    ]
    mapped = sum(bool(dimension.mappings) for dimension in model.dimensions.values())
    if mapped:
        conversion.lost["mapping between subscript ranges, written out by element where it is used"] += mapped
    units = [
        line
        for unit in document.unit_definitions
        for line in nested("unit", {"name": unit.name}, [tag("alias", None, one) for one in unit.aliases])
    ]
    variables = [
        line for variable in conversion.variables.values() for line in _variable(conversion, variable)
    ]
    variables += _groups(conversion)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0" '
        f'xmlns:isee="{_ISEE}" xmlns:{VENDOR}="{NAMESPACE}">',
    ]
    inside = [*header, *_specs(conversion)]
    inside += nested("model_units", {}, units) if units else []
    inside += nested("dimensions", {}, dimensions) if dimensions else []
    inside += nested("model", {}, [*nested("variables", {}, variables), *views])
    return "\n".join([*lines, *(f"\t{line}" for line in inside), "</xmile>", ""])


def _specs(conversion: Conversion) -> list[str]:
    settings, document = conversion.model.settings, conversion.document
    start, stop, step, save = map(conversion.setting, ("start", "stop", "time_step", "save_every"))
    parts = round(1 / step) if step else 0
    reciprocal = parts > 1 and 1 / parts == step
    attributes = {
        "method": {"euler": "Euler", "rk4": "RK4"}[settings.method],
        "time_units": settings.time_units,
        "isee:save_interval": number_text(save) if save != step else "",
    }
    lines = [tag("start", None, number_text(start)), tag("stop", None, number_text(stop))]
    if reciprocal:
        lines.append(tag("dt", {"reciprocal": "true"}, str(parts)))
    else:
        lines.append(tag("dt", None, number_text(step)))
    for key, entry in document.variables.items():
        if canonical(key) in CONTROL_KEYS:
            low, high = map(end_text, entry.limits or (None, None))
            described = {"name": entry.name.upper(), "units": entry.units, "min": low, "max": high}
            lines.append(tag(f"{VENDOR}:control", described, _prose(entry.documentation)))
    return nested("sim_specs", attributes, lines)


def _prose(text: str) -> str:
    return text.replace("\\", "\\\\")


def _groups(conversion: Conversion) -> list[str]:
    members: dict[str, list[str]] = {}
    for variable in conversion.variables.values():
        members.setdefault(conversion.group(variable), []).append(variable.name)
    lines = []
    for group in conversion.document.groups:
        inside = [tag("doc", None, _prose(group.documentation))] if group.documentation else []
        inside += [tag("entity", {"name": written_name(name)}) for name in members.get(group.name, ())]
        lines += nested("group", {"name": written_name(group.name)}, inside)
    return lines


# rates


def _split_rates(conversion: Conversion) -> None:
    """Give every stock flows by name: what is no flow of its own becomes one."""
    drawn = {"flow": set[str](), "auxiliary": set[str]()}
    for view in conversion.document.views:
        for element in view.elements:
            if element.variable and element.kind in drawn:
                drawn[element.kind].add(canonical(element.variable))
    # a flow that is drawn as a plain word stays one
    flows = {
        key
        for key, variable in conversion.variables.items()
        if isinstance(variable, Flow) and (key in drawn["flow"] or key not in drawn["auxiliary"])
    }
    used: set[tuple[str, str]] = set()
    taken = set(conversion.variables) | CONTROL_KEYS
    for key, stock in list(conversion.variables.items()):
        if isinstance(stock, Stock):
            _split_rate(conversion, key, stock, flows, used, taken)


def _split_rate(
    conversion: Conversion,
    key: str,
    stock: Stock,
    flows: set[str],
    used: set[tuple[str, str]],
    taken: set[str],
) -> None:
    parts = []
    for equation in stock.equations:
        assert not isinstance(equation.expression, Table)
        parts.append(list(_terms(equation.expression)))
    names: list[tuple[str, str]] = []
    others: list[list[tuple[str, Expression]]] = [[] for _ in parts]
    common = {_flow_term(conversion, term, stock.equations[0], stock, flows) for term in parts[0]} - {None}
    for equation, terms in zip(stock.equations[1:], parts[1:], strict=True):
        common &= {_flow_term(conversion, term, equation, stock, flows) for term in terms}
    for place, (equation, terms) in enumerate(zip(stock.equations, parts, strict=True)):
        seen: set[tuple[str, str]] = set()
        for term in terms:
            flow = _flow_term(conversion, term, equation, stock, flows)
            if flow in common and flow not in seen and flow not in used:
                assert flow is not None
                seen.add(flow)
                if place == 0:
                    names.append(flow)
            else:
                others[place].append(term)
    used.update(names)
    spelled = {
        sign: tuple(conversion.variables[name].name for own, name in names if own == sign) for sign in "+-"
    }
    inflows, outflows = spelled["+"], spelled["-"]
    if any(others):
        name = next(
            name
            for number in range(1, len(taken) + 2)
            if canonical(name := f"{stock.name} net flow{f' {number}' if number > 1 else ''}") not in taken
        )
        taken.add(canonical(name))
        equations = tuple(
            dataclasses.replace(equation, expression=_sum(terms), initial=None)
            for equation, terms in zip(stock.equations, others, strict=True)
        )
        conversion.variables[canonical(name)] = Flow(name, equations, stock.dimensions)
        conversion.sources[canonical(name)] = conversion.sources.get(key, key)
        conversion.lost["rate that is no sum of flows, now with a flow of its own"] += 1
        inflows = (*inflows, name)
    conversion.variables[key] = dataclasses.replace(stock, inflows=inflows, outflows=outflows)


def _terms(tree: Expression) -> Iterator[tuple[str, Expression]]:
    """The signed terms of a sum; a term that is the number 0 says nothing."""
    first, rest = left_spine(tree)
    if any(operator not in "+-" for operator, _ in rest):
        first, rest = tree, []
    sign = "+"
    if isinstance(first, Unary) and first.operator == "-":
        sign, first = "-", first.argument
    for operator, term in [(sign, first), *rest]:
        if term != Number(0.0):
            yield operator, term


def _flow_term(
    conversion: Conversion, term: tuple[str, Expression], equation: Equation, stock: Stock, flows: set[str]
) -> tuple[str, str] | None:
    """Sign and key of a term that is a flow with the stock's own subscripts."""
    sign, node = term
    if not isinstance(node, Name):
        return None
    key = canonical(node.name)
    flow = conversion.variables.get(key)
    same = flow is not None and tuple(map(canonical, flow.dimensions)) == tuple(
        map(canonical, stock.dimensions)
    )
    here = tuple(map(canonical, node.subscripts)) == tuple(map(canonical, equation.subscripts))
    return (sign, key) if same and here and key in flows else None


def _sum(terms: list[tuple[str, Expression]]) -> Expression:
    if not terms:
        return Number(0.0)
    (sign, first), *rest = terms
    return chain(first if sign == "+" else Unary("-", first), rest)


# variables


def _variable(conversion: Conversion, variable: Variable) -> list[str]:
    # a lookup too is an <aux>, so that views can show it
    kind = variable.kind if variable.kind in ("stock", "flow") else "aux"
    lines = [tag("doc", None, _prose(variable.documentation))] if variable.documentation else []
    if variable.dimensions:
        dims = [tag("dim", {"name": written_name(name)}) for name in variable.dimensions]
        lines += nested("dimensions", {}, dims)
    whole = tuple(map(canonical, variable.dimensions))
    printer = conversion.printer(variable)
    for equation, points in zip(variable.equations, conversion.points(variable), strict=True):
        inside = _equation(conversion, variable, equation, printer, points)
        if tuple(map(canonical, equation.subscripts)) == whole:
            lines += inside
        else:
            subscripts = ", ".join(name_text(one, "xmile") for one in equation.subscripts)
            lines += nested("element", {"subscript": subscripts}, inside)
    if isinstance(variable, Stock):
        lines += [tag("inflow", None, name_text(name, "xmile")) for name in variable.inflows]
        lines += [tag("outflow", None, name_text(name, "xmile")) for name in variable.outflows]
    return nested(kind, {"name": written_name(variable.name)}, [*lines, *_described(variable)])


def _described(variable: Variable) -> list[str]:
    lines = [tag("units", None, variable.units)] if variable.units else []
    low, high = map(end_text, variable.limits)
    if low or high:
        lines.append(tag("range", {"min": low, "max": high}))
    return lines


def _equation(
    conversion: Conversion, variable: Variable, equation: Equation, printer: Printer, points: Points | None
) -> list[str]:
    tree = equation.initial if isinstance(variable, Stock) else equation.expression
    assert tree is not None
    if isinstance(tree, Table):
        return nested("gf", {"type": _KINDS[tree.kind]}, _points(tree, points, conversion))
    after = []
    if isinstance(tree, Call) and tree.function == "active_initial":
        tree, initial = tree.arguments
        after = [tag("init_eqn", None, printer.text(initial))]
    if isinstance(tree, Lookup) and isinstance(tree.table, Table):
        after += nested("gf", {"type": _KINDS[tree.table.kind]}, _points(tree.table, points, conversion))
        tree = tree.argument
    return [tag("eqn", None, printer.text(tree)), *after]


def _points(table: Table, points: Points | None, conversion: Conversion) -> list[str]:
    lines = [
        tag("xpts", None, ",".join(map(number_text, table.x))),
        tag("ypts", None, ",".join(map(number_text, table.y))),
    ]
    if points is not None and points.yscale is not None:
        low, high = map(number_text, points.yscale)
        lines.insert(1, tag("yscale", {"min": low, "max": high}))
    if points is not None and points.xscale not in (None, (table.x[0], table.x[-1])):
        conversion.lost["range of the x axis of a lookup that is wider than its points"] += 1
    return lines
