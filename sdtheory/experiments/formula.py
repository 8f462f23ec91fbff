"""Formulas in experiment files, read by the same reader as a model's equations."""

from __future__ import annotations

import re
import zlib
from xml.sax.saxutils import escape, quoteattr

from sdtheory.errors import ExperimentError, SDError, shown
from sdtheory.limits import Limits
from sdtheory.model.expression import Call, Expression, Name, Number, Table, rebuild, substitute
from sdtheory.model.functions import FUNCTIONS
from sdtheory.model.model import CONTROLS
from sdtheory.model.printing import name_text
from sdtheory.names import canonical

RESULT = "formula of the experiment"
CLOCK = {"time", "dt", "starttime", "stoptime", *map(canonical, CONTROLS)}
FIRST_SITE = 2**31  # of random functions in formulas; a model's own begin at 0


def read_formula(text: str) -> Expression:
    """The expression tree of a formula, in the language of XMILE (underscores for spaces, or quoted names) or Vensim.

    A document of one variable is made around the formula, and loaded as any model is; where XMILE cannot read it,
    once more as Vensim.

    Raises
    ------
    ExperimentError
        When the formula cannot be read.

    Examples
    --------
    >>> from sdtheory.model.expression import to_text
    >>> to_text(read_formula("2 * search_leverage")), to_text(read_formula("2 * search leverage"))
    ('2*search leverage', '2*search leverage')
    """
    most = Limits().equation_bytes
    if len(text) > most:
        raise ExperimentError(
            f"the formula '{shown(text, 20)}' has {len(text):,} characters; the limit is {most:,}"
        )
    try:
        return _read(text, "xmile")
    except SDError as error:
        try:
            return _read(text, "vensim")
        except SDError:
            raise ExperimentError(f"cannot read the formula '{shown(text)}': {error.message}") from error


def _read(text: str, format: str) -> Expression:
    from sdtheory.documents import from_bytes
    from sdtheory.documents.lexer import references
    from sdtheory.translate import load

    cells: dict[str, str] = {}
    plain = _without_subscripts(text, cells, format)
    names = {
        canonical(one.name): one.name
        for one in references(plain, format)
        if format == "xmile" or one.role == "name"
    }
    if canonical(RESULT) in names:
        raise ExperimentError("it reads itself")
    declared = [name for key, name in names.items() if key not in CLOCK]
    source = _xmile(plain, declared) if format == "xmile" else _mdl(plain, declared)
    tree = load(from_bytes(source.encode(), format=format))[RESULT].equations[0].expression
    if isinstance(tree, Table):
        raise ExperimentError("it is a list of points")
    return apart(substitute(tree, lambda name: _cell(name, cells)), zlib.crc32(text.encode()))


def _xmile(plain: str, names: list[str]) -> str:
    declared = "".join(f"<aux name={quoteattr(name.replace('_', ' '))}><eqn>0</eqn></aux>" for name in names)
    return (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
        "<sim_specs><start>0</start><stop>1</stop><dt>1</dt></sim_specs><model><variables>"
        f"<aux name={quoteattr(RESULT)}><eqn>{escape(plain)}</eqn></aux>{declared}</variables></model></xmile>"
    )


def _mdl(plain: str, names: list[str]) -> str:
    if "~" in plain or "|" in plain:
        raise ExperimentError("it holds '~' or '|'")
    declared = "\n".join(f"{name_text(name, 'vensim')} = 0 ~~|" for name in names)
    return f"{{UTF-8}}\n{RESULT} = {plain} ~~|\n{declared}"


def apart(tree: Expression, number: int) -> Expression:
    """The tree with its random functions at sites of their own, beyond those of any model."""
    tree = rebuild(tree, lambda part: apart(part, number))
    if not isinstance(tree, Call) or FUNCTIONS[tree.function].kind != "random":
        return tree
    *arguments, site = tree.arguments
    assert isinstance(site, Number)
    return Call(tree.function, (*arguments, Number(FIRST_SITE + number // 4 + site.value)))


def _without_subscripts(text: str, cells: dict[str, str], format: str) -> str:
    """The formula with each ``name[element]`` replaced by a plain name, kept in `cells`."""

    def numbered(match: re.Match) -> str:
        plain = f"cell_{len(cells)}_of_formula"
        cells[canonical(plain)] = match.group().strip()
        return plain

    more = " " if format == "vensim" else ""  # names there go on over spaces
    return re.sub(rf'(?:"[^"\n]*"|(?<!\w)[^\W\d][\w{more}]*)\[[^\[\]\n]*\]', numbered, text)


def _cell(name: Name, cells: dict[str, str]) -> Name | None:
    text = cells.get(canonical(name.name))
    if text is None:
        return None
    head, _, inside = text[:-1].partition("[")
    return Name(canonical(head), tuple(part.strip() for part in inside.split(",")))
