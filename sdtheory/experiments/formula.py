"""Formulas in experiment files, read by the same reader as a model's equations."""

from __future__ import annotations

import zlib
from xml.sax.saxutils import quoteattr

from sdtheory.errors import ExperimentError, SDError, shown
from sdtheory.limits import Limits
from sdtheory.model.expression import Call, Expression, Name, Number, Table, rebuild, substitute
from sdtheory.model.functions import FUNCTIONS
from sdtheory.names import canonical

RESULT = "formula of the experiment"
FIRST_SITE = 2**31  # of random functions in formulas; a model's own begin at 0


def read_formula(text: str) -> Expression:
    """The expression tree of a formula, in XMILE spelling (underscores for spaces, or quoted names).

    A document of one variable is made around the formula, and loaded as any model is.

    Raises
    ------
    ExperimentError
        When the formula cannot be read.

    Examples
    --------
    >>> from sdtheory.model.expression import to_text
    >>> to_text(read_formula("2 * search_leverage"))
    '2*search leverage'
    """
    from sdtheory.documents import from_bytes
    from sdtheory.documents.lexer import references
    from sdtheory.translate import load

    most = Limits().equation_bytes
    if len(text) > most:
        raise ExperimentError(
            f"the formula '{shown(text, 20)}' has {len(text):,} characters; the limit is {most:,}"
        )
    cells: dict[str, str] = {}
    plain = _without_subscripts(text, cells)
    try:
        found = {canonical(reference.name): reference.name for reference in references(plain, "xmile")}
    except SDError as error:
        raise ExperimentError(f"cannot read the formula '{shown(text)}': {error}") from error
    if canonical(RESULT) in found:
        raise ExperimentError(f"the formula '{shown(text)}' reads itself")
    declared = "".join(
        f"<aux name={quoteattr(name.replace('_', ' '))}><eqn>0</eqn></aux>"
        for key, name in found.items()
        if key not in ("time", "time step", "dt", "starttime", "stoptime")
    )
    equation = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    source = (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
        "<sim_specs><start>0</start><stop>1</stop><dt>1</dt></sim_specs><model><variables>"
        f"<aux name={quoteattr(RESULT)}><eqn>{equation}</eqn></aux>{declared}</variables></model></xmile>"
    )
    try:
        tree = load(from_bytes(source.encode(), format="xmile"))[RESULT].equations[0].expression
    except SDError as error:
        raise ExperimentError(f"cannot read the formula '{shown(text)}': {error.message}") from error
    assert not isinstance(tree, Table)
    return apart(substitute(tree, lambda name: _cell(name, cells)), zlib.crc32(text.encode()))


def apart(tree: Expression, number: int) -> Expression:
    """The tree with its random functions at sites of their own, beyond those of any model."""
    tree = rebuild(tree, lambda part: apart(part, number))
    if not isinstance(tree, Call) or FUNCTIONS[tree.function].kind != "random":
        return tree
    *arguments, site = tree.arguments
    assert isinstance(site, Number)
    return Call(tree.function, (*arguments, Number(FIRST_SITE + number // 4 + site.value)))


def _without_subscripts(text: str, cells: dict[str, str]) -> str:
    """The formula with each ``name[element]`` replaced by a plain name, kept in `cells`."""
    import re

    def numbered(match: re.Match) -> str:
        plain = f"cell_{len(cells)}_of_formula"
        cells[canonical(plain)] = match.group().strip()
        return plain

    return re.sub(r'(?:"[^"\n]*"|(?<!\w)[^\W\d]\w*)\[[^\[\]\n]*\]', numbered, text)


def _cell(name: Name, cells: dict[str, str]) -> Name | None:
    text = cells.get(canonical(name.name))
    if text is None:
        return None
    head, _, inside = text[:-1].partition("[")
    return Name(canonical(head), tuple(part.strip() for part in inside.split(",")))
