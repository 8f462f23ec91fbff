"""Conversion of documents between Vensim and XMILE, judged by the run where a meaning may be lost."""

from __future__ import annotations

from sdtheory.documents import Document
from sdtheory.errors import ModelError, SimulationError, shown
from sdtheory.model.model import Model, Stock

_EQUAL = 1e-9


def convert(document: Document, format: str) -> Document:
    """The document in the other format: equations, units, documentation, settings and all views.

    Parameters
    ----------
    document : Document
    format : str
        ``"vensim"`` or ``"xmile"``.

    Returns
    -------
    Document
        An ordinary document without a source.

    Raises
    ------
    ModelError
        For something that the format cannot express; names the variable and the construct.

    Warns
    -----
    SDWarning
        One for each kind of thing that the format cannot hold, with its count.

    Examples
    --------
    >>> from sdtheory.documents import from_bytes
    >>> document = convert(from_bytes(b"births = 2 * POWER(3, 2) ~ people/year ~ |"), "xmile")
    >>> document.variables["births"].equation, document.variables["births"].units
    ('2*3^2', 'people/year')
    """
    from sdtheory.documents.convert import converted
    from sdtheory.translate import load

    model = load(document)
    new = converted(document, format, model)
    if format == "vensim" and new.format != document.format:
        held = [one.name for one in model if isinstance(one, Stock) and one.non_negative]
        if held:
            _compare(model, load(new), held, document.file)
    return new


def _compare(model: Model, new: Model, held: list[str], file: str) -> None:
    """Vensim cannot hold a stock at zero: refuse where that changes the run."""
    import numpy as np

    from sdtheory.engines.simulate import simulate

    try:
        before, after = simulate(model), simulate(new)
    except SimulationError:
        return
    for name in held:
        for column in before.columns:
            if column == name or column.startswith(f"{name}["):
                here, there = before[column].to_numpy(), after[column].to_numpy()
                if not np.allclose(here, there, rtol=_EQUAL, atol=0.0, equal_nan=True):
                    raise ModelError(
                        f"'{shown(name)}' is a stock that may not fall below zero, which Vensim has no "
                        "mark for, and without it the run differs",
                        file=file,
                        line=model[name].line,
                        remedy="limit its outflows by what the stock holds",
                    )
