"""The one place that calls PySD's translators, on a private copy made of a document's own parts.

Nothing is written beside the user's file, and nothing is executed: PySD's abstract model is pure data.
"""

from __future__ import annotations

import ast
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from sdtheory.documents import Document
from sdtheory.documents.index import Block, Entry, Lookup
from sdtheory.documents.lexer import references
from sdtheory.errors import ModelError, shown
from sdtheory.names import canonical

NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
CLOCK = {"dt": "time_step", "starttime": "initial_time", "stoptime": "final_time"}
_SKETCH = re.compile(rb"(?m)^\\{2,}---///")
_EMPTIED = ("units", "documentation", "limits")


def abstract_model(document: Document) -> Any:
    """PySD's abstract model of a document.

    Raises
    ------
    ModelError
        When PySD cannot read an equation; names the variable and its line where they can be found.
    """
    from pysd.translators.vensim import vensim_element
    from pysd.translators.vensim.vensim_file import VensimFile
    from pysd.translators.xmile import xmile_element
    from pysd.translators.xmile.xmile_file import XmileFile

    # PySD's parsers pass pieces of the file's text, such as the limits of a lookup, to `eval`.
    vensim_element.eval = xmile_element.eval = _literal  # type: ignore[attr-defined]
    vensim = document.format == "vensim"
    with tempfile.TemporaryDirectory(prefix="sdtheory-") as folder:
        copy = Path(folder, "model.mdl" if vensim else "model.xmile")
        copy.write_bytes(_vensim_copy(document) if vensim else _xmile_copy(document).encode())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                file = VensimFile(copy) if vensim else XmileFile(copy)
                file.parse()
                return file.get_abstract_model()
        except (Exception, RecursionError) as error:
            raise _readable(document, error) from None


def _literal(text: str) -> Any:
    """The value of a number, a quoted text, or tuples and lists of them; anything else is an error."""
    try:
        return ast.literal_eval(text)
    except SyntaxError:
        return float(text)  # such as 007


def _vensim_copy(document: Document) -> bytes:
    """The equations as they stand, with documentation, units and ranges emptied and the sketch left out."""
    data = document.bytes
    entries = [*document.variables.values()]
    for macro in document.macros.values():
        entries.extend(macro.variables.values())
    cuts = sorted(
        {
            (block.spans[part].start, block.spans[part].stop)
            for entry in entries
            for block in entry.blocks
            for part in _EMPTIED
            if part in block.spans
        }
    )
    sketch = _SKETCH.search(data)
    stop = sketch.start() if sketch else len(data)
    pieces, position = [], 0
    for start, end in cuts:
        if start >= position and end <= stop:
            pieces.append(data[position:start])
            position = end
    pieces.append(data[position:stop])
    text = b"".join(pieces).decode(document.encoding).lstrip("\ufeff")
    return (
        ("{UTF-8}\n" + re.sub(r"^\s*\{[^{}\n]*\}", "", text))
        .replace("\r\n", "\n")
        .replace("\r", "\n")
        .encode()
    )


def _xmile_copy(document: Document) -> str:
    """A plain XMILE file with nothing but what equations need, everything escaped."""
    simulation = document.simulation
    parts = [
        f'<xmile version="1.0" xmlns="{NAMESPACE}"><header/><sim_specs>',
        f"<start>{escape(simulation.start or '0')}</start><stop>{escape(simulation.stop or '100')}</stop>",
        _time_step(simulation),
        "</sim_specs><dimensions>",
    ]
    for dimension in document.dimensions.values():
        elements = dimension.elements or tuple(str(i + 1) for i in range(dimension.size))
        inside = "".join(f"<elem name={quoteattr(element)}/>" for element in elements)
        parts.append(f"<dim name={quoteattr(dimension.name)}>{inside}</dim>")
    parts.append("</dimensions><model><variables>")
    parts.extend(_xmile_variable(document, entry) for entry in document.variables.values() if not entry.model)
    parts.append("</variables></model></xmile>")
    return "".join(parts)


def _time_step(simulation: Any) -> str:
    text = (simulation.time_step or "1").strip()
    if simulation.reciprocal:
        return f'<dt reciprocal="true">{escape(text.removeprefix("1/"))}</dt>'
    return f"<dt>{escape(text)}</dt>"


def _xmile_variable(document: Document, entry: Entry) -> str:
    tag = {"stock": "stock", "flow": "flow", "lookup": "gf"}.get(entry.kind, "aux")
    name = quoteattr(entry.name)
    if tag == "gf" and entry.lookup is not None and not any(block.equation for block in entry.blocks):
        return f"<gf name={name}{_kind(entry.lookup)}>{_points(entry.lookup)}</gf>"
    if tag == "gf":
        tag = "aux"
    parts = [f"<{tag} name={name}>"]
    if entry.dimensions:
        inside = "".join(f"<dim name={quoteattr(dimension)}/>" for dimension in entry.dimensions)
        parts.append(f"<dimensions>{inside}</dimensions>")
    for block in entry.blocks:
        inside = _equation(document, block)
        if block.subscripts and entry.dimensions:
            inside = f"<element subscript={quoteattr(block.subscripts)}>{inside}</element>"
        parts.append(inside)
    parts.extend(f"<inflow>{escape(_as_name(flow))}</inflow>" for flow in entry.inflows)
    parts.extend(f"<outflow>{escape(_as_name(flow))}</outflow>" for flow in entry.outflows)
    if entry.non_negative:
        parts.append("<non_negative/>")
    return "".join([*parts, f"</{tag}>"])


def _as_name(name: str) -> str:
    text = "_".join(name.replace('"', "").split())
    return text if re.fullmatch(r"[^\W\d]\w*", text) else f'"{text}"'


def _equation(document: Document, block: Block) -> str:
    text = _own_words(block.equation, document)
    lookup = block.lookup
    table = f"<gf{_kind(lookup)}>{_points(lookup)}</gf>" if lookup is not None else ""
    return f"<eqn>{escape(text)}</eqn>{table}"


def _kind(lookup: Lookup) -> str:
    return f' type="{lookup.kind}"'


def _points(lookup: Lookup) -> str:
    x = ",".join(map(repr, lookup.x))
    y = ",".join(map(repr, lookup.y))
    return f"<xpts>{x}</xpts><ypts>{y}</ypts>"


def _own_words(text: str, document: Document) -> str:
    """The equation with comments out, clock words by PySD's names and ``[*]`` by the dimension."""
    text = re.sub(r"\{[^{}]*\}", " ", text)
    pieces, position = [], 0
    for reference in references(text, "xmile"):
        if canonical(reference.name) in CLOCK and reference.name not in document.variables:
            pieces.append(text[position : reference.start] + CLOCK[canonical(reference.name)])
            position = reference.stop
        elif "*" in text[reference.stop :] and reference.name in document.variables:
            stars = re.match(r"\s*\[([^\[\]]*)\]", text[reference.stop :])
            dimensions = document.variables[reference.name].dimensions
            if stars and "*" in stars.group(1):
                given = [part.strip() for part in stars.group(1).split(",")]
                whole = [d + "!" if g == "*" else g for g, d in zip(given, dimensions, strict=False)]
                pieces.append(text[position : reference.stop] + "[" + ", ".join(whole) + "]")
                position = reference.stop + stars.end()
    return " ".join("".join([*pieces, text[position:]]).split())


def _readable(document: Document, error: BaseException) -> ModelError:
    """PySD's complaint as one line; the variable is found by the equation text that it quotes."""
    if isinstance(error, RecursionError):
        return ModelError("an equation is nested too deeply to be read", file=document.file)
    text = str(error)
    squeezed = "".join(text.split()).casefold()
    best: tuple[int, Entry, Block] | None = None
    for entry in document.variables.values():
        for block in entry.blocks:
            part = "".join(block.equation.split()).casefold()[:60]
            if part and part in squeezed and (best is None or len(part) > best[0]):
                best = (len(part), entry, block)
    first = shown(text.strip().splitlines()[0] if text.strip() else type(error).__name__, 120)
    if best is None:
        return ModelError(f"an equation cannot be read: {first}", file=document.file)
    _, entry, block = best
    return ModelError(
        f"the equation of '{shown(entry.name)}' cannot be read: '{shown(block.equation)}'",
        file=document.file,
        line=block.line,
        column=block.column,
        remedy="check its brackets, operators and function names",
    )
