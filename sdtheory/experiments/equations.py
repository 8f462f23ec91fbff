"""Equations that policies give, read by the same reader as a model's own, in the language of either format."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from xml.sax.saxutils import escape, quoteattr
from zlib import crc32

from sdtheory.errors import ExperimentError, SDError, UnknownName, shown
from sdtheory.experiments.formula import CLOCK, RESULT, apart
from sdtheory.limits import Limits
from sdtheory.model.expression import Expression, Table
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import Lookup, Model, Stock, Variable
from sdtheory.model.printing import name_text
from sdtheory.names import canonical, unknown

_WORDS = {canonical(word) for row in FUNCTIONS.values() for word in (row.vensim, row.xmile) if word} | {"pi"}
_ENDS = {"vensim": "~|", "xmile": ""}  # signs that would end the equation in the file made around it


def read_equation(
    text: str, model: Model, dimensions: tuple[str, ...] = (), later: Iterable[str] = ()
) -> tuple[type[Variable], Expression]:
    """What an equation makes of a variable of a model: its kind, and its expression.

    A file is made around the equation with the names that it reads, and loaded as any model is; first in the
    language of the model's own file, then in the other one.

    Parameters
    ----------
    text : str
    model : Model
    dimensions : tuple of str
        Of the variable that it is for.
    later : iterable of str
        Further names that may be read.

    Raises
    ------
    ExperimentError
        When it cannot be read.
    UnknownName
        When it reads a variable that the model does not have.

    Examples
    --------
    >>> from sdtheory.model.expression import to_text
    >>> kind, tree = read_equation("IF THEN ELSE(Time > 2, 0.5, 0)", Model("m", {}))
    >>> kind.__name__, to_text(tree, "xmile")
    ('Auxiliary', 'IF TIME > 2 THEN 0.5 ELSE 0')
    """
    most = Limits().equation_bytes
    if len(text) > most:
        raise ExperimentError(
            f"the equation '{shown(text, 20)}' has {len(text):,} characters; the limit is {most:,}"
        )
    extra = tuple(later)
    formats = ("vensim", "xmile") if model.file.casefold().endswith(".mdl") else ("xmile", "vensim")
    errors: list[SDError] = []
    for format in formats:
        try:
            kind, tree = _read(format, text, _around(format, text, model, dimensions, extra))
        except SDError as error:
            errors.append(error)
        else:
            return kind, apart(tree, crc32(text.encode()))
    # the language that was meant is the one in which most can be said
    raise min(errors, key=lambda error: 2 if not error.remedy and isinstance(error, UnknownName) else 1)


@lru_cache(maxsize=256)  # the same policies are applied to the same model again and again
def _read(format: str, text: str, source: str) -> tuple[type[Variable], Expression]:
    from sdtheory.documents import from_bytes
    from sdtheory.translate import load

    try:
        found = load(from_bytes(source.encode(), format=format))[RESULT]
    except SDError as error:
        raise ExperimentError(f"cannot read the equation '{shown(text)}': {error.message}") from error
    tree = found.equations[0].expression
    if isinstance(found, Stock) or isinstance(tree, Table):
        raise ExperimentError(f"the equation '{shown(text)}' is that of a {found.kind}")
    return type(found), tree


def _around(format: str, text: str, model: Model, dimensions: tuple[str, ...], later: tuple[str, ...]) -> str:
    """The file around an equation: the model's dimensions, and the names that the equation reads."""
    if any(sign in text for sign in _ENDS[format]):
        raise ExperimentError(f"cannot read the equation '{shown(text)}': it holds '~' or '|'")
    names = _names_read(format, text, model, later)
    variables = [model.variables[key] for key in names if key in model.variables]
    plain = [name for name in later if canonical(name) in names and canonical(name) not in model.variables]
    if format == "vensim":
        return _mdl(text, model, dimensions, variables, plain)
    return _xmile(text, model, dimensions, variables, plain)


def _names_read(format: str, text: str, model: Model, later: tuple[str, ...]) -> list[str]:
    from sdtheory.documents.lexer import references

    try:
        found = references(text, format)
    except SDError as error:
        raise ExperimentError(f"cannot read the equation '{shown(text)}': {error.message}") from error
    known = {*model.variables, *map(canonical, later)}
    names: dict[str, None] = {}
    for one in found:
        key = canonical(one.name)
        if key in known and key not in CLOCK:
            names[key] = None
        elif one.role == "name" and key not in CLOCK | _WORDS:
            raise unknown("variable", one.name, [*model.names(), *later])
    return list(names)


def _mdl(
    text: str, model: Model, dimensions: tuple[str, ...], variables: list[Variable], plain: list[str]
) -> str:
    def left(name: str, over: tuple[str, ...]) -> str:
        inside = ",".join(name_text(one, "vensim") for one in over)
        return name_text(name, "vensim") + (f"[{inside}]" if over else "")

    lines = ["{UTF-8}"]
    for dimension in model.dimensions.values():
        elements = ", ".join(name_text(element, "vensim") for element in dimension.elements)
        lines.append(f"{name_text(dimension.name, 'vensim')}: {elements} ~~|")
    lines.append(f"{left(RESULT, dimensions)} = {text} ~~|")
    for one in variables:
        value = "((0,0),(1,1))" if isinstance(one, Lookup) else "= 0"
        lines.append(f"{left(one.name, one.dimensions)} {value} ~~|")
    lines += [f"{left(name, ())} = 0 ~~|" for name in plain]
    return "\n".join(lines)


def _xmile(
    text: str, model: Model, dimensions: tuple[str, ...], variables: list[Variable], plain: list[str]
) -> str:
    def declared(name: str, over: tuple[str, ...], inside: str, tag: str = "aux") -> str:
        dims = "".join(f"<dim name={quoteattr(one)}/>" for one in over)
        within = f"<dimensions>{dims}</dimensions>" if over else ""
        return f"<{tag} name={quoteattr(name)}>{within}{inside}</{tag}>"

    ranges = ""
    for dimension in model.dimensions.values():
        elements = "".join(f"<elem name={quoteattr(element)}/>" for element in dimension.elements)
        ranges += f"<dim name={quoteattr(dimension.name)}>{elements}</dim>"
    parts = [declared(RESULT, dimensions, f"<eqn>{escape(text)}</eqn>")]
    graph = '<xscale min="0" max="1"/><ypts>0,1</ypts>'
    for one in variables:
        table = isinstance(one, Lookup)
        parts.append(
            declared(one.name, one.dimensions, graph if table else "<eqn>0</eqn>", "gf" if table else "aux")
        )
    parts += [declared(name, (), "<eqn>0</eqn>") for name in plain]
    return (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
        "<sim_specs><start>0</start><stop>1</stop><dt>1</dt></sim_specs>"
        + (f"<dimensions>{ranges}</dimensions>" if ranges else "")
        + f"<model><variables>{''.join(parts)}</variables></model></xmile>"
    )
